use super::*;

#[test]
fn the_next_number_is_higher_than_all_before_a_restart() {
    let dir = Dir::new();

    let mut last = 0;
    for _ in 0..3 {
        let disk = dir.open();
        assert_eq!(disk.join("build").unwrap(), last);
        for _ in 0..3 {
            let number = disk.soft("a");
            assert_eq!(number, last + 1);
            last = number;
        }
    }
}

#[test]
fn all_marks_of_one_call_have_one_number() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.writes([put("a", 0), put("b", 0)]);

    let marks = [Mark::soft("a"), Mark::hard("b")];
    let number = disk.shared.record(&marks).unwrap();

    assert_eq!(number, 1);
    assert_eq!(disk.last(), 1);
    assert_eq!(disk.verdict("a"), Some(Validity::Soft));
    assert_eq!(disk.verdict("b"), Some(Validity::Hard));
}

#[test]
fn a_purge_of_no_selector_takes_a_number_too() {
    let dir = Dir::new();
    let disk = dir.open();

    assert_eq!(disk.shared.record(&[]).unwrap(), 1);
    assert_eq!(disk.soft("a"), 2);
}

#[test]
fn numbers_of_callers_at_once_are_all_different() {
    let dir = Dir::new();
    let disk = dir.open();

    let mut numbers: Vec<u64> = std::thread::scope(|scope| {
        let record = || (0..20).map(|_| disk.soft("a")).collect::<Vec<_>>();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(record)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });

    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(1..=160));
}

#[test]
fn a_number_that_a_page_has_is_given_to_no_purge() {
    let dir = Dir::new();
    let disk = dir.open();

    disk.writes([put("a", 10), touch("a", 10, 12)]);

    assert_eq!(disk.soft("b"), 13);
}

/// A volume that was restored in part: no page is newer than its purges, but the file is.
#[test]
fn purges_that_are_missing_are_noticed_without_a_newer_page() {
    let dir = Dir::new();
    let disk = dir.open();
    disk.soft("other");
    disk.writes([put("a", 1)]);
    drop(disk);
    let old = fs::read(dir.marks()).unwrap();
    let disk = dir.open();
    disk.hard("a");
    drop(disk);
    fs::write(dir.marks(), old).unwrap();

    let disk = dir.open();

    assert_eq!(disk.verdict("a"), Some(Validity::Hard));
    assert_eq!(disk.soft("other"), 4, "2 was given, and 3 is for the loss");
}

/// A volume that was restored in part: its pages are newer than its purges.
#[test]
fn pages_that_know_more_than_the_marks_count_as_purged_strictly() {
    let dir = Dir::new();
    let disk = dir.open();
    for _ in 0..3 {
        disk.soft("other");
    }
    drop(disk);
    let old = fs::read(dir.marks()).unwrap();
    let disk = dir.open();
    for _ in 0..3 {
        disk.soft("other");
    }
    disk.writes([put("older", 3), put("newest", 6)]);
    drop(disk);
    fs::write(dir.marks(), old).unwrap();

    let disk = dir.open();

    assert_eq!(disk.verdict("older"), Some(Validity::Hard));
    assert_eq!(
        disk.verdict("newest"),
        Some(Validity::Hard),
        "purge 7 may be lost"
    );
    let last = disk.join("build").unwrap();
    assert_eq!(last, 7, "the loss counts as a purge of everything");
    disk.writes([put("older", last)]);
    assert_eq!(disk.verdict("older"), Some(Validity::Valid));
    assert_eq!(disk.soft("older"), 8);
    drop(disk);
    assert_eq!(
        dir.open().verdict("newest"),
        Some(Validity::Hard),
        "for good"
    );
}
