//! Opens a file, or sets it aside as no file of ours and begins anew.

use std::ffi::OsString;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, TableDefinition, TableError, TableHandle,
    WriteTransaction,
};

use super::{Failure, Lasts, commit};
use crate::observe;

/// The format of both files. A higher one is a newer version's.
const FORMAT: u64 = 1;

/// Numbers of the file, under names such as `format`.
pub(in crate::store::disk) const META: TableDefinition<'static, &str, u64> =
    TableDefinition::new("meta");

/// Opens or creates a file of the engine. Tests give one whose disk fails on purpose.
pub(in crate::store::disk) type Create =
    Arc<dyn Fn(&Builder, &Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// The plan of a file: its place, and how it is opened.
#[derive(Clone)]
pub(in crate::store::disk) struct Plan {
    pub(in crate::store::disk) path: PathBuf,
    pub(in crate::store::disk) create: Create,
    /// The octets of the file that are kept in memory.
    pub(in crate::store::disk) cache: usize,
    /// True if every octet is checked on opening, which a small file can afford.
    pub(in crate::store::disk) is_checked: bool,
    /// Makes the tables of a new file.
    pub(in crate::store::disk) begin: fn(&WriteTransaction) -> Result<(), Failure>,
}

/// The origin of a file that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::disk) enum Origin {
    /// It was there.
    Found,
    /// It was not there, was empty, or was set aside.
    New,
}

/// Opens a real file.
pub(in crate::store::disk) fn create_file(
    builder: &Builder,
    path: &Path,
) -> Result<Database, DatabaseError> {
    builder.create(path)
}

impl Plan {
    /// Opens the file. One that is broken, or of another format, is set aside for a new one.
    pub(super) fn open_or_begin(&self) -> Result<(Database, Origin), Failure> {
        match self.open() {
            Err(failure) if failure.is_broken() => {
                set_aside(&self.path, &failure.to_string())?;
                self.open()
            }
            opened => opened,
        }
    }

    fn open(&self) -> Result<(Database, Origin), Failure> {
        guarded(|| {
            let mut builder = Database::builder();
            builder.set_cache_size(self.cache);
            builder.set_check_integrity_on_open(self.is_checked);
            let db = (self.create)(&builder, &self.path)?;

            // Nothing is written to a file that has a format: on a full disk it can still be read.
            match format(&db)? {
                Some(FORMAT) => return Ok((db, Origin::Found)),
                Some(other) => return Err(Failure::Foreign(format!("it has the format {other}"))),
                None => commit(&db, Lasts::OpensAtOnce, |transaction| {
                    transaction.open_table(META)?.insert("format", FORMAT)?;
                    (self.begin)(transaction)
                })?,
            }
            Ok((db, Origin::New))
        })
    }
}

/// Returns the format of a file; `None` if the file is new.
fn format(db: &Database) -> Result<Option<u64>, Failure> {
    let read = db.begin_read()?;
    let meta = match read.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => {
            let other = read.list_tables()?.next();
            return other.map_or(Ok(None), |table| {
                let reason = format!("it has a table `{}` of another program", table.name());
                Err(Failure::Foreign(reason))
            });
        }
        Err(error) => return Err(error.into()),
    };

    let Some(format) = meta.get("format")? else {
        return Err(Failure::Foreign("it has no format".to_owned()));
    };
    Ok(Some(format.value()))
}

/// Moves a file out of the way, in place of one that was moved before. Nothing happens if there is
/// no such file.
pub(in crate::store::disk) fn set_aside(path: &Path, reason: &str) -> Result<(), Failure> {
    if !path.is_file() {
        return Ok(());
    }

    let mut aside = OsString::from(path);
    aside.push(".broken");
    fs::rename(path, &aside)?;
    observe::store_file_set_aside(path, Path::new(&aside), reason);
    Ok(())
}

/// Does `work`; a panic of the engine is a failure like any other.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // A file that panicked is used no more, so no half of a change is seen.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Panicked))
}
