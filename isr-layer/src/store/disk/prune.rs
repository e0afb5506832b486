//! Forgets the oldest marks.

use redb::{ReadableTable, Table};

use super::file::Failure;
use super::marks::{HARD_FLOOR, SOFT_FLOOR};

/// Keeps the `keep` newest of the marks, of which there must be more, and raises the floors over
/// the others: a page that is older than a mark which was forgotten counts as marked.
pub(super) fn prune(
    marks: &mut Table<'_, &'static [u8], (u64, u64)>,
    meta: &mut Table<'_, &'static str, u64>,
    keep: u64,
) -> Result<(), Failure> {
    let mut numbers = Vec::new();
    for row in marks.iter()? {
        numbers.push(row?.1.value().0);
    }
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let Some(newest_forgotten) = numbers.len().checked_sub(keep + 1) else {
        return Ok(());
    };
    let (_, &mut cut, _) = numbers.select_nth_unstable(newest_forgotten);

    let mut hard_floor = 0;
    marks.retain(|_, (soft, hard)| {
        if soft <= cut {
            hard_floor = hard_floor.max(hard);
        }
        soft > cut
    })?;

    raise(meta, SOFT_FLOOR, cut)?;
    raise(meta, HARD_FLOOR, hard_floor)
}

fn raise(
    meta: &mut Table<'_, &'static str, u64>,
    floor: &'static str,
    number: u64,
) -> Result<(), Failure> {
    let before = meta.get(floor)?.map_or(0, |row| row.value());
    meta.insert(floor, before.max(number))?;
    Ok(())
}
