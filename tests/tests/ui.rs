//! What `#[static_page]` accepts, and what the compiler says about each mistake, one in a file.

/// One test, since trybuild builds all files in one go and locks the project meanwhile.
#[test]
fn the_attribute_accepts_and_refuses_as_documented() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
