//! The reserve for purges: room in `marks.redb` that is taken before it is needed.

use redb::{Database, ReadableDatabase, TableDefinition, TableHandle};

use super::file::{Failure, HeldFile, Lasts, Origin, commit};
use super::settings::Settings;

/// Takes the room, and is deleted again.
const ROOM: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("room");

/// Stays behind the room: the engine gives back only the free end of the file.
const PIN: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("pin");

const ROW_LEN: usize = 60_000;

/// It is too large for any gap in front of the rows.
const PIN_LEN: usize = 4 * ROW_LEN;

/// Takes the room that all marks need, once: a disk that pages or others fill must not stop purges.
/// A disk that is full already is no reason not to start: purges then get the room that is left.
pub(super) fn take_reserve(
    file: &HeldFile,
    origin: Origin,
    settings: &Settings,
) -> Result<(), Failure> {
    let len = std::fs::metadata(file.path()).map_or(0, |file| file.len());
    if len >= settings.reserve && !file.with(is_half_taken)? {
        return Ok(());
    }

    let is_taken = take(file, settings.reserve).is_ok();
    if !is_taken && origin == Origin::New {
        // It took all room that is left, and gives it back only if it goes itself.
        file.close();
        std::fs::remove_file(file.path())?;
    }
    // Closing gives back all behind the pin, so that purges take their room from the reserve.
    file.reopen(|_| Ok(()))?;
    if is_taken {
        let _ = (settings.fill_gaps)(file.path());
    }
    Ok(())
}

/// True if a process ended while it took the reserve.
fn is_half_taken(db: &Database) -> Result<bool, Failure> {
    let read = db.begin_read()?;
    let mut tables = read.list_tables()?;
    Ok(tables.any(|table| table.name() == ROOM.name()))
}

fn take(file: &HeldFile, octets: u64) -> Result<(), Failure> {
    file.with(|db| write_rows(db, octets))?;
    // Closing gives back the free end of the file, so that the pin comes right behind the rows.
    file.reopen(|_| Ok(()))?;
    file.with(|db| {
        pin(db)?;
        delete_rows(db)
    })
}

fn write_rows(db: &Database, octets: u64) -> Result<(), Failure> {
    let row = [0xa5; ROW_LEN];
    commit(db, Lasts::OpensAtOnce, |transaction| {
        transaction.delete_table(PIN)?;
        let mut room = transaction.open_table(ROOM)?;
        for number in 0..octets / ROW_LEN as u64 {
            room.insert(number, &row[..])?;
        }
        Ok(())
    })
}

fn pin(db: &Database) -> Result<(), Failure> {
    commit(db, Lasts::OpensAtOnce, |transaction| {
        let row = vec![0xa5; PIN_LEN];
        transaction.open_table(PIN)?.insert(0, &row[..])?;
        Ok(())
    })
}

fn delete_rows(db: &Database) -> Result<(), Failure> {
    commit(db, Lasts::OpensAtOnce, |transaction| {
        transaction.delete_table(ROOM)?;
        Ok(())
    })
}
