//! `pages.redb`: pages that may be lost at any time, and are then rendered again.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use redb::{Database, ReadableDatabase, WriteTransaction};

use super::batch::{BYTES, Batch, HIGHEST, PAGES, USES, weight};
use super::builds::{self, BUILDS};
use super::file::{Failure, Health, HeldFile, Lasts, Plan, commit, number};
use super::frame::{Frame, decode};
use super::id::id_of;
use super::room::Room;
use super::settings::Settings;
use crate::store::{StoreError, StoreErrorKind, Write};

/// The octets that the engine keeps in memory.
const CACHE_BYTES: usize = 16 << 20;

/// The file of pages.
pub(super) struct Pages {
    pub(super) file: HeldFile,
    /// The build whose pages these are, and its number in the file.
    build: Mutex<Option<(String, u32)>>,
    unsynced: Mutex<Unsynced>,
    room: Room,
    /// The highest number whose marks are durable. The file notes it, so that marks which are lost
    /// later are missed.
    recorded: Arc<AtomicU64>,
    settings: Settings,
}

/// Everything since the last sync.
#[derive(Debug, Default)]
struct Unsynced {
    octets: usize,
    /// The time of the first transaction, in milliseconds.
    since: Option<u64>,
}

impl Pages {
    pub(super) fn open(
        path: &Path,
        recorded: Arc<AtomicU64>,
        settings: &Settings,
    ) -> Result<Self, StoreError> {
        let plan = Plan {
            path: path.to_owned(),
            create: settings.create.clone(),
            cache: CACHE_BYTES,
            is_checked: false,
            begin: |transaction| {
                transaction.open_table(PAGES)?;
                transaction.open_table(USES)?;
                transaction.open_table(BUILDS)?;
                Ok(())
            },
        };

        let (file, _) = HeldFile::open(plan)?;
        let pages = Self {
            file,
            build: Mutex::default(),
            unsynced: Mutex::default(),
            room: Room::new(settings.max_bytes, 0),
            recorded,
            settings: settings.clone(),
        };
        Ok(pages)
    }

    /// Returns the highest number that the file knows: of a page, or of a purge.
    pub(super) fn highest(&self) -> Result<u64, Failure> {
        let (highest, stored) = self.healed(|| {
            self.file
                .with(|db| Ok((number(db, HIGHEST)?, number(db, BYTES)?)))
        })?;
        self.room.note(stored);
        Ok(highest)
    }

    /// Begins to work for a build.
    pub(super) fn join(&self, name: &str) -> Result<(), Failure> {
        let number = self.healed(|| {
            self.transact(Lasts::Unsynced, |transaction| {
                builds::register(transaction, name, self.now())
            })
        })?;
        *self.lock_build() = Some((name.to_owned(), number));
        Ok(())
    }

    /// Does `work`, and once more with an empty file if this one turns out to be broken: that must
    /// not keep a program from starting.
    fn healed<T>(&self, work: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        match work() {
            Err(failure) if failure.is_broken() => {
                self.mend()?;
                work()
            }
            done => done,
        }
    }

    /// Returns the number of the build; `None` before [`join`](Self::join).
    pub(super) fn build(&self) -> Option<u32> {
        self.lock_build().as_ref().map(|(_, number)| *number)
    }

    pub(super) fn count(&self, name: &str) -> Result<u64, Failure> {
        self.file.with(|db| builds::count(db, name))
    }

    /// Reads a page, and the number up to which it is known to be valid.
    pub(super) fn read(&self, build: u32, key: &[u8]) -> Result<Option<(Frame, u64)>, Failure> {
        let id = id_of(build, key);
        let found = self.file.with(|db| {
            let read = db.begin_read()?;
            let Some(frame) = read.open_table(PAGES)?.get(id)? else {
                return Ok(None);
            };
            let row = read.open_table(USES)?.get(id)?.map(|row| row.value());
            Ok(Some((Bytes::copy_from_slice(frame.value()), row)))
        })?;

        let Some((frame, Some((_, _, as_of, through)))) = found else {
            return Ok(None);
        };
        let frame = decode(id, frame).filter(|frame| frame.as_of == as_of);
        Ok(frame.map(|frame| (frame, through.max(as_of))))
    }

