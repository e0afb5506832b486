//! A store of your own: pages and purges in one file of SQLite.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use isr_layer::store::{Found, Mark, Store, StoreError, Validity, Write};
use rusqlite::{Connection, OptionalExtension, Result, Transaction};

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL; -- what is committed survives a power cut
CREATE TABLE IF NOT EXISTS last (id INTEGER PRIMARY KEY, number INTEGER);
INSERT OR IGNORE INTO last VALUES (1, 0);
CREATE TABLE IF NOT EXISTS marks (selector TEXT PRIMARY KEY, number INTEGER, hard INTEGER);
CREATE TABLE IF NOT EXISTS pages (build TEXT, key BLOB, as_of INTEGER, through INTEGER,
    selectors TEXT, octets BLOB, PRIMARY KEY (build, key));
CREATE TRIGGER IF NOT EXISTS of_page AFTER INSERT ON pages
    BEGIN UPDATE last SET number = max(number, new.as_of); END;";
const FIND: &str = "SELECT octets, (SELECT coalesce(max((number > through) + (hard > through)), 0)
    FROM json_each(selectors) JOIN marks ON selector = value) FROM pages WHERE build = ? AND key = ?";
const PUT: &str = "INSERT OR IGNORE INTO pages VALUES (?1, ?2, ?3, ?3, ?4, ?5)"; // a higher one stays
const REMOVE: &str = "DELETE FROM pages WHERE build = ? AND key = ? AND as_of <= ?";
const TOUCH: &str = "UPDATE pages SET through = max(through, ?4)
    WHERE build = ?1 AND key = ?2 AND as_of = ?3";
const MARK: &str = "INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT
    DO UPDATE SET number = excluded.number, hard = max(hard, excluded.hard)";

/// The database, and the build that was joined.
pub struct SqliteStore(Mutex<(Connection, String)>);

impl SqliteStore {
    pub fn open(file: &Path) -> Result<Self> {
        let db = Connection::open(file)?;
        db.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new((db, String::new()))))
    }

    /// Does the work of one call in one transaction. Under much load, a thread has to do it.
    fn run<T>(&self, work: impl FnOnce(&Transaction<'_>, &str) -> Result<T>) -> Call<T> {
        let (db, build) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let done = db.transaction().and_then(|transaction| {
            let output = work(&transaction, build)?;
            transaction.commit().map(|()| output)
        });
        done.map_err(|error| StoreError::other("SQLite failed", error))
    }
}

type Call<T> = Result<T, StoreError>;

impl Store for SqliteStore {
    fn join(&self, build: &str) -> Call<u64> {
        build.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).1);
        self.run(|db, _| db.query_row("SELECT number FROM last", (), |row| row.get(0)))
    }

    async fn get(&self, key: &[u8]) -> Call<Option<Found>> {
        const VALIDITIES: [Validity; 3] = [Validity::Valid, Validity::Soft, Validity::Hard];
        self.run(|db, build| {
            let found = db.query_row(FIND, (build, key), |row| {
                let octets: Vec<u8> = row.get(0)?;
                Ok(Found::new(
                    octets.into(),
                    VALIDITIES[row.get::<_, usize>(1)?],
                ))
            });
            found.optional()
        })
    }

    async fn write(&self, writes: Vec<Write>) -> Call<()> {
        self.run(|db, build| {
            for write in writes {
                match write {
                    Write::Put(page) => {
                        let selectors = page.selectors.iter().map(|selector| hex(selector));
                        let selectors = format!("{:?}", selectors.collect::<Vec<_>>()); // JSON
                        let id = (build, &*page.key, page.as_of);
                        db.execute(REMOVE, id)?;
                        db.execute(PUT, (id.0, id.1, id.2, selectors, &*page.octets))?
                    }
                    Write::Remove(page) => db.execute(REMOVE, (build, &*page.key, page.as_of))?,
                    Write::Touch(page) => {
                        db.execute(TOUCH, (build, &*page.key, page.as_of, page.through))?
                    }
                    _ => 0,
                };
            }
            Ok(())
        })
    }

    async fn record(&self, marks: &[Mark]) -> Call<u64> {
        self.run(|db, _| {
            let next = "UPDATE last SET number = number + 1 RETURNING number";
            let number: u64 = db.query_row(next, (), |row| row.get(0))?;
            for mark in marks {
                let hard = if mark.is_hard { number } else { 0 };
                db.execute(MARK, (hex(&mark.selector), number, hard))?;
            }
            Ok(number)
        })
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
