//! The handle of a store on a disk.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::settings::Settings;
use super::shared::Shared;
use super::{DiskOptions, directory, keeper};
use crate::spawn;
use crate::store::{Found, Mark, Store, StoreError, StoreErrorKind, Write};

/// The longest time for which dropping a disk waits for the files to be closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// A [`Store`] in a directory of this machine.
///
/// Pages and purges outlive the process. No acknowledged purge is undone, neither by `kill -9` nor
/// by a power cut; of the pages, those of the last second may be lost and are rendered again.
///
/// One process uses a directory at a time. Dropping the disk syncs and closes it, and waits five
/// seconds at most for that. Give it to [`IsrLayerBuilder::store`](crate::IsrLayerBuilder::store).
///
/// # Limits
///
/// - The directory is on a local disk: neither network file systems nor the layers of containers
///   keep the promises that syncs make.
/// - The file of pages does not shrink while the program runs, only when it is closed.
/// - Octets that a disk garbled can make the engine panic. The panic is caught, but with
///   `panic = "abort"` it ends the process.
/// - The age of a page is counted by the clock of the machine. A clock that is set back while the
///   program is down makes pages look younger; purges know no clock.
///
/// # Examples
///
/// ```
/// use isr_layer::store::{Disk, Found, Mark, Put, Store, Validity};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = std::env::temp_dir().join(format!("isr-disk-{}", std::process::id()));
/// let disk = Disk::open(&directory)?;
/// let last = disk.join("build 1")?;
///
/// let page = Put::new("key", last, vec!["posts".into()], "<h1>Posts</h1>");
/// disk.write(vec![page.into()]).await?;
/// let found = disk.get(b"key").await?.expect("the page was kept");
/// assert_eq!(found.validity, Validity::Valid);
///
/// disk.record(&[Mark::soft("posts")]).await?;
/// let found = disk.get(b"key").await?.expect("the page was kept");
/// assert_eq!(found.validity, Validity::Soft);
/// # drop(disk);
/// # std::fs::remove_dir_all(directory)?;
/// # Ok(())
/// # }
/// ```
pub struct Disk {
    pub(super) shared: Arc<Shared>,
    path: PathBuf,
}

impl Disk {
    /// Opens the store in a directory with the [default options](Self::options). The directory is
    /// made if it is not there. This waits for the disk: call it before requests are served.
    ///
    /// A file that is broken, or of another format, is renamed to end in `.broken` and begun anew;
    /// a warning names it. If it is `marks.redb`, pages begin anew too.
    ///
    /// # Errors
    ///
    /// - [`StoreErrorKind::InUse`] if another process, or another disk of this one, has it open.
    /// - [`StoreErrorKind::Denied`] if the path is no directory, or may not be read and written.
    /// - [`StoreErrorKind::Full`] if there is no room to begin.
    /// - [`StoreErrorKind::Other`] for any other error of the disk.
    ///
    /// Each names the path.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path)
    }

    /// Returns the [`DiskOptions`] to change before opening.
    pub fn options() -> DiskOptions {
        DiskOptions::new()
    }

    pub(super) fn open_with(path: &Path, settings: Settings) -> Result<Self, StoreError> {
        let shared = Arc::new(directory::open(path, settings)?);
        let keeper = shared.clone();
        spawn::thread("isr-disk", move || keeper::run(&keeper)).map_err(|error| {
            let path = path.display();
            StoreError::other(format!("no thread can be started for `{path}`"), error)
        })?;

        Ok(Self {
            shared,
            path: path.to_owned(),
        })
    }

    /// Returns the number of pages that are kept for a build, by the name that
    /// [`build_id`](crate::IsrLayerBuilder::build_id) gives it; zero if that cannot be read. This
    /// waits for the disk: it is for a line in the log when the program starts.
    pub fn pages_of(&self, build: &str) -> u64 {
        self.shared.pages_of(build).unwrap_or(0)
    }

    /// Does `work` off the async threads. It goes on if the caller gives up.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let done = spawn::blocking(move || work(&shared)).await;
        done.unwrap_or_else(|| {
            let reason = "the runtime ended before the disk was used";
            Err(StoreError::new(StoreErrorKind::Other, reason))
        })
    }
}

impl Store for Disk {
    fn join(&self, build: &str) -> Result<u64, StoreError> {
        self.shared.join(build)
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Found>, StoreError> {
        let key = key.to_owned();
        self.blocking(move |shared| shared.get(&key)).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.blocking(move |shared| shared.write(&writes)).await
    }

    async fn record(&self, marks: &[Mark]) -> Result<u64, StoreError> {
        let marks = marks.to_owned();
        self.blocking(move |shared| shared.record(&marks)).await
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.signals.send(|work| work.stop = true);
        self.shared.signals.wait_closed(CLOSE_LIMIT);
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
