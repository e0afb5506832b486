use super::*;

#[test]
fn a_page_is_valid_until_one_of_its_selectors_is_marked() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put_with("a", 0, &["*", "tag", "path"])]);

    disk.hard("another tag");
    assert_eq!(disk.verdict("a"), Some(Validity::Valid));

    disk.soft("tag");
    assert_eq!(disk.verdict("a"), Some(Validity::Soft));
    assert_eq!(
        disk.text("a"),
        Some(content("a", 0)),
        "a soft page is given"
    );

    disk.hard("path");
    assert_eq!(disk.verdict("a"), Some(Validity::Hard));
    assert_eq!(
        disk.text("a"),
        Some(content("a", 0)),
        "the last resort is given"
    );
}

#[test]
fn a_strict_mark_stays_strict_after_a_later_soft_one() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 0)]);

    disk.hard("a");
    disk.soft("a");

    assert_eq!(disk.verdict("a"), Some(Validity::Hard));
    disk.writes([put("a", 1)]);
    assert_eq!(
        disk.verdict("a"),
        Some(Validity::Soft),
        "it knows the strict one"
    );
    disk.writes([put("a", 2)]);
    assert_eq!(disk.verdict("a"), Some(Validity::Valid));
}

#[test]
fn a_page_that_was_rendered_after_a_purge_is_valid() {
    let dir = Dir::new();
    let disk = dir.open();

    let number = disk.hard("a");
    disk.writes([put("a", number)]);

    assert_eq!(disk.verdict("a"), Some(Validity::Valid));
}

#[test]
fn verdicts_are_the_same_after_a_restart() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("soft", 0), put("hard", 0), put("valid", 0)]);
    disk.soft("soft");
    disk.hard("hard");
    drop(disk);

    let disk = dir.open();

    assert_eq!(disk.verdict("soft"), Some(Validity::Soft));
    assert_eq!(disk.verdict("hard"), Some(Validity::Hard));
    assert_eq!(disk.verdict("valid"), Some(Validity::Valid));
}

#[test]
fn a_touch_raises_the_number_up_to_which_a_page_is_valid() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 0)]);
    disk.soft("a");

    disk.writes([touch("a", 0, 1)]);
    assert_eq!(disk.verdict("a"), Some(Validity::Valid));

    disk.writes([touch("a", 0, 0)]);
    assert_eq!(disk.verdict("a"), Some(Validity::Valid), "it never falls");

    disk.soft("a");
    assert_eq!(disk.verdict("a"), Some(Validity::Soft));
    drop(disk);
    assert_eq!(dir.open().verdict("a"), Some(Validity::Soft));
}

#[test]
fn a_touch_of_another_page_means_nothing() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 0)]);
    let number = disk.soft("a");

    disk.writes([touch("a", 1, number), touch("b", 0, number)]);

    assert_eq!(disk.verdict("a"), Some(Validity::Soft));
    assert_eq!(disk.verdict("b"), None);
}

#[test]
fn a_new_page_knows_nothing_of_the_touches_of_the_one_before() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 0)]);
    let number = disk.soft("a");
    disk.writes([touch("a", 0, number)]);

    disk.writes([put("a", 0)]);

    assert_eq!(disk.verdict("a"), Some(Validity::Soft));
}

#[test]
fn a_page_with_no_selector_is_valid_and_a_mark_of_no_octets_reaches_its_like() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put_with("none", 0, &[]), put_with("empty", 0, &[""])]);

    disk.hard("");

    assert_eq!(disk.verdict("none"), Some(Validity::Valid));
    assert_eq!(disk.verdict("empty"), Some(Validity::Hard));
}
