use redb::{Database, TableDefinition};

use super::*;

const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");

fn filled(dir: &Dir) {
    let disk = dir.open();
    disk.writes([put("a", 0)]);
    disk.soft("other");
}

/// Writes the number of a newer format.
fn make_newer(path: &Path) {
    let db = Database::create(path).unwrap();
    let transaction = db.begin_write().unwrap();
    transaction
        .open_table(META)
        .unwrap()
        .insert("format", 2)
        .unwrap();
    transaction.commit().unwrap();
}

#[test]
fn pages_of_a_newer_format_are_set_aside() {
    let dir = Dir::new();
    filled(&dir);
    make_newer(&dir.pages());

    let disk = dir.open();

    assert!(dir.aside("pages.redb") && !dir.aside("marks.redb"));
    assert_eq!(disk.verdict("a"), None);
    assert_eq!(disk.last(), 1, "purges are known");
}

#[test]
fn marks_of_a_newer_format_set_both_aside() {
    let dir = Dir::new();
    filled(&dir);
    make_newer(&dir.marks());

    let disk = dir.open();

    assert!(dir.aside("pages.redb") && dir.aside("marks.redb"));
    assert_eq!(disk.verdict("a"), None);
}

#[test]
fn marks_that_are_gone_set_the_pages_aside() {
    let dir = Dir::new();
    filled(&dir);
    fs::remove_file(dir.marks()).unwrap();

    assert_eq!(dir.open().verdict("a"), None);
    assert!(dir.aside("pages.redb"));
}

#[test]
fn an_empty_file_of_marks_sets_the_pages_aside() {
    let dir = Dir::new();
    filled(&dir);
    fs::write(dir.marks(), "").unwrap();

    assert_eq!(dir.open().verdict("a"), None);
    assert!(dir.aside("pages.redb"));
}

#[test]
fn a_file_of_another_program_is_set_aside_and_kept() {
    let dir = Dir::new();
    fs::create_dir_all(&dir.0).unwrap();
    fs::write(dir.pages(), "a diary").unwrap();

    let disk = dir.open();
    disk.writes([put("a", 0)]);

    let aside = fs::read(dir.0.join("pages.redb.broken")).unwrap();
    assert_eq!(aside, b"a diary");
    assert!(disk.verdict("a").is_some());
}

/// Rots a file while it is open.
fn rot(path: &Path) {
    use std::io::{Seek, SeekFrom, Write as _};

    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xd6; len as usize - 4096]).unwrap();
}

#[test]
fn pages_that_rot_while_they_are_in_use_are_set_aside_and_the_store_goes_on() {
    let dir = Dir::new();
    let disk = dir.open();
    // More than the engine keeps in memory.
    let large = |i: u32| -> Write { Put::new(i.to_string(), 0, vec![], vec![7; 100_000]).into() };
    for i in 0..300 {
        disk.writes([large(i)]);
    }
    drop(disk);
    let disk = dir.open();

    rot(&dir.pages());
    let read = |i: u32| disk.shared.get(i.to_string().as_bytes());
    let wrong = (0..300).filter_map(|i| read(i).ok().flatten());
    assert_eq!(
        wrong.filter(|page| page.octets[..] != [7; 100_000]).count(),
        0
    );

    until(|| dir.aside("pages.redb") && disk.try_writes([put("a", 1)]).is_ok());
    assert_eq!(disk.text("a"), Some(content("a", 1)));
    assert_eq!(disk.pages_of("build"), 1, "under the number that is in use");
    drop(disk);
    assert_eq!(dir.open().text("a"), Some(content("a", 1)));
}

#[test]
fn marks_that_rot_while_they_are_in_use_undo_no_purge() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("purged", 0), put("other", 0)]);
    disk.soft("purged");
    drop(disk);
    let disk = dir.open();

    rot(&dir.marks());
    until(|| {
        let _ = disk.shared.record(&[Mark::soft("another")]);
        dir.aside("marks.redb")
    });

    until(|| disk.shared.record(&[]).is_ok());
    assert_eq!(disk.verdict("purged"), Some(Validity::Hard));
    assert_eq!(
        disk.verdict("other"),
        Some(Validity::Hard),
        "its marks are gone too"
    );
    assert!(disk.last() > 2, "numbers go on");
}

#[test]
fn a_page_whose_rows_disagree_is_none() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 1), put("b", 1)]);
    let id = super::super::id::id_of(1, b"a");
    let raised = disk.shared.pages.file.with(|db| {
        super::super::file::commit(db, super::super::file::Lasts::Unsynced, |transaction| {
            let mut uses = transaction.open_table(super::super::batch::USES)?;
            uses.insert(id, (500, 0, 7, 7))?;
            Ok(())
        })
    });
    raised.unwrap();

    assert_eq!(disk.verdict("a"), None);
    assert_eq!(disk.verdict("b"), Some(Validity::Valid));
}
