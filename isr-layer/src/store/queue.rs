//! The pages that wait to be written: entries, not octets, so that a request that needs one takes
//! it back as it is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::entry::Entry;
use crate::invalidation::Sequence;
use crate::render::Key;
use crate::rules::{Rule, holds};

/// The bytes of entries that may wait.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The number of removals that may wait, and the bytes of their keys, which clients choose.
const MAX_REMOVALS: usize = 65_536;
const MAX_REMOVAL_BYTES: usize = 16 * 1024 * 1024;

/// The number of pages that the store is told of at once.
const TOUCHES: usize = 1024;

/// The longest time between two steps of a task that writes.
const MAX_STEP: Duration = Duration::from_secs(15);

/// The number of pages that are written at once, and their bytes.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// The time for which an entry waits for its encodings before it is written without them.
const MAX_DELAY: Duration = Duration::from_millis(500);

/// The pages that wait to be written, and those that are being written.
#[derive(Default)]
pub(super) struct Queue {
    waiting: HashMap<Key, Pending>,
    /// The keys of `waiting`, oldest first.
    order: VecDeque<Key>,
    writing: HashMap<Key, Pending>,
    bytes: usize,
    removals: usize,
    removal_bytes: usize,
    /// The entries in memory that the store is to be told of.
    touches: HashMap<Key, Arc<Entry>>,
    /// The number of the task that writes now, and the time of its last step.
    writer: Option<(u64, Instant)>,
    writers: u64,
}

/// One page that waits.
#[derive(Clone, Debug)]
pub(super) enum Pending {
    Put { entry: Arc<Entry>, since: Instant },
    Remove { as_of: Sequence },
}

/// The next pages to write.
pub(super) enum Batch {
    Pages(Vec<(Key, Pending)>),
    /// Everything that waits is being encoded, until this time at most.
    NotReady(Instant),
    Nothing,
}

impl Queue {
    /// Takes the right to write, if something waits and no task has it. A task that has made no step
    /// for too long loses it: its runtime may stand still.
    pub(super) fn take_writer(&mut self, now: Instant) -> Option<u64> {
        if self.is_empty() && self.touches.is_empty() {
            return None;
        }
        if let Some((_, step)) = self.writer {
            if now.saturating_duration_since(step) < MAX_STEP {
                return None;
            }
            self.give_back();
        }
        self.writers += 1;
        self.writer = Some((self.writers, now));
        Some(self.writers)
    }

    /// True if the task of that number writes, and something waits. Without anything that waits, it
    /// gives the right back.
    pub(super) fn goes_on(&mut self, writer: u64, now: Instant) -> bool {
        if !self.is_written_by(writer) {
            return false;
        }
        let has_more = !self.is_empty() || !self.touches.is_empty();
        self.writer = has_more.then_some((writer, now));
        has_more
    }

    /// Gives the right to write back, with what was being written. Returns whether the task had it.
    pub(super) fn release(&mut self, writer: u64) -> bool {
        let is_writer = self.is_written_by(writer);
        if is_writer {
            self.give_back();
            self.writer = None;
        }
        is_writer
    }

    /// True if a task writes.
    pub(super) fn has_writer(&self) -> bool {
        self.writer.is_some()
    }

    fn is_written_by(&self, writer: u64) -> bool {
        self.writer.is_some_and(|(now, _)| now == writer)
    }

    /// Lets an entry wait that is in memory, so that the store is told of it. Called while no flight
    /// completes: an entry that is replaced from then on is touched before it, or not at all.
    pub(super) fn touch(&mut self, entry: &Arc<Entry>) {
        if self.get(&entry.key).is_none() {
            self.touches.insert(entry.key.clone(), entry.clone());
        }
    }

    /// Takes some of the entries that the store is to be told of.
    pub(super) fn touches(&mut self) -> Vec<Arc<Entry>> {
        if self.touches.len() <= TOUCHES {
            return std::mem::take(&mut self.touches).into_values().collect();
        }
        let keys = self
            .touches
            .keys()
            .take(TOUCHES)
            .cloned()
            .collect::<Vec<_>>();
        let entries = keys.iter().filter_map(|key| self.touches.remove(key));
        entries.collect()
    }

    /// Returns the change of a key that waits.
    pub(super) fn get(&self, key: &Key) -> Option<&Pending> {
        self.waiting.get(key).or_else(|| self.writing.get(key))
    }

    /// Lets an entry wait. Without room its removal waits in its place. Returns whether there was
    /// room.
    pub(super) fn put(&mut self, entry: &Arc<Entry>, now: Instant) -> Added {
        let has_room = self.bytes + entry.size() <= MAX_BYTES;
        if !has_room && !holds(Rule::Drop) {
            return Added::InPart;
        }

        let pending = match has_room {
            true => Pending::Put {
                entry: entry.clone(),
                since: now,
            },
            false => Pending::Remove {
                as_of: entry.as_of(),
            },
        };
        match self.add(&entry.key, pending) {
            Added::Waits if !has_room => Added::InPart,
            added => added,
        }
    }

    /// Lets a removal wait.
    pub(super) fn remove(&mut self, key: &Key, as_of: Sequence) -> Added {
        self.add(key, Pending::Remove { as_of })
    }

