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

/// The number of removals that may wait.
const MAX_REMOVALS: usize = 65_536;

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
    /// True while a task writes.
    pub(super) is_writing: bool,
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
        if is_removal && self.removals >= MAX_REMOVALS && before.is_none() {
            return Added::NotAtAll;
        }

        self.count(&pending);
        match self.waiting.insert(key.clone(), pending) {
            Some(before) => self.uncount(&before),
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
        for (key, pending) in std::mem::take(&mut self.writing) {
            self.uncount(&pending);
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
    pub(super) fn give_back(&mut self) {
        for (key, pending) in std::mem::take(&mut self.writing) {
            self.uncount(&pending);
            if !self.waiting.contains_key(&key) {
                self.add(&key, pending);
            }
        }
    }

    /// True if nothing waits and nothing is being written.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.writing.is_empty()
    }

    fn count(&mut self, pending: &Pending) {
        self.bytes += pending.bytes();
        self.removals += usize::from(matches!(pending, Pending::Remove { .. }));
    }

    fn uncount(&mut self, pending: &Pending) {
        self.bytes -= pending.bytes();
        self.removals -= usize::from(matches!(pending, Pending::Remove { .. }));
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
