//! The options of a disk.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::Disk;
use super::settings::Settings;
use crate::store::{StoreError, StoreErrorKind};

/// The options of a [`Disk`], made by [`Disk::options`].
///
/// ```
/// use std::time::Duration;
///
/// use isr_layer::store::Disk;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = std::env::temp_dir().join(format!("isr-options-{}", std::process::id()));
/// let disk = Disk::options()
///     .max_bytes(8 << 30)
///     .keep_builds(5)
///     .wait_for_lock(Duration::from_secs(10))
///     .open(&directory)?;
/// # drop(disk);
/// # std::fs::remove_dir_all(directory)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct DiskOptions {
    pub(super) settings: Settings,
}

impl DiskOptions {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings::default(),
        }
    }

    /// Sets the octets of pages that are kept, all builds together. The default is 2 GiB.
    ///
    /// Beyond it pages go that were not used for longest, those of other builds first. The
    /// directory may grow to 1.25 times as much, and by the 24 MiB in which purges are kept. Zero
    /// is an error of [`open`](Self::open).
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// Sets the number of builds whose pages are kept, the running one included. The default is 3,
    /// so that a rollback by one or two builds finds its own pages again. The pages of older builds
    /// are removed in the background after the start. Zero is an error of [`open`](Self::open).
    pub fn keep_builds(mut self, builds: usize) -> Self {
        self.settings.keep_builds = builds;
        self
    }

    /// Sets the time for which [`open`](Self::open) waits for another process to close the store.
    /// The default is zero: [`open`](Self::open) returns [`StoreErrorKind::InUse`] at once. It lets
    /// a new process start while the old one ends.
    pub fn wait_for_lock(mut self, limit: Duration) -> Self {
        self.settings.wait_for_lock = limit;
        self
    }

    /// Opens the store in a directory, which is made if it is not there. This waits for the disk:
    /// call it before requests are served.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Other`] if [`max_bytes`](Self::max_bytes) or
    /// [`keep_builds`](Self::keep_builds) is zero; otherwise those of [`Disk::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<Disk, StoreError> {
        let Settings {
            max_bytes,
            keep_builds,
            ..
        } = self.settings;
        if max_bytes == 0 {
            return Err(refused(
                "`max_bytes` is 0: leave the store out to keep no pages",
            ));
        }
        if keep_builds == 0 {
            return Err(refused(
                "`keep_builds` is 0: the running build counts, so keep 1 at least",
            ));
        }

        Disk::open_with(path.as_ref(), self.settings)
    }
}

impl fmt::Debug for DiskOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskOptions")
            .field("max_bytes", &self.settings.max_bytes)
            .field("keep_builds", &self.settings.keep_builds)
            .field("wait_for_lock", &self.settings.wait_for_lock)
            .finish()
    }
}

fn refused(reason: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Other, reason)
}
