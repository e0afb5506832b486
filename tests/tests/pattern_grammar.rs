//! Tests that the attribute and pages built by hand accept equal paths.

#[test]
fn both_crates_have_the_same_grammar() {
    let runtime = include_str!("../../isr-layer/src/page/pattern.rs");
    let attribute = include_str!("../../isr-macros/src/pattern.rs");

    assert!(
        runtime == attribute,
        "copy isr-layer/src/page/pattern.rs to isr-macros/src/pattern.rs"
    );
}
