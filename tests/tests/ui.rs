//! Tests the input that `#[static_page]` accepts, and the compiler's message for each mistake, one
//! mistake per file.

/// One test for all files, since trybuild builds them together and locks the project meanwhile.
#[test]
fn the_attribute_accepts_and_refuses_as_documented() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