    /// Does all writes in one transaction. It is synced with them once a second at most, and after
    /// many octets.
    pub(super) fn write(&self, build: u32, writes: &[Write]) -> Result<(), Failure> {
        let mut unsynced = self.lock_unsynced();
        let octets = unsynced.octets.saturating_add(weight(writes));
        let lasts = if unsynced.is_due(self.now(), octets, &self.settings) {
            Lasts::OpensAtOnce
        } else {
            Lasts::Unsynced
        };

        self.transact(lasts, |transaction| self.apply(transaction, build, writes))?;
        match lasts {
            Lasts::Unsynced => unsynced.note(octets, self.now()),
            Lasts::Synced | Lasts::OpensAtOnce => *unsynced = Unsynced::default(),
        }
        Ok(())
    }

    fn apply(
        &self,
        transaction: &WriteTransaction,
        build: u32,
        writes: &[Write],
    ) -> Result<(), Failure> {
        let mut batch = Batch::begin(transaction, self.now())?;
        let bound = self.room.bound();
        for write in writes {
            batch.write(build, write, bound)?;
        }
        batch.evict(bound, build)?;
        batch.note(self.recorded.load(Ordering::Acquire));
        self.room.note(batch.finish()?);
        Ok(())
    }

    /// Syncs all transactions so far, and evicts pages if the bound has fallen.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        let mut unsynced = self.lock_unsynced();
        let build = self.build().unwrap_or_default();
        self.transact(Lasts::OpensAtOnce, |transaction| {
            self.apply(transaction, build, &[])
        })?;
        *unsynced = Unsynced::default();
        self.room.synced();
        Ok(())
    }

    /// Deletes some pages of builds that are too old. Returns true if that has to go on.
    pub(super) fn delete_some(&self) -> Result<bool, Failure> {
        let _unsynced = self.lock_unsynced();
        self.transact(Lasts::Unsynced, |transaction| {
            let mut batch = Batch::begin(transaction, self.now())?;
            let goes_on = builds::delete_some(transaction, &mut batch, self.settings.keep_builds)?;
            self.room.note(batch.finish()?);
            Ok(goes_on)
        })
    }

    /// Opens the file again if that is needed.
    pub(super) fn mend(&self) -> Result<(), Failure> {
        if self.file.health() == Health::Sound {
            return Ok(());
        }

        let mut unsynced = self.lock_unsynced();
        let build = self.lock_build().clone();
        self.file.reopen(|db| {
            self.room.note(number(db, BYTES)?);
            let Some((name, number)) = &build else {
                return Ok(());
            };
            commit(db, Lasts::Unsynced, |transaction| {
                builds::restore(transaction, name, *number, self.now())
            })
        })?;
        *unsynced = Unsynced::default();
        Ok(())
    }

    fn transact<T>(
        &self,
        lasts: Lasts,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let done = self.file.with(|db: &Database| commit(db, lasts, work));
        done.inspect_err(|failure| {
            if failure.kind() == StoreErrorKind::Full {
                self.room.lower();
            }
        })
    }

    fn now(&self) -> u64 {
        (self.settings.now)()
    }

    fn lock_build(&self) -> MutexGuard<'_, Option<(String, u32)>> {
        self.build.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_unsynced(&self) -> MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsynced {
    /// True if the next transaction, after which `octets` are unsynced, is one to sync.
    fn is_due(&self, now: u64, octets: usize, settings: &Settings) -> bool {
        let is_old = self.since.is_some_and(|since| {
            u128::from(now.abs_diff(since)) >= settings.sync_after.as_millis()
        });
        // Room that is freed is used again only after a sync, so a small bound needs more of them.
        let bound = usize::try_from(settings.max_bytes / 16).unwrap_or(usize::MAX);
        is_old || octets >= settings.sync_octets.min(bound)
    }

    fn note(&mut self, octets: usize, now: u64) {
        self.octets = octets;
        self.since.get_or_insert(now);
    }
}
