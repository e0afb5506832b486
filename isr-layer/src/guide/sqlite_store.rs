//! A store of your own: pages and purges in one file of SQLite.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use isr_layer::store::{Found, Mark, Store, StoreError, Validity, Write};
use rusqlite::{Connection, OptionalExtension, Result, Row};

const JOIN: &str = "UPDATE joined SET build = ? RETURNING (SELECT number FROM last)";
const GET: &str = "SELECT octets, verdict FROM page WHERE key = ?";
const PUT: &str = "INSERT INTO page (key, as_of, octets) VALUES (?, ?, ?)";
const ADD: &str = "INSERT INTO selectors SELECT id, ? FROM page WHERE key = ? AND as_of = ?";
const REMOVE: &str = "DELETE FROM page WHERE key = ? AND as_of <= ?";
const TOUCH: &str = "UPDATE page SET through = ? WHERE key = ? AND as_of = ?";
const NEXT: &str = "UPDATE last SET number = number + 1 RETURNING number";
const MARK: &str = "REPLACE INTO marks VALUES (?, ?, ?)";

/// The database. Its connection knows the build that was joined.
pub struct SqliteStore(Mutex<Connection>);

impl SqliteStore {
    pub fn open(file: &Path) -> Result<Self> {
        let db = Connection::open(file)?;
        db.execute_batch(include_str!("sqlite_store.sql"))?;
        Ok(Self(Mutex::new(db)))
    }

    /// Does the work of one call in one transaction. Under much load, a thread has to do it.
    fn run<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T, StoreError> {
        let mut db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let done = db.transaction().and_then(|transaction| {
            let output = work(&transaction)?;
            transaction.commit().map(|()| output)
        });
        done.map_err(|error| StoreError::other("SQLite failed", error))
    }
}

impl Store for SqliteStore {
    fn join(&self, build: &str) -> Result<u64, StoreError> {
        self.run(|db| db.query_row(JOIN, [build], |row| row.get(0)))
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Found>, StoreError> {
        self.run(|db| db.query_row(GET, [key], found).optional())
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.run(|db| writes.iter().try_for_each(|write| apply(db, write)))
    }

    async fn record(&self, marks: &[Mark]) -> Result<u64, StoreError> {
        self.run(|db| {
            let number = db.query_row(NEXT, (), |row| row.get(0))?;
            for mark in marks {
                db.execute(MARK, (&*mark.selector, mark.is_hard, number))?;
            }
            Ok(number)
        })
    }
}

fn found(row: &Row<'_>) -> Result<Found> {
    let (octets, verdict): (Vec<u8>, usize) = row.try_into()?;
    let verdicts = [Validity::Valid, Validity::Soft, Validity::Hard];
    Ok(Found::new(octets.into(), verdicts[verdict]))
}

fn apply(db: &Connection, write: &Write) -> Result<()> {
    match write {
        Write::Put(page) => {
            db.execute(PUT, (&*page.key, page.as_of, &*page.octets))?;
            for selector in &page.selectors {
                db.execute(ADD, (&**selector, &*page.key, page.as_of))?;
            }
        }
        Write::Remove(page) => _ = db.execute(REMOVE, (&*page.key, page.as_of))?,
        Write::Touch(page) => _ = db.execute(TOUCH, (page.through, &*page.key, page.as_of))?,
        _ => {}
    }
    Ok(())
}
