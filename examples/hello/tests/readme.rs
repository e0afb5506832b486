//! Holds the program to the README, which shows it.

const README: &str = include_str!("../../../README.md");
const PROGRAM: &str = include_str!("../src/main.rs");

#[test]
fn the_program_is_the_first_one_of_the_readme() {
    let first = README
        .split("\n```")
        .find_map(|block| block.strip_prefix("rust"))
        .and_then(|block| block.split_once('\n'))
        .map(|(_attributes, program)| format!("{program}\n"));

    assert_eq!(first.as_deref(), Some(PROGRAM));
}
