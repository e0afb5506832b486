//! The signals to the store's own thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The signals to the store's own thread.
#[derive(Debug, Default)]
pub(super) struct Signals {
    state: Mutex<Work>,
    changed: Condvar,
}

/// The work that waits for the thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Pages were written and not synced.
    pub(super) sync: bool,
    /// A build was opened, so another one may be too old.
    pub(super) builds: bool,
    /// A file must be opened again.
    pub(super) mend: bool,
    /// The last handle was dropped.
    pub(super) stop: bool,
    /// The files are closed.
    closed: bool,
}

impl Signals {
    /// Adds work.
    pub(super) fn send(&self, add: impl FnOnce(&mut Work)) {
        let mut work = self.lock();
        let before = *work;
        add(&mut work);
        if *work != before {
            self.changed.notify_all();
        }
    }

    /// Waits for work, and takes it.
    pub(super) fn next(&self) -> Work {
        let idle = |work: &mut Work| *work == Work::default();
        let state = self.changed.wait_while(self.lock(), idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let work = *state;
        // A stop is seen by each pause as well.
        *state = Work {
            stop: work.stop,
            ..Work::default()
        };
        work
    }

    /// Waits for some time. Returns true if the thread must stop, and does so at once.
    pub(super) fn pause(&self, time: Duration) -> bool {
        self.wait(time, |work| work.stop)
    }

    /// Says that the files are closed.
    pub(super) fn closed(&self) {
        self.send(|work| work.closed = true);
    }

    /// Waits until the files are closed, or for some time.
    pub(super) fn wait_closed(&self, limit: Duration) {
        self.wait(limit, |work| work.closed);
    }

    fn wait(&self, limit: Duration, is_over: impl Fn(&Work) -> bool) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, |work| !is_over(work));
        let (work, _) = waited.unwrap_or_else(PoisonError::into_inner);
        is_over(&work)
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
