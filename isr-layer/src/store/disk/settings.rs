//! The settings of a store, those that only tests change included.

use std::sync::Arc;
use std::time::Duration;

use super::file::{Create, FillGaps, create_file, fill_gaps};
use crate::clock;

/// The settings of a store.
#[derive(Clone)]
pub(super) struct Settings {
    /// The octets of pages that are kept.
    pub(super) max_bytes: u64,
    /// The builds whose pages are kept.
    pub(super) keep_builds: usize,
    /// The time for which opening waits for another process to close the store.
    pub(super) wait_for_lock: Duration,
    /// The selectors whose marks are kept after twice as many made it necessary to forget some.
    pub(super) max_marks: u64,
    /// The octets that `marks.redb` takes at once.
    pub(super) reserve: u64,
    /// The time after which pages are synced.
    pub(super) sync_after: Duration,
    /// The octets after which pages are synced.
    pub(super) sync_octets: usize,
    /// The first pause before a file is opened again after trouble.
    pub(super) backoff: Duration,
    /// Milliseconds since the Unix epoch.
    pub(super) now: fn() -> u64,
    pub(super) create: Create,
    pub(super) fill_gaps: FillGaps,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_bytes: 2 << 30,
            keep_builds: 3,
            wait_for_lock: Duration::ZERO,
            max_marks: 65_536,
            // Room for twice `max_marks` selectors of usual length, old and new side by side.
            reserve: 24 << 20,
            sync_after: Duration::from_secs(1),
            sync_octets: 32 << 20,
            backoff: Duration::from_secs(1),
            now: clock::unix_millis,
            create: Arc::new(create_file),
            fill_gaps: Arc::new(fill_gaps),
        }
    }
}
