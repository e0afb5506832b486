//! Tests of the store on a disk, with real files and other processes. Time is real here: it passes.

// Functions that several tests use are parts of tests, too.
#![allow(clippy::unwrap_used)]

mod child;
mod directory;
mod full;
mod kill;
mod kill_layer;
mod killed;
mod places;
mod rotten;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use isr_layer::store::{Disk, Found, Mark, Put, Store, StoreError, Write};

/// A directory that is removed at the end.
#[derive(Debug)]
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("isr-store-{}-{count}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The directory of the store, which is not there yet.
    fn store(&self) -> PathBuf {
        self.0.join("store")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The lines that one thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Returns the result of `work`, and the lines that this thread logged meanwhile.
    fn of<T>(work: impl FnOnce() -> T) -> (T, String) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let done = tracing::subscriber::with_default(subscriber, work);
        let lines = log.0.lock().unwrap().clone();
        (done, String::from_utf8(lines).unwrap())
    }
}

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a future of the store on this thread. Without a runtime its work is done at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits although there is no runtime"),
    }
}

fn open(path: &Path) -> Disk {
    let disk = Disk::open(path).unwrap();
    disk.join("build").unwrap();
    disk
}

fn put(disk: &Disk, key: &str, as_of: u64, octets: impl Into<Bytes>) -> Result<(), StoreError> {
    let selectors = vec![Bytes::from_static(b"*"), Bytes::from(key.to_owned())];
    let page = Put::new(key.to_owned(), as_of, selectors, octets);
    now(disk.write(vec![Write::from(page)]))
}

fn get(disk: &Disk, key: &str) -> Result<Option<Found>, StoreError> {
    now(disk.get(key.as_bytes()))
}

fn purge(disk: &Disk, selector: &str) -> Result<u64, StoreError> {
    now(disk.record(&[Mark::hard(selector.to_owned())]))
}

/// Waits until something is true.
fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("15 seconds were not enough");
}

/// The seed of a random test, which is printed so that the run can be repeated.
fn seed() -> u64 {
    let seed = std::env::var("ISR_SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("repeat with ISR_SEED={seed}");
    seed
}

/// Returns true if this process may do everything, so that no file refuses it.
fn is_root() -> bool {
    let dir = Dir::new();
    let file = dir.0.join("file");
    fs::write(&file, "").unwrap();
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    fs::OpenOptions::new().write(true).open(&file).is_ok()
}
