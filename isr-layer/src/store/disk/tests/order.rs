use super::*;

#[test]
fn a_page_that_knows_more_purges_stays() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 5)]);

    disk.writes([put("a", 4)]);
    assert_eq!(disk.text("a"), Some(content("a", 5)));

    disk.writes([remove("a", 4)]);
    assert_eq!(disk.text("a"), Some(content("a", 5)));

    disk.writes([put("a", 6)]);
    assert_eq!(disk.text("a"), Some(content("a", 6)));
}

#[test]
fn a_page_that_knows_as_many_purges_gives_way() {
    let dir = Dir::new();
    let disk = dir.open();
    let new = Put::new("a", 5, Vec::new(), "new");
    disk.writes([put("a", 5), new.into()]);
    assert_eq!(disk.text("a"), Some("new".to_owned()));

    disk.writes([remove("a", 5)]);

    assert_eq!(disk.text("a"), None);
}

#[test]
fn writes_are_done_in_the_order_of_the_list() {
    let dir = Dir::new();
    let disk = dir.open();

    disk.writes([
        put("a", 1),
        remove("a", 1),
        put("b", 1),
        remove("b", 1),
        put("b", 1),
    ]);

    assert_eq!(disk.text("a"), None);
    assert_eq!(disk.text("b"), Some(content("b", 1)));
}

#[test]
fn a_removed_page_takes_no_room() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 1), put("b", 1)]);
    disk.writes([remove("a", 1), remove("b", 1), remove("c", 1)]);

    let bytes = disk
        .shared
        .pages
        .file
        .with(|db| super::super::file::number(db, super::super::batch::BYTES));

    assert_eq!(bytes.unwrap(), 0);
    assert_eq!(disk.pages_of("build"), 0);
}

#[test]
fn keys_that_begin_alike_are_different_pages() {
    let dir = Dir::new();
    let disk = dir.open();
    let (a, b) = (
        format!("{}a", "k".repeat(31)),
        format!("{}b", "k".repeat(31)),
    );

    disk.writes([put(&a, 1), put(&b, 1)]);

    assert_eq!(disk.text(&a), Some(content(&a, 1)));
    assert_eq!(disk.text(&b), Some(content(&b, 1)));
}

#[test]
fn nothing_is_read_or_written_before_a_build_is_joined() {
    let dir = Dir::new();
    let disk = Disk::open_with(&dir.0, settings()).unwrap();

    assert!(disk.try_writes([put("a", 1)]).is_err());
    assert!(disk.shared.get(b"a").is_err());
    assert_eq!(disk.soft("a"), 1, "purges belong to all builds");
}
