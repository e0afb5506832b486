use super::*;

/// Opens the store for a build, and writes a page for it if it has none.
fn deploy(dir: &Dir, build: &str) -> bool {
    let disk = Disk::open_with(&dir.0, settings()).unwrap();
    disk.join(build).unwrap();
    let has_page = disk.text("a").is_some();
    if !has_page {
        disk.writes([put("a", 0)]);
    }
    has_page
}

#[test]
fn a_build_never_sees_the_pages_of_another_and_a_rollback_finds_its_own() {
    let dir = Dir::new();

    let found: Vec<bool> = ["1", "2", "1", "3", "2"]
        .map(|build| deploy(&dir, build))
        .to_vec();

    assert_eq!(found, [false, false, true, false, true]);
}

#[test]
fn pages_of_builds_that_are_too_old_go() {
    let dir = Dir::new();
    for build in ["1", "2", "3", "1", "4"] {
        deploy(&dir, build);
    }

    let disk = Disk::open_with(&dir.0, settings()).unwrap();
    disk.join("5").unwrap();
    disk.writes([put("a", 0)]);

    until(|| disk.pages_of("3") == 0 && disk.pages_of("2") == 0);
    assert_eq!(["1", "4", "5"].map(|build| disk.pages_of(build)), [1, 1, 1]);
}

#[test]
fn all_pages_of_an_old_build_go_in_steps() {
    let dir = Dir::new();
    let disk = Disk::open_with(
        &dir.0,
        Settings {
            keep_builds: 1,
            ..settings()
        },
    )
    .unwrap();
    disk.join("old").unwrap();
    disk.writes((0..2_500).map(|i| put(&i.to_string(), 0)));
    assert_eq!(disk.pages_of("old"), 2_500);

    disk.join("new").unwrap();
    disk.writes([put("a", 0)]);

    until(|| disk.pages_of("old") == 0);
    assert_eq!(disk.text("a"), Some(content("a", 0)));
}

#[test]
fn the_running_build_stays_although_the_clock_was_set_back() {
    let dir = Dir::new();
    deploy(&dir, "old");

    let early = Settings {
        keep_builds: 1,
        now: || 1_000,
        ..settings()
    };
    let disk = Disk::open_with(&dir.0, early).unwrap();
    disk.join("new").unwrap();
    disk.writes([put("a", 0)]);

    until(|| disk.pages_of("old") == 0);
    assert_eq!(disk.pages_of("new"), 1);
}

#[test]
fn a_purge_reaches_the_pages_of_all_builds() {
    let dir = Dir::new();
    deploy(&dir, "1");
    let disk = Disk::open_with(&dir.0, settings()).unwrap();
    disk.join("2").unwrap();
    disk.hard("a");
    drop(disk);

    let disk = Disk::open_with(&dir.0, settings()).unwrap();
    disk.join("1").unwrap();

    assert_eq!(disk.verdict("a"), Some(Validity::Hard));
}
