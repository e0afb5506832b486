//! The builds of the program: each has its own pages, and the last few are kept.

use redb::{
    Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};

use super::batch::{Batch, USES};
use super::file::Failure;
use super::id::{Id, ids_of};

/// The name of a build, to its number and the time when it was opened last.
pub(super) const BUILDS: TableDefinition<'static, &str, (u32, u64)> =
    TableDefinition::new("builds");

/// The pages of an old build that go in one transaction, so that others need not wait for long.
const DELETED_AT_ONCE: usize = 1000;

/// Notes that a build was opened, and returns its number.
pub(super) fn register(
    transaction: &WriteTransaction,
    name: &str,
    now: u64,
) -> Result<u32, Failure> {
    let mut builds = transaction.open_table(BUILDS)?;
    let known = builds.get(name)?.map(|row| row.value().0);
    let (mut highest, mut latest) = (0, 0);
    for row in builds.iter()? {
        let (number, opened) = row?.1.value();
        highest = highest.max(number);
        latest = latest.max(opened);
    }

    let number = known.unwrap_or(highest + 1);
    // The clock may have been set back: the build that was opened last is the newest in any case.
    builds.insert(name, (number, now.max(latest + 1)))?;
    Ok(number)
}

/// Gives a build the number that is in use for it, in a file that may be new.
pub(super) fn restore(
    transaction: &WriteTransaction,
    name: &str,
    number: u32,
    now: u64,
) -> Result<(), Failure> {
    let mut builds = transaction.open_table(BUILDS)?;
    if builds.get(name)?.is_none() {
        builds.insert(name, (number, now))?;
    }
    Ok(())
}

/// Returns the number of pages that are kept for a build.
pub(super) fn count(db: &Database, name: &str) -> Result<u64, Failure> {
    let read = db.begin_read()?;
    let builds = match read.open_table(BUILDS) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(0),
        builds => builds?,
    };
    let Some(build) = builds.get(name)? else {
        return Ok(0);
    };

    let mut count = 0;
    for row in read.open_table(USES)?.range(ids_of(build.value().0))? {
        row?;
        count += 1;
    }
    Ok(count)
}

/// Deletes some pages of the build that was not opened for longest, if there are more than `keep`.
/// Returns true if that has to go on.
pub(super) fn delete_some(
    transaction: &WriteTransaction,
    batch: &mut Batch<'_>,
    keep: usize,
) -> Result<bool, Failure> {
    let mut builds = transaction.open_table(BUILDS)?;
    let Some((name, build)) = oldest(&builds, keep)? else {
        return Ok(false);
    };

    let mut ids: Vec<Id> = Vec::new();
    for row in batch.uses.range(ids_of(build))?.take(DELETED_AT_ONCE) {
        ids.push(row?.0.value());
    }
    for id in &ids {
        batch.remove(*id)?;
    }
    if ids.is_empty() {
        builds.remove(&name[..])?;
    }
    Ok(true)
}

/// The build that was opened before the `keep` newest ones.
fn oldest(
    builds: &Table<'_, &'static str, (u32, u64)>,
    keep: usize,
) -> Result<Option<(String, u32)>, Failure> {
    let mut all = Vec::new();
    for row in builds.iter()? {
        let (name, row) = row?;
        let (number, opened) = row.value();
        all.push((opened, number, name.value().to_owned()));
    }

    all.sort_unstable_by(|a, b| b.cmp(a));
    let oldest = if all.len() > keep { all.pop() } else { None };
    Ok(oldest.map(|(_, number, name)| (name, number)))
}
