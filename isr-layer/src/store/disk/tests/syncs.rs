use super::*;

/// True if a page is there after the process is killed now. A copy of the files is what a kill
/// leaves: that a copy is not made at one moment is no harm, since only syncs write.
pub(super) fn survives_kill(dir: &Dir, key: &str) -> bool {
    let copy = Dir::new();
    fs::create_dir_all(&copy.0).unwrap();
    for name in ["marks.redb", "pages.redb"] {
        fs::copy(dir.0.join(name), copy.0.join(name)).unwrap();
    }
    let disk = copy.open();
    disk.verdict(key).is_some()
}

#[test]
fn a_page_is_not_synced_at_once_but_a_little_later() {
    let dir = Dir::new();
    let disk = dir.open_with(Settings {
        sync_after: Duration::from_millis(300),
        ..settings()
    });

    disk.writes([put("a", 0)]);

    assert!(!survives_kill(&dir, "a"));
    until(|| survives_kill(&dir, "a"));
}

#[test]
fn many_octets_are_synced_at_once() {
    let dir = Dir::new();
    let late = Duration::from_secs(3600);
    let disk = dir.open_with(Settings {
        sync_after: late,
        sync_octets: 120_000,
        ..settings()
    });
    let large = |key: &str| -> Write { Put::new(key.to_owned(), 0, vec![], vec![7; 9_000]).into() };

    disk.writes([large("a")]);
    assert!(!survives_kill(&dir, "a"));
    disk.writes([large("b")]);
    assert!(!survives_kill(&dir, "a"));
    disk.writes([large("c")]);

    assert!(survives_kill(&dir, "a"));
    assert!(survives_kill(&dir, "c"));
}

#[test]
fn a_purge_is_synced_before_it_is_acknowledged() {
    let dir = Dir::new();
    let disk = dir.open_with(Settings {
        sync_after: Duration::from_millis(1),
        ..settings()
    });
    disk.writes([put("a", 0)]);
    until(|| survives_kill(&dir, "a"));

    for number in 1..10 {
        assert_eq!(disk.hard("a"), number);

        let copy = Dir::new();
        fs::create_dir_all(&copy.0).unwrap();
        fs::copy(dir.marks(), copy.marks()).unwrap();
        assert_eq!(Disk::open_with(&copy.0, settings()).unwrap().last(), number);
    }
}

#[test]
fn a_disk_that_is_dropped_is_synced_and_can_be_opened_at_once() {
    let dir = Dir::new();
    let late = Settings {
        sync_after: Duration::from_secs(3600),
        ..settings()
    };

    for i in 0..10 {
        let disk = dir.open_with(late.clone());
        disk.writes([put(&i.to_string(), 0)]);
        drop(disk);
    }

    let disk = dir.open();
    assert!((0..10).all(|i| disk.verdict(&i.to_string()).is_some()));
}

#[test]
fn a_reserve_that_a_killed_process_began_to_take_is_taken_anew() {
    use redb::{Database, ReadableDatabase, TableDefinition};

    const ROOM: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("room");
    let dir = Dir::new();
    let reserved = Settings {
        reserve: 1 << 20,
        ..settings()
    };
    let disk = dir.open_with(reserved.clone());
    disk.soft("a");
    drop(disk);
    let db = Database::open(dir.marks()).unwrap();
    let transaction = db.begin_write().unwrap();
    let row = vec![0; 4 << 20];
    transaction
        .open_table(ROOM)
        .unwrap()
        .insert(0, &row[..])
        .unwrap();
    transaction.commit().unwrap();
    drop(db);

    let disk = dir.open_with(reserved);

    assert_eq!(disk.last(), 1);
    drop(disk);
    let db = Database::open(dir.marks()).unwrap();
    let read = db.begin_read().unwrap();
    assert!(read.open_table(ROOM).is_err(), "its room is free");
}

#[test]
fn the_reserve_for_purges_is_taken_once_and_stays() {
    let dir = Dir::new();
    let reserved = Settings {
        reserve: 4 << 20,
        ..settings()
    };

    for _ in 0..3 {
        let disk = dir.open_with(reserved.clone());
        let before = len(&dir.marks());
        assert!(before >= 4 << 20, "{before}");
        for i in 0..50 {
            disk.soft(&i.to_string());
        }
        let after = len(&dir.marks());
        assert!(after >= 4 << 20, "{after}");
        assert!(after <= 6 << 20, "{after}");
    }
}
