//! Opens the two files of a directory together.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{Failure, Origin, set_aside};
use super::marks::Marks;
use super::pages::Pages;
use super::settings::Settings;
use super::shared::Shared;
use crate::store::{StoreError, StoreErrorKind};

/// The pause between two tries to open a store that another process uses.
const LOCK_RETRY: Duration = Duration::from_millis(25);

/// Opens a directory, or waits for another process to close it.
pub(super) fn open(path: &Path, settings: Settings) -> Result<Shared, StoreError> {
    make(path).map_err(|failure| failure.at(path))?;

    let mut waited = Duration::ZERO;
    loop {
        match open_files(path, &settings) {
            Err(error)
                if error.kind() == StoreErrorKind::InUse && waited < settings.wait_for_lock =>
            {
                // The time is counted, since the clock may be one of a test that stands still.
                let pause = LOCK_RETRY.min(settings.wait_for_lock - waited);
                std::thread::sleep(pause);
                waited += pause;
            }
            Err(error) => return Err(error),
            Ok((marks, pages)) => return Ok(Shared::new(marks, pages, settings)),
        }
    }
}

/// Makes the directory. On Unix only its owner may look into it.
fn make(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    // Those above it may belong to others, too: they get the usual mode.
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    // It may have come meanwhile.
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(path)?)
}

fn open_files(directory: &Path, settings: &Settings) -> Result<(Marks, Pages), StoreError> {
    let (marks_path, pages_path) = paths(directory);
    let (marks, origin) = Marks::open(&marks_path, settings)?;
    if origin == Origin::New {
        // Pages whose marks are gone: no one can tell which of them were purged.
        set_aside(&pages_path, "the marks of its pages are gone")
            .map_err(|failure| failure.at(&pages_path))?;
    }

    let pages = Pages::open(&pages_path, marks.recorded(), settings)?;
    sync_names(directory);
    let highest = pages.highest().map_err(|failure| failure.at(&pages_path))?;
    marks
        .compare(highest)
        .map_err(|failure| failure.at(&marks_path))?;
    Ok((marks, pages))
}

/// Makes the names of new files durable, where a directory can be synced. Elsewhere the system
/// does that by itself.
fn sync_names(directory: &Path) {
    let _ = std::fs::File::open(directory).and_then(|directory| directory.sync_all());
}

/// The two files of a directory.
fn paths(directory: &Path) -> (PathBuf, PathBuf) {
    (directory.join("marks.redb"), directory.join("pages.redb"))
}
