//! Transactions, and how long they last.

use redb::{Database, Durability, ReadableDatabase, WriteTransaction};

use super::{Failure, META};

/// The time up to which a transaction is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::disk) enum Lasts {
    /// Until the process ends, or until a later transaction that lasts longer.
    Unsynced,
    /// It is on the disk, at the price of one sync. After a crash the whole file is walked through,
    /// so the file must be small.
    Synced,
    /// It is on the disk, and even a large file opens at once after a crash. That takes two syncs.
    OpensAtOnce,
}

/// Does `work` in one transaction. Nothing of it remains if it fails.
pub(in crate::store::disk) fn commit<T>(
    db: &Database,
    lasts: Lasts,
    work: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut transaction = db.begin_write()?;
    transaction.set_durability(match lasts {
        Lasts::Unsynced => Durability::None,
        Lasts::Synced | Lasts::OpensAtOnce => Durability::Immediate,
    })?;
    transaction.set_quick_repair(lasts == Lasts::OpensAtOnce);

    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Reads a number of the file's own table; zero if it is not there.
pub(in crate::store::disk) fn number(db: &Database, name: &str) -> Result<u64, Failure> {
    let meta = db.begin_read()?.open_table(META)?;
    Ok(meta.get(name)?.map_or(0, |number| number.value()))
}
