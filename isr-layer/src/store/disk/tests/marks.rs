use super::*;

fn few_marks() -> Settings {
    Settings {
        max_marks: 100,
        ..settings()
    }
}

fn selectors(range: std::ops::Range<u32>, mark: fn(String) -> Mark) -> Vec<Mark> {
    range.map(|i| mark(format!("tag {i}"))).collect()
}

fn row_count(disk: &Disk) -> u64 {
    use redb::{ReadableDatabase, ReadableTableMetadata};

    let count = disk.shared.marks.file.with(|db| {
        Ok(db
            .begin_read()?
            .open_table(super::super::marks::MARKS)?
            .len()?)
    });
    count.unwrap()
}

#[test]
fn the_oldest_marks_are_forgotten_and_their_pages_count_as_marked() {
    let dir = Dir::new();
    let disk = dir.open_with(few_marks());
    disk.writes([put("before", 0), put("of another site", 0)]);
    for i in 0..200 {
        disk.soft(&format!("tag {i}"));
    }
    assert_eq!(row_count(&disk), 200);
    assert_eq!(disk.verdict("before"), Some(Validity::Valid));

    disk.soft("tag 200");

    assert_eq!(row_count(&disk), 100);
    assert_eq!(
        disk.verdict("before"),
        Some(Validity::Soft),
        "101 marks were forgotten"
    );
    disk.writes([put("between", 100), put("after", 101)]);
    assert_eq!(disk.verdict("between"), Some(Validity::Soft));
    assert_eq!(disk.verdict("after"), Some(Validity::Valid));
    drop(disk);
    assert_eq!(
        dir.open().verdict("before"),
        Some(Validity::Soft),
        "after a restart too"
    );
}

#[test]
fn a_forgotten_strict_mark_leaves_a_strict_floor() {
    let dir = Dir::new();
    let disk = dir.open_with(few_marks());
    disk.writes([put("before", 0)]);
    disk.hard("strict");
    disk.writes([put("between", 1)]);
    for i in 0..200 {
        disk.soft(&format!("tag {i}"));
    }

    assert_eq!(disk.verdict("before"), Some(Validity::Hard));
    assert_eq!(disk.verdict("between"), Some(Validity::Soft));
}

#[test]
fn a_page_that_was_touched_survives_that_marks_are_forgotten() {
    let dir = Dir::new();
    let disk = dir.open_with(few_marks());
    disk.writes([put("touched", 0), put("other", 0)]);

    for i in 0..150 {
        disk.soft(&format!("tag {i}"));
    }
    disk.writes([touch("touched", 0, 150)]);
    for i in 150..201 {
        disk.soft(&format!("tag {i}"));
    }

    assert_eq!(disk.verdict("touched"), Some(Validity::Valid));
    assert_eq!(disk.verdict("other"), Some(Validity::Soft));
}

#[test]
fn one_call_with_too_many_marks_loses_no_purge() {
    let dir = Dir::new();
    let disk = dir.open_with(few_marks());
    disk.writes([put_with("a", 0, &["tag 7"])]);

    let number = disk.shared.record(&selectors(0..500, Mark::hard)).unwrap();

    assert_eq!(disk.verdict("a"), Some(Validity::Hard));
    disk.writes([put_with("a", number, &["tag 7"])]);
    assert_eq!(disk.verdict("a"), Some(Validity::Valid));
}

/// Marks, floors and touches against a list of all purges: no purge is ever lost.
#[test]
fn no_purge_is_lost_however_many_marks_are_forgotten() {
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let dir = Dir::new();
    let disk = dir.open_with(Settings {
        max_marks: 5,
        ..settings()
    });
    let mut purges: Vec<(u64, u32, bool)> = Vec::new();
    let mut pages: Vec<Option<u64>> = vec![None; 12];

    for _ in 0..600 {
        let page = random.u32(..12);
        let key = page.to_string();
        match random.u8(..3) {
            0 => {
                let as_of = disk.last();
                disk.writes([put(&key, as_of)]);
                pages[page as usize] = Some(as_of);
            }
            1 if random.bool() => purges.push((disk.hard(&key), page, true)),
            _ => purges.push((disk.soft(&key), page, false)),
        }

        let Some(as_of) = pages[page as usize] else {
            continue;
        };
        let reach = |strict: bool| {
            purges
                .iter()
                .any(|(number, of, hard)| *of == page && *number > as_of && (*hard || !strict))
        };
        let verdict = disk.verdict(&key).unwrap();
        assert!(!reach(true) || verdict == Validity::Hard, "seed {seed}");
        assert!(!reach(false) || verdict != Validity::Valid, "seed {seed}");
    }
}
