//! A disk that is full: pages are refused, purges are not.

use std::process::Command;

use isr_layer::store::{StoreErrorKind, Validity};

use super::*;

/// A small file system in memory, unmounted at the end.
struct Mount(Dir);

impl Mount {
    /// `None`, with a line that says so, where this process may not mount.
    fn new(mib: u32) -> Option<Self> {
        let dir = Dir::new();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "isr"])
            .arg(&dir.0)
            .status();
        if !status.is_ok_and(|status| status.success()) {
            println!("SKIPPED: mounting a file system needs root");
            return None;
        }
        Some(Self(dir))
    }

    fn store(&self) -> PathBuf {
        self.0.store()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0.0).status();
    }
}

fn page(key: u64) -> Vec<u8> {
    vec![key as u8; 10_000]
}

/// Puts pages until the disk refuses one.
fn fill(disk: &Disk) -> StoreError {
    for key in 0..100_000 {
        if let Err(error) = put(disk, &key.to_string(), 0, page(key)) {
            return error;
        }
    }
    panic!("the disk is never full");
}

#[test]
#[ignore = "needs root: a file system of its own; run by .ci/run"]
fn a_full_disk_refuses_pages_and_no_purge_and_recovers() {
    let Some(mount) = Mount::new(64) else {
        return;
    };
    let disk = open(&mount.store());
    let reserved = fs::metadata(mount.store().join("marks.redb"))
        .unwrap()
        .len();
    assert!((24 << 20..30 << 20).contains(&reserved), "{reserved}");

    for key in 0..600 {
        put(&disk, &format!("early {key}"), 0, page(key)).unwrap();
    }
    // They are synced meanwhile.
    std::thread::sleep(Duration::from_millis(1_500));

    let error = fill(&disk);
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("pages.redb"), "{error}");
    // Others take all that is left.
    let ballast = mount.0.0.join("ballast");
    let _ = fs::write(&ballast, vec![1; 64 << 20]);

    for number in 0..3_000 {
        let selector = format!("a tag of usual length: {number}");
        purge(&disk, &selector).expect("the reserve is for purges");
    }
    until(|| put(&disk, "after", 3_000, "after").is_ok());
    drop(disk);

    let disk = open(&mount.store());
    assert_eq!(purge(&disk, "after").unwrap(), 3_001);
    let kept = disk.pages_of("build");
    println!("{kept} pages of 10,000 octets are kept on 40 MB");
    assert!(kept > 500, "{kept}");
    let found = get(&disk, "after").unwrap().unwrap();
    assert_eq!(found.validity, Validity::Hard);
}

#[test]
#[ignore = "needs root: a file system of its own; run by .ci/run"]
fn a_disk_without_room_to_begin_is_an_error() {
    let Some(mount) = Mount::new(1) else {
        return;
    };
    fs::write(mount.0.0.join("ballast"), vec![1; (1 << 20) - 4096]).unwrap();

    let error = Disk::open(mount.store()).unwrap_err();

    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("marks.redb"), "{error}");
}

#[test]
#[ignore = "needs root: a file system of its own; run by .ci/run"]
fn a_disk_without_room_for_the_reserve_is_used_as_it_is() {
    let Some(mount) = Mount::new(8) else {
        return;
    };
    let disk = open(&mount.store());

    put(&disk, "a", 0, "a").unwrap();
    purge(&disk, "a").unwrap();
    drop(disk);

    let disk = open(&mount.store());
    let found = get(&disk, "a").unwrap().unwrap();
    assert_eq!(found.validity, Validity::Hard);
}

#[test]
#[ignore = "needs root: a file system of its own; run by .ci/run"]
fn purges_beyond_the_reserve_are_refused_with_one_warning_until_there_is_room() {
    let Some(mount) = Mount::new(48) else {
        return;
    };
    let disk = open(&mount.store());
    put(&disk, "a", 0, "a").unwrap();
    purge(&disk, "a").unwrap();
    let ballast = mount.0.0.join("ballast");
    let _ = fs::write(&ballast, vec![1; 48 << 20]);

    let mut number = 0;
    let mut record = || {
        number += 1;
        let tags = (0..500).map(|i| Mark::soft(format!("{number} {i} {}", "x".repeat(1_000))));
        now(disk.record(&tags.collect::<Vec<_>>()))
    };
    let (error, log) = Log::of(|| {
        let error = (0..200)
            .find_map(|_| record().err())
            .expect("no disk is endless");
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(100));
            let _ = record();
        }
        error
    });

    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().contains("marks.redb"), "{error}");
    assert_eq!(log.matches("purges cannot be recorded").count(), 1, "{log}");
    fs::remove_file(ballast).unwrap();
    until(|| purge(&disk, "b").is_ok());
    until(|| get(&disk, "a").is_ok());
    drop(disk);
    let disk = open(&mount.store());
    if let Some(found) = get(&disk, "a").unwrap() {
        assert_eq!(found.validity, Validity::Hard);
    }
}
