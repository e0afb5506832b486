use super::*;

/// A page of 10,000 octets.
fn large(key: &str, as_of: u64) -> Write {
    Put::new(key.to_owned(), as_of, vec!["*".into()], vec![7; 10_000]).into()
}

/// The octets of such a page in the file: a block, and its rows.
const ROOM: u64 = 16_384 + 256;

/// The octets that a file takes on the disk.
fn taken(path: &Path) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(&fs::metadata(path).unwrap()) * 512;
    #[cfg(not(unix))]
    len(path)
}

fn bounded(max_bytes: u64) -> Settings {
    Settings {
        max_bytes,
        ..settings()
    }
}

fn flood(disk: &Disk, keys: std::ops::Range<u32>) {
    for key in keys {
        disk.writes([large(&format!("flood {key}"), 0)]);
    }
}

#[test]
fn the_file_stays_below_five_quarters_of_the_bound() {
    let dir = Dir::new();
    let bound = 8 << 20;
    let disk = dir.open_with(bounded(bound));

    for part in 0..100 {
        disk.writes((0..40).map(|i| large(&format!("{part} {i}"), 0)));
    }
    let kept = disk.pages_of("build") * ROOM;

    assert!(kept <= bound, "{kept}");
    assert!(kept >= bound / 10 * 9, "{kept}");
    let taken = taken(&dir.pages());
    assert!(taken <= bound / 4 * 5, "{taken}");
}

#[test]
fn pages_in_use_survive_a_flood() {
    let dir = Dir::new();
    let disk = dir.open_with(bounded(16 << 20));
    let in_use = || (0..100).map(|i| format!("in use {i}"));
    disk.writes(in_use().map(|key| large(&key, 0)));

    for part in 0..25 {
        disk.writes((0..100).map(|i| large(&format!("flood {part} {i}"), 0)));
        // The clock has milliseconds: without a pause all of them would be equally old.
        std::thread::sleep(Duration::from_millis(2));
        disk.writes(in_use().map(|key| touch(&key, 0, 0)));
        std::thread::sleep(Duration::from_millis(2));
    }

    let left = in_use().filter(|key| disk.verdict(key).is_some()).count();
    assert!(left >= 95, "{left} of 100");
}

#[test]
fn without_touches_a_flood_takes_the_oldest_pages() {
    let dir = Dir::new();
    let disk = dir.open_with(bounded(4 << 20));
    disk.writes((0..100).map(|i| large(&format!("unused {i}"), 0)));
    std::thread::sleep(Duration::from_millis(2));

    flood(&disk, 0..1_000);

    let left = (0..100).filter(|i| disk.verdict(&format!("unused {i}")).is_some());
    assert_eq!(left.count(), 0);
}

#[test]
fn pages_of_other_builds_go_first() {
    let dir = Dir::new();
    let disk = dir.open_with(bounded(500 * ROOM));
    disk.writes((0..100).map(|i| large(&format!("own {i}"), 0)));
    disk.join("newer").unwrap();
    disk.writes((0..200).map(|i| large(&format!("newer {i}"), 0)));
    // The one that evicts is the older one: a rollback.
    disk.join("build").unwrap();

    flood(&disk, 0..350);

    assert_eq!(disk.pages_of("newer"), 50);
    assert_eq!(disk.pages_of("build"), 450);
    flood(&disk, 350..500);
    assert_eq!(disk.pages_of("newer"), 0);
    assert_eq!(disk.pages_of("build"), 500);
}

#[test]
fn a_page_that_alone_is_too_large_is_not_kept_and_neither_is_the_older_one() {
    let dir = Dir::new();
    let disk = dir.open_with(bounded(100_000));
    disk.writes([large("a", 0), large("b", 0)]);

    disk.writes([Put::new("a", 1, Vec::new(), vec![0; 100_000]).into()]);

    assert_eq!(disk.verdict("a"), None);
    assert_eq!(
        disk.verdict("b"),
        Some(Validity::Valid),
        "it makes no room for that"
    );
}

#[test]
fn a_bound_that_was_lowered_holds_after_a_restart() {
    let dir = Dir::new();
    let disk = dir.open_with(bounded(4 << 20));
    flood(&disk, 0..400);
    drop(disk);

    let disk = dir.open_with(bounded(1 << 20));
    disk.writes([large("a", 0)]);

    assert!(disk.pages_of("build") * ROOM <= 1 << 20);
    assert_eq!(disk.verdict("a"), Some(Validity::Valid));
}
