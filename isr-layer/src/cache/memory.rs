//! Memory: the entries, bounded by bytes and by number. Always there, synchronous, in front of everything else.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};

use crate::entry::Entry;
use crate::key::Key;

/// Room that an entry is left for all but its body.
const HEAD: u64 = 4 * 1024;

/// The entries in memory.
///
/// Strangers choose the keys. The hash has a seed of its own, drawn at random for each cache, so they cannot make them
/// collide; and a look-up compares the whole key, never the hash alone.
pub(crate) struct Memory {
    entries: Cache<Key, Arc<Entry>, ByBytes>,
    largest_body: usize,
}

/// An entry weighs its bytes, and at least its share of the whole when as many entries as allowed are there.
#[derive(Clone)]
struct ByBytes {
    at_least: u64,
}

impl Weighter<Key, Arc<Entry>> for ByBytes {
    fn weight(&self, _: &Key, entry: &Arc<Entry>) -> u64 {
        (entry.size() as u64).max(self.at_least)
    }
}

impl Memory {
    /// Room for `bytes` and `entries`, whichever ends first.
    pub(crate) fn new(bytes: u64, entries: u64) -> Self {
        let entries = entries.max(1);
        // The average weight decides how much the cache prepares for; pages of 8 KiB are a usual size.
        let estimated = usize::try_from((bytes / 8192).clamp(16, entries.max(16))).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .weight_capacity(bytes)
            .estimated_items_capacity(estimated)
            .shards(shards(bytes, entries))
            .build();
        // One more entry of this weight would not fit.
        let weighter = ByBytes { at_least: bytes / entries.saturating_add(1) + 1 };
        let entries = match options {
            Ok(options) => Cache::with_options(
                options,
                weighter,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            Err(_) => Cache::with_weighter(estimated, bytes, weighter),
        };
        // A twentieth of each part is left for what is new, and a body is counted twice, for its encodings.
        let part = entries.shard_capacity();
        let largest_body = usize::try_from((part - part / 20).saturating_sub(HEAD) / 2).unwrap_or(usize::MAX);
        Self { entries, largest_body }
    }

    /// The largest body there is room for: a larger one would be gone at once.
    pub(crate) fn largest_body(&self) -> usize {
        self.largest_body
    }

    #[inline]
    pub(crate) fn get(&self, key: &(impl Hash + Equivalent<Key>)) -> Option<Arc<Entry>> {
        self.entries.get(key)
    }

    /// The entry of a key, for the engine's own looks: they say nothing of how much a page is asked for.
    pub(crate) fn get_key(&self, key: &Key) -> Option<Arc<Entry>> {
        self.entries.peek(key)
    }

    pub(crate) fn put(&self, entry: Arc<Entry>) {
        self.entries.insert(entry.key.clone(), entry);
    }

    pub(crate) fn remove(&self, key: &Key) {
        self.entries.remove(key);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Arc<Entry>> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.entries.weight()
    }
}

/// How many parts the cache is split into. A part must have room for several of the largest bodies and for some entries,
/// since what weighs more than its part is never kept.
pub(crate) fn shards(bytes: u64, entries: u64) -> usize {
    const ROOM: u64 = 32 * 1024 * 1024;
    const ENTRIES: u64 = 64;
    usize::try_from((bytes / ROOM).min(entries / ENTRIES).clamp(1, 64)).unwrap_or(1)
}
