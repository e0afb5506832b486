//! Tests of the store on a disk that change settings which no user can change.

mod builds;
mod clock;
mod eviction;
mod full;
mod judge;
mod marks;
mod numbers;
mod order;
mod power_cut;
mod set_aside;
mod simulated;
mod syncs;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::Disk;
use super::settings::Settings;
use crate::invalidation::Validity;
use crate::store::{Mark, Put, Remove, Store, StoreError, Touch, Write};

/// A directory that is removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("isr-disk-{}-{count}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self) -> Disk {
        self.open_with(settings())
    }

    fn open_with(&self, settings: Settings) -> Disk {
        let disk = Disk::open_with(&self.0, settings).unwrap();
        disk.join("build").unwrap();
        disk
    }

    fn marks(&self) -> PathBuf {
        self.0.join("marks.redb")
    }

    fn pages(&self) -> PathBuf {
        self.0.join("pages.redb")
    }

    fn aside(&self, name: &str) -> bool {
        self.0.join(format!("{name}.broken")).exists()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Without a reserve, since writing that for each test takes long.
fn settings() -> Settings {
    Settings {
        reserve: 0,
        backoff: Duration::from_millis(1),
        ..Settings::default()
    }
}

fn put(key: &str, as_of: u64) -> Write {
    put_with(key, as_of, &["*", key])
}

fn put_with(key: &str, as_of: u64, selectors: &[&str]) -> Write {
    let selectors = selectors
        .iter()
        .map(|s| Bytes::copy_from_slice(s.as_bytes()));
    Put::new(
        key.to_owned(),
        as_of,
        selectors.collect(),
        content(key, as_of),
    )
    .into()
}

fn content(key: &str, as_of: u64) -> String {
    format!("{key} as of {as_of}")
}

fn touch(key: &str, as_of: u64, through: u64) -> Write {
    Touch::new(key.to_owned(), as_of, through).into()
}

fn remove(key: &str, as_of: u64) -> Write {
    Remove::new(key.to_owned(), as_of).into()
}

impl Disk {
    fn writes(&self, writes: impl IntoIterator<Item = Write>) {
        self.try_writes(writes).unwrap();
    }

    fn try_writes(&self, writes: impl IntoIterator<Item = Write>) -> Result<(), StoreError> {
        self.shared.write(&Vec::from_iter(writes))
    }

    fn soft(&self, selector: &str) -> u64 {
        self.shared
            .record(&[Mark::soft(selector.to_owned())])
            .unwrap()
    }

    fn hard(&self, selector: &str) -> u64 {
        self.shared
            .record(&[Mark::hard(selector.to_owned())])
            .unwrap()
    }

    /// The verdict on the page under a key, if it is there.
    fn verdict(&self, key: &str) -> Option<Validity> {
        let found = self.shared.get(key.as_bytes()).unwrap();
        found.map(|found| found.validity)
    }

    fn text(&self, key: &str) -> Option<String> {
        let found = self.shared.get(key.as_bytes()).unwrap()?;
        Some(String::from_utf8(found.octets.to_vec()).unwrap())
    }

    fn last(&self) -> u64 {
        self.shared.marks.last()
    }
}

/// Waits until something is true, which a thread makes so.
fn until(is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("ten seconds were not enough");
}

/// The seed of a random test, which is printed so that the run can be repeated.
fn seed() -> u64 {
    let seed = std::env::var("ISR_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("repeat with ISR_SEED={seed}");
    seed
}

/// The length of a file.
fn len(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}
