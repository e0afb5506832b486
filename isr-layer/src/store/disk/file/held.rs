//! A file that is held open, and closed after trouble until it is opened again.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use redb::Database;

use super::open::guarded;
use super::{Failure, Origin, Plan, set_aside};
use crate::store::StoreError;

/// A file that is held open.
pub(in crate::store::disk) struct HeldFile {
    plan: Plan,
    db: RwLock<Option<Database>>,
    health: AtomicU8,
}

/// The health of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::store::disk) enum Health {
    Sound,
    /// The engine refuses everything after an error until the file is opened again.
    Failed,
    /// The octets are wrong: the file must be set aside.
    Broken,
}

impl HeldFile {
    /// Opens a file, or begins a new one.
    pub(in crate::store::disk) fn open(plan: Plan) -> Result<(Self, Origin), StoreError> {
        let (db, origin) = plan
            .open_or_begin()
            .map_err(|failure| failure.at(&plan.path))?;
        let file = Self {
            plan,
            db: RwLock::new(Some(db)),
            health: AtomicU8::new(Health::Sound as u8),
        };
        Ok((file, origin))
    }

    pub(in crate::store::disk) fn path(&self) -> &std::path::Path {
        &self.plan.path
    }

    /// Does something with the file. After any failure the file is used no more until it is
    /// [opened again](Self::reopen).
    pub(in crate::store::disk) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let db = db.as_ref().ok_or(Failure::Closed)?;
        if self.health() != Health::Sound {
            return Err(Failure::Closed);
        }

        guarded(|| work(db)).inspect_err(|failure| {
            self.worsen(if failure.is_broken() {
                Health::Broken
            } else {
                Health::Failed
            });
        })
    }

    pub(in crate::store::disk) fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            0 => Health::Sound,
            1 => Health::Failed,
            _ => Health::Broken,
        }
    }

    fn worsen(&self, health: Health) {
        self.health.fetch_max(health as u8, Ordering::AcqRel);
    }

    /// Closes the file and opens it again, or begins a new one in place of a broken one. `prepare`
    /// then adds rows that the file lacks, before anything else sees it.
    pub(in crate::store::disk) fn reopen(
        &self,
        prepare: impl FnOnce(&Database) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut held = self.lock();
        close(&mut held);
        if self.health() == Health::Broken {
            set_aside(&self.plan.path, "its content is not what was written")?;
            self.health.store(Health::Failed as u8, Ordering::Release);
        }

        // Closing cleanly gives back the free end of the file, which may have no room on the disk.
        close(&mut Some(self.plan.open_or_begin()?.0));
        let (db, _) = self.plan.open_or_begin()?;
        guarded(|| prepare(&db))?;
        *held = Some(db);
        self.health.store(Health::Sound as u8, Ordering::Release);
        Ok(())
    }

    /// Closes the file cleanly, so that there is nothing to repair when it is opened.
    pub(in crate::store::disk) fn close(&self) {
        close(&mut self.lock());
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.db.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops the handle of a file, which may panic over a broken one.
fn close(db: &mut Option<Database>) {
    let db = db.take();
    // A file that panics here is repaired, or set aside, when it is opened.
    let _ = guarded(|| {
        drop(db);
        Ok(())
    });
}
