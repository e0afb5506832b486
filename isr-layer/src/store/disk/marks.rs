//! `marks.redb`: every purge, synced before it is acknowledged.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use redb::{ReadTransaction, WriteTransaction};

use super::file::{Failure, Health, HeldFile, Lasts, META, Origin, Plan, commit, number};
use super::prune::prune;
use super::reserve::take_reserve;
use super::settings::Settings;
use crate::invalidation::Validity;
use crate::observe;
use crate::store::{Mark, StoreError};

/// A selector, to its newest number and to its newest strict one.
pub(super) const MARKS: TableDefinition<'static, &[u8], (u64, u64)> = TableDefinition::new("marks");

/// The octets that the engine keeps in memory.
const CACHE_BYTES: usize = 8 << 20;

/// The name of the last number in the file's own table.
pub(super) const SEQUENCE: &str = "seq";
/// A page with a lower number than a floor counts as marked.
pub(super) const SOFT_FLOOR: &str = "soft_floor";
pub(super) const HARD_FLOOR: &str = "hard_floor";

/// The file of marks.
pub(super) struct Marks {
    pub(super) file: HeldFile,
    /// One purge at a time, so that numbers are in the order of transactions.
    turn: Mutex<()>,
    /// The highest number that was given, to a refused purge too.
    last: AtomicU64,
    /// The highest number whose marks are durable.
    recorded: Arc<AtomicU64>,
    max_marks: u64,
}

impl Marks {
    pub(super) fn open(path: &Path, settings: &Settings) -> Result<(Self, Origin), StoreError> {
        let plan = Plan {
            path: path.to_owned(),
            create: settings.create.clone(),
            cache: CACHE_BYTES,
            is_checked: true,
            begin: |transaction| {
                transaction.open_table(MARKS)?;
                Ok(())
            },
        };

        let (file, origin) = HeldFile::open(plan)?;
        take_reserve(&file, origin, settings).map_err(|failure| failure.at(path))?;
        let last = file
            .with(|db| number(db, SEQUENCE))
            .map_err(|failure| failure.at(path))?;
        let marks = Self {
            file,
            turn: Mutex::new(()),
            last: AtomicU64::new(last),
            recorded: Arc::new(AtomicU64::new(last)),
            max_marks: settings.max_marks,
        };
        Ok((marks, origin))
    }

    /// Returns the highest number that was given.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// The highest number whose marks are durable, as it goes on.
    pub(super) fn recorded(&self) -> Arc<AtomicU64> {
        self.recorded.clone()
    }

    /// Notes that a page has a number, which is then given to no purge.
    pub(super) fn pass(&self, number: u64) {
        self.last.fetch_max(number, Ordering::AcqRel);
    }

    /// Makes marks durable under the next number, and returns it. The number of a refused call is
    /// used up: the marks may be in the file nevertheless.
    pub(super) fn record(&self, marks: &[Mark]) -> Result<u64, Failure> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.last.fetch_add(1, Ordering::AcqRel) + 1;
        self.file.with(|db| {
            commit(db, Lasts::Synced, |transaction| {
                raise(transaction, number, marks, self.max_marks)
            })
        })?;
        self.recorded.store(number, Ordering::Release);
        Ok(number)
    }

    /// Judges a page that is known to be valid up to a number.
    pub(super) fn judge(&self, known: u64, selectors: &[Bytes]) -> Result<Validity, Failure> {
        self.file
            .with(|db| judge(&db.begin_read()?, known, selectors))
    }

    /// Compares the file with the highest number that pages have. If they know more than the marks
    /// do, marks were lost: that counts as a strict purge of everything, under the next number.
    pub(super) fn compare(&self, pages: u64) -> Result<(), Failure> {
        self.file.with(|db| {
            if number(db, SEQUENCE)? >= pages {
                return Ok(());
            }
            let lost = pages.saturating_add(1);
            observe::store_marks_lost(self.file.path(), lost);
            raise_floors(db, lost)?;
            self.pass(lost);
            self.recorded.store(lost, Ordering::Release);
            Ok(())
        })
    }

    /// Opens the file again if that is needed.
    pub(super) fn mend(&self) -> Result<(), Failure> {
        if self.file.health() == Health::Sound {
            return Ok(());
        }

        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, recorded) = (self.last(), self.recorded.load(Ordering::Acquire));
        self.file.reopen(|db| {
            // A refused purge used its number up, and the file need not know that.
            if number(db, SEQUENCE)? < recorded {
                observe::store_marks_lost(self.file.path(), last);
                raise_floors(db, last)?;
            }
            Ok(())
        })
    }
}

/// Raises the mark of each selector, and forgets the oldest marks if there are too many.
fn raise(
    transaction: &WriteTransaction,
    number: u64,
    marks: &[Mark],
    max_marks: u64,
) -> Result<(), Failure> {
    let mut table = transaction.open_table(MARKS)?;
    let mut meta = transaction.open_table(META)?;

    for mark in marks {
        let selector = &mark.selector[..];
        let before = table.get(selector)?.map_or(0, |row| row.value().1);
        let hard = if mark.is_hard { number } else { before };
        table.insert(selector, (number, hard))?;
    }
    meta.insert(SEQUENCE, number)?;

    if table.len()? > 2 * max_marks {
        prune(&mut table, &mut meta, max_marks)?;
    }
    Ok(())
}

fn judge(read: &ReadTransaction, known: u64, selectors: &[Bytes]) -> Result<Validity, Failure> {
    let meta = read.open_table(META)?;
    let floor = |name| meta.get(name).map(|row| row.map_or(0, |row| row.value()));
    if known < floor(HARD_FLOOR)? {
        return Ok(Validity::Hard);
    }

    let mut is_soft = known < floor(SOFT_FLOOR)?;
    let table = read.open_table(MARKS)?;
    for selector in selectors {
        if let Some(row) = table.get(&selector[..])? {
            let (soft, hard) = row.value();
            if hard > known {
                return Ok(Validity::Hard);
            }
            is_soft |= soft > known;
        }
    }
    Ok(if is_soft {
        Validity::Soft
    } else {
        Validity::Valid
    })
}

/// Marks every page that has a lower number, strictly.
fn raise_floors(db: &Database, floor: u64) -> Result<(), Failure> {
    commit(db, Lasts::Synced, |transaction| {
        let mut meta = transaction.open_table(META)?;
        meta.insert(SOFT_FLOOR, floor)?;
        meta.insert(HARD_FLOOR, floor)?;
        meta.insert(SEQUENCE, floor)?;
        Ok(())
    })
}