    fn add(&mut self, key: &Key, pending: Pending) -> Added {
        // Of two renders the one that began later counts.
        let before = self.waiting.get(key);
        if before.is_some_and(|before| before.as_of() > pending.as_of()) {
            return Added::Waits;
        }
        let is_removal = matches!(pending, Pending::Remove { .. });
        let is_full =
            self.removals >= MAX_REMOVALS || self.removal_bytes + key.size() > MAX_REMOVAL_BYTES;
        if is_removal && is_full && before.is_none() {
            return Added::NotAtAll;
        }

        self.touches.remove(key);
        self.count(key, &pending);
        match self.waiting.insert(key.clone(), pending) {
            Some(before) => self.uncount(key, &before),
            None => self.order.push_back(key.clone()),
        }
        Added::Waits
    }

    /// Takes the oldest pages that are ready.
    pub(super) fn batch(&mut self, now: Instant) -> Batch {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let (mut later, mut next) = (Vec::new(), None::<Instant>);
        while batch.len() < BATCH && bytes < BATCH_BYTES && later.len() < 4 * BATCH {
            let Some(key) = self.order.pop_front() else {
                break;
            };
            let Some(pending) = self.waiting.get(&key) else {
                continue;
            };
            if let Some(ready) = pending.ready_at().filter(|ready| now < *ready) {
                next = Some(next.map_or(ready, |next| next.min(ready)));
                later.push(key);
                continue;
            }
            if let Some(pending) = self.waiting.remove(&key) {
                bytes += pending.bytes();
                batch.push((key, pending));
            }
        }
        for key in later.into_iter().rev() {
            self.order.push_front(key);
        }

        if batch.is_empty() {
            return next.map_or(Batch::Nothing, Batch::NotReady);
        }
        self.writing.extend(batch.iter().cloned());
        Batch::Pages(batch)
    }

    /// Ends the writing of a batch. What was not written is forgotten but for its removal. Returns
    /// the number of pages that are lost.
    pub(super) fn end(&mut self, is_written: bool) -> Lost {
        let mut lost = Lost::default();
        if !is_written {
            // They keep entries that memory may have dropped.
            self.touches.clear();
        }
        for (key, pending) in std::mem::take(&mut self.writing) {
            self.uncount(&key, &pending);
            if is_written {
                continue;
            }

            lost.pages += u64::from(matches!(pending, Pending::Put { .. }));
            if self.waiting.contains_key(&key) || !holds(Rule::Drop) {
                // A later render waits already.
                continue;
            }
            if let Added::NotAtAll = self.remove(&key, pending.as_of()) {
                lost.is_untold = true;
            }
        }
        lost
    }

    /// Gives back the pages that a task had begun to write before it was dropped.
    fn give_back(&mut self) {
        for (key, pending) in std::mem::take(&mut self.writing) {
            self.uncount(&key, &pending);
            if !self.waiting.contains_key(&key) {
                self.add(&key, pending);
            }
        }
    }

    /// True if nothing waits and nothing is being written.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.writing.is_empty()
    }

    fn count(&mut self, key: &Key, pending: &Pending) {
        match pending {
            Pending::Put { entry, .. } => self.bytes += entry.size(),
            Pending::Remove { .. } => {
                self.removals += 1;
                self.removal_bytes += key.size();
            }
        }
    }

    fn uncount(&mut self, key: &Key, pending: &Pending) {
        match pending {
            Pending::Put { entry, .. } => self.bytes -= entry.size(),
            Pending::Remove { .. } => {
                self.removals -= 1;
                self.removal_bytes -= key.size();
            }
        }
    }
}

/// The end of an attempt to let something wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Waits,
    /// Only the removal of an entry waits.
    InPart,
    /// Not even a removal: the store may have an older page, and nothing tells it.
    NotAtAll,
}

/// The pages of a batch that were not written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    pub(super) pages: u64,
    /// True if the store may have older pages than these, and nothing tells it.
    pub(super) is_untold: bool,
}

impl Pending {
    pub(super) fn as_of(&self) -> Sequence {
        match self {
            Self::Put { entry, .. } => entry.as_of(),
            Self::Remove { as_of } => *as_of,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Put { entry, .. } => entry.size(),
            Self::Remove { .. } => 0,
        }
    }

    /// Returns the time at which an entry that is being encoded is written all the same.
    fn ready_at(&self) -> Option<Instant> {
        match self {
            Self::Put { entry, since } if entry.awaits_encodings() => Some(*since + MAX_DELAY),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::Hosts;
    use crate::page::{Page, Registry};

    /// Clients choose the keys: a bound of their number alone would be one of a gigabyte.
    #[test]
    fn removals_are_bounded_by_the_bytes_of_their_keys_too() {
        let page = [Page::new("/{*rest}")];
        let registry = Registry::new(page, Hosts::default()).expect("one page");
        let page = registry.find("/a").expect("it is there");
        let long = "x".repeat(1000);
        let key = |at: usize| Key::bare(page, &format!("/{at}-{long}")).remove(0);
        let mut queue = Queue::default();

        let ends = (0..20_000).map(|at| queue.remove(&key(at), Sequence::NO_MARK));
        let waiting = ends.filter(|end| *end == Added::Waits).count();

        assert!(
            (16_000..17_000).contains(&waiting),
            "{waiting} of 1 KB each"
        );
        assert_eq!(queue.remove(&key(0), Sequence::NO_MARK), Added::Waits);
        let Batch::Pages(pages) = queue.batch(crate::clock::now()) else {
            panic!("removals are ready at once");
        };
        let _ = queue.end(true);
        assert_eq!(queue.removals, waiting - pages.len());
        assert_eq!(queue.remove(&key(19_999), Sequence::NO_MARK), Added::Waits);
    }
}
