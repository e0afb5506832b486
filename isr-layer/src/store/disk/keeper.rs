//! The store's own thread: it syncs the last writes, deletes the pages of old builds, and opens
//! files again after trouble.

use std::time::Duration;

use super::shared::Shared;

/// The longest pause before a file is opened again.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Says that the files are closed, however the thread ends.
struct Closing<'a>(&'a Shared);

/// Works until the last handle of the store is dropped, and then closes the files.
pub(super) fn run(shared: &Shared) {
    let _closing = Closing(shared);
    let mut backoff = shared.settings.backoff;
    loop {
        let work = shared.signals.next();
        if work.stop {
            return;
        }

        if work.builds {
            delete_old_builds(shared);
        }
        if work.mend {
            if shared.signals.pause(backoff) {
                return;
            }
            backoff = if mend(shared) {
                shared.settings.backoff
            } else {
                (backoff * 2).min(MAX_BACKOFF)
            };
        } else if work.sync {
            if shared.signals.pause(shared.settings.sync_after) {
                return;
            }
            sync(shared);
        }
    }
}

fn sync(shared: &Shared) -> bool {
    shared.told(&shared.pages.file, shared.pages.sync()).is_ok()
}

/// Opens files again that failed. Returns true if both files are in use.
fn mend(shared: &Shared) -> bool {
    let marks = shared.told(&shared.marks.file, shared.marks.mend());
    let pages = shared.told(&shared.pages.file, shared.pages.mend());
    // A full disk is tried at once: pages beyond the lower bound go.
    marks.is_ok() && pages.is_ok() && sync(shared)
}

fn delete_old_builds(shared: &Shared) {
    loop {
        let some = shared.pages.delete_some();
        match shared.told(&shared.pages.file, some) {
            // A short pause lets the writes go first.
            Ok(true) if !shared.signals.pause(Duration::from_millis(1)) => {}
            _ => break,
        }
    }
    shared.signals.send(|work| work.sync = true);
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        // The file of pages notes the last purge, and both are closed cleanly.
        sync(self.0);
        self.0.pages.file.close();
        self.0.marks.file.close();
        self.0.signals.closed();
    }
}
