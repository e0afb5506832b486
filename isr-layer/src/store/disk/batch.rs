//! One transaction on the pages: puts, removals and touches, in order.

use bytes::Bytes;
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::file::{Failure, META};
use super::frame;
use super::id::{Id, id_of};
use crate::store::{Put, Remove, Touch, Write};

/// The place of a page, to its [frame](super::frame).
pub(super) const PAGES: TableDefinition<'static, Id, &[u8]> = TableDefinition::new("pages");

/// The place of a page, to its [`Use`]: all that eviction has to read.
pub(super) const USES: TableDefinition<'static, Id, Use> = TableDefinition::new("uses");

/// The octets that a page takes, the time of its last use in milliseconds, its `as_of`, and the
/// number up to which it is known to be valid.
pub(super) type Use = (u32, u64, u64, u64);

/// The octets of a page beside its frame: two rows, and its part of the tree.
const OVERHEAD: usize = 256;

/// The unit of the engine's file. A frame that is larger gets a block of its own, and blocks are
/// powers of two of this.
const BLOCK_LEN: usize = 4096;

/// The octets in a block beside its only frame.
const BLOCK_HEADER_LEN: usize = 64;

/// The octets that a transaction takes in the file beside its pages, until the next sync: it copies
/// the way to each row that it changes.
const TRANSACTION_LEN: usize = 32 << 10;

/// The octets of all pages.
pub(super) const BYTES: &str = "bytes";
/// The highest number that a page has, or that a purge had when pages were written.
pub(super) const HIGHEST: &str = "as_of";
/// The time of the newest use. It goes on while the clock stands or is set back, so that pages of
/// that time are not the first to go.
const NEWEST_USE: &str = "used";

/// One transaction on the pages.
pub(super) struct Batch<'t> {
    pub(super) pages: Table<'t, Id, &'static [u8]>,
    pub(super) uses: Table<'t, Id, Use>,
    meta: Table<'t, &'static str, u64>,
    /// The octets of all pages.
    pub(super) bytes: u64,
    highest: u64,
    now: u64,
}

impl<'t> Batch<'t> {
    pub(super) fn begin(transaction: &'t WriteTransaction, now: u64) -> Result<Self, Failure> {
        let meta = transaction.open_table(META)?;
        let number = |name| meta.get(name).map(|row| row.map_or(0, |row| row.value()));
        let (bytes, highest) = (number(BYTES)?, number(HIGHEST)?);
        let now = now.max(number(NEWEST_USE)? + 1);

        Ok(Self {
            pages: transaction.open_table(PAGES)?,
            uses: transaction.open_table(USES)?,
            meta,
            bytes,
            highest,
            now,
        })
    }

    /// Does one write for a build. A page that alone is beyond `bound` is not kept, and neither is
    /// the older one under its key.
    pub(super) fn write(&mut self, build: u32, write: &Write, bound: u64) -> Result<(), Failure> {
        match write {
            Write::Put(put) => self.put(id_of(build, &put.key), put, bound),
            Write::Remove(Remove { key, as_of }) => {
                let id = id_of(build, key);
                if self.is_newer(id, *as_of)? {
                    return Ok(());
                }
                self.remove(id)
            }
            Write::Touch(touch) => self.touch(id_of(build, &touch.key), touch),
        }
    }

    fn put(&mut self, id: Id, put: &Put, bound: u64) -> Result<(), Failure> {
        if self.is_newer(id, put.as_of)? {
            return Ok(());
        }

        self.highest = self.highest.max(put.as_of);
        let frame = frame::encode(id, put.as_of, &put.selectors, &put.octets);
        let kept = frame.and_then(|frame| Some((room_of(frame.len())?, frame)));
        let Some((size, frame)) = kept.filter(|(size, _)| u64::from(*size) <= bound) else {
            return self.remove(id);
        };

        self.pages.insert(id, &frame[..])?;
        let row = (size, self.now, put.as_of, put.as_of);
        let before = self.uses.insert(id, row)?.map_or(0, |row| row.value().0);
        self.bytes = (self.bytes + u64::from(size)).saturating_sub(u64::from(before));
        Ok(())
    }

    pub(super) fn remove(&mut self, id: Id) -> Result<(), Failure> {
        self.pages.remove(id)?;
        let before = self.uses.remove(id)?.map_or(0, |row| row.value().0);
        self.bytes = self.bytes.saturating_sub(u64::from(before));
        Ok(())
    }

    fn touch(&mut self, id: Id, touch: &Touch) -> Result<(), Failure> {
        let row = self.uses.get(id)?.map(|row| row.value());
        let Some((size, _, as_of, through)) = row else {
            return Ok(());
        };
        if as_of != touch.as_of {
            return Ok(());
        }

        let through = through.max(touch.through);
        self.highest = self.highest.max(through);
        self.uses.insert(id, (size, self.now, as_of, through))?;
        Ok(())
    }

    /// True if the page there knows more purges.
    fn is_newer(&self, id: Id, as_of: u64) -> Result<bool, Failure> {
        let row = self.uses.get(id)?.map(|row| row.value());
        Ok(row.is_some_and(|(_, _, there, _)| there > as_of))
    }

    /// Notes the number of a purge.
    pub(super) fn note(&mut self, number: u64) {
        self.highest = self.highest.max(number);
    }

    /// Writes the figures of the file, and returns the octets that all pages take.
    pub(super) fn finish(mut self) -> Result<u64, Failure> {
        self.meta.insert(BYTES, self.bytes)?;
        self.meta.insert(HIGHEST, self.highest)?;
        self.meta.insert(NEWEST_USE, self.now)?;
        Ok(self.bytes)
    }
}

/// The octets that a frame takes in the file. `None` if it is too large for the file.
fn room_of(frame_len: usize) -> Option<u32> {
    let block = frame_len.checked_add(BLOCK_HEADER_LEN)?;
    let len = if block <= BLOCK_LEN {
        frame_len
    } else {
        block.checked_next_power_of_two()?
    };
    u32::try_from(len + OVERHEAD).ok()
}

/// The octets that a list of writes takes in the file until the next sync.
pub(super) fn weight(writes: &[Write]) -> usize {
    let weigh = |write: &Write| match write {
        Write::Put(put) => {
            let selectors: usize = put.selectors.iter().map(Bytes::len).sum();
            room_of(put.octets.len() + selectors).map_or(usize::MAX, |room| room as usize)
        }
        Write::Remove(_) | Write::Touch(_) => OVERHEAD,
    };
    writes
        .iter()
        .map(weigh)
        .fold(TRANSACTION_LEN, usize::saturating_add)
}

/// The highest number that a list of writes names.
pub(super) fn highest(writes: &[Write]) -> u64 {
    let number = |write: &Write| match write {
        Write::Put(put) => put.as_of,
        Write::Remove(_) => 0,
        Write::Touch(touch) => touch.through,
    };
    writes.iter().map(number).max().unwrap_or(0)
}
