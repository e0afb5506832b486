use super::*;

/// The clock as it was, and then set back by years.
fn at(now: fn() -> u64) -> Settings {
    Settings {
        now,
        max_bytes: 200_000,
        ..settings()
    }
}

fn large(key: String) -> Write {
    Put::new(key, 0, Vec::new(), vec![7; 10_000]).into()
}

#[test]
fn a_clock_that_is_set_back_undoes_no_purge() {
    let dir = Dir::new();
    let disk = dir.open_with(at(|| 2_000_000));
    disk.writes([put("a", 0), put("b", 0)]);
    disk.hard("a");
    drop(disk);

    let disk = dir.open_with(at(|| 1_000));

    assert_eq!(disk.verdict("a"), Some(Validity::Hard));
    assert_eq!(disk.verdict("b"), Some(Validity::Valid));
    assert_eq!(disk.soft("b"), 2);
    assert_eq!(disk.verdict("b"), Some(Validity::Soft));
}

#[test]
fn a_clock_that_is_set_back_does_not_evict_new_pages_before_old_ones() {
    let dir = Dir::new();
    let disk = dir.open_with(at(|| 2_000_000));
    disk.writes((0..15).map(|i| large(format!("old {i}"))));
    drop(disk);

    let disk = dir.open_with(at(|| 1_000));
    for i in 0..200 {
        disk.writes([large(format!("new {i}"))]);
        assert!(
            disk.verdict(&format!("new {i}")).is_some(),
            "{i} is kept for now"
        );
    }

    let old = (0..15).filter(|i| disk.verdict(&format!("old {i}")).is_some());
    assert!(old.count() <= 3, "all are equally old, so chance decides");
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_syncs() {
    let dir = Dir::new();
    let disk = dir.open_with(at(|| 2_000_000));
    disk.writes([put("a", 0)]);
    drop(disk);

    let disk = dir.open_with(Settings {
        sync_after: Duration::from_millis(10),
        ..at(|| 1_000)
    });
    disk.writes([put("b", 0)]);

    until(|| super::syncs::survives_kill(&dir, "b"));
}
