//! The state that a disk, its calls and its thread share.

use std::sync::atomic::{AtomicU64, Ordering};

use super::batch::highest;
use super::file::{Failure, HeldFile};
use super::marks::Marks;
use super::pages::Pages;
use super::settings::Settings;
use super::signals::Signals;
use crate::observe;
use crate::store::{Found, Mark, StoreError, StoreErrorKind, Write};

/// Trouble with a file is logged once in this time.
const LOG_EVERY_MILLIS: u64 = 60_000;

/// The state that a disk, its calls and its thread share.
pub(super) struct Shared {
    pub(super) marks: Marks,
    pub(super) pages: Pages,
    pub(super) signals: Signals,
    pub(super) settings: Settings,
    /// The times when trouble with marks and with pages was logged.
    logged: [AtomicU64; 2],
}

impl Shared {
    pub(super) fn new(marks: Marks, pages: Pages, settings: Settings) -> Self {
        Self {
            marks,
            pages,
            signals: Signals::default(),
            settings,
            logged: Default::default(),
        }
    }

    pub(super) fn join(&self, build: &str) -> Result<u64, StoreError> {
        self.told(&self.pages.file, self.pages.join(build))?;
        self.signals.send(|work| {
            work.sync = true;
            work.builds = true;
        });
        Ok(self.marks.last())
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Found>, StoreError> {
        let build = self.build()?;
        let read = self.pages.read(build, key);
        let found = match read {
            // Rotten octets are no page, and the file is set aside.
            Err(failure) if failure.is_broken() => {
                self.notice(&self.pages.file, &failure);
                None
            }
            read => self.told(&self.pages.file, read)?,
        };
        let Some((page, known)) = found else {
            return Ok(None);
        };

        // Marks are read after the page: those that came in between count.
        let validity = self.marks.judge(known, &page.selectors);
        let validity = self.told(&self.marks.file, validity)?;
        Ok(Some(Found::new(page.octets, validity)))
    }

    pub(super) fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let build = self.build()?;
        if writes.is_empty() {
            return Ok(());
        }
        self.marks.pass(highest(writes));
        self.told(&self.pages.file, self.pages.write(build, writes))?;
        self.signals.send(|work| work.sync = true);
        Ok(())
    }

    pub(super) fn record(&self, marks: &[Mark]) -> Result<u64, StoreError> {
        self.told(&self.marks.file, self.marks.record(marks))
    }

    pub(super) fn pages_of(&self, build: &str) -> Result<u64, StoreError> {
        self.told(&self.pages.file, self.pages.count(build))
    }

    fn build(&self) -> Result<u32, StoreError> {
        let reason = "`join` was not called";
        let missing = || StoreError::new(StoreErrorKind::Other, reason);
        self.pages.build().ok_or_else(missing)
    }

    /// Passes on the end of an operation on a file. A failure is logged, and the thread opens the
    /// file again.
    pub(super) fn told<T>(
        &self,
        file: &HeldFile,
        done: Result<T, Failure>,
    ) -> Result<T, StoreError> {
        done.map_err(|failure| {
            self.notice(file, &failure);
            failure.at(file.path())
        })
    }

    fn notice(&self, file: &HeldFile, failure: &Failure) {
        self.signals.send(|work| work.mend = true);
        let is_marks = std::ptr::eq(file, &self.marks.file);
        let now = (self.settings.now)();
        let before = self.logged[usize::from(is_marks)].load(Ordering::Relaxed);
        // A file that is closed already was logged when it failed.
        if matches!(failure, Failure::Closed) || now.abs_diff(before) < LOG_EVERY_MILLIS {
            return;
        }

        self.logged[usize::from(is_marks)].store(now, Ordering::Relaxed);
        if is_marks {
            observe::store_refuses_purges(file.path(), &failure.to_string());
        } else {
            observe::store_keeps_no_pages(file.path(), &failure.to_string());
        }
    }
}
