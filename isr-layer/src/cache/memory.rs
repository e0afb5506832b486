//! Memory: the entries, bounded by bytes and by number. Always there, synchronous, in front of everything else.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};

use crate::entry::Entry;
use crate::render::Key;

/// Room that an entry is left for all but its body.
const HEADER_ALLOWANCE: u64 = 4 * 1024;

/// The entries in memory.
///
/// Strangers choose the keys. The hash has a seed of its own, drawn at random for each cache, so they cannot make them
/// collide; and a look-up compares the whole key, never the hash alone.
pub(crate) struct Memory {
    entries: Bounded<Key, Arc<Entry>>,
    largest_body: usize,
}

/// A cache with room for so many bytes and so many values, whichever ends first.
pub(crate) type Bounded<K, V> = Cache<K, V, ByBytes<K, V>>;

/// A value weighs its bytes, and at least its share of the whole when as many values as allowed are there.
#[derive(Clone)]
pub(crate) struct ByBytes<K, V> {
    size: fn(&K, &V) -> usize,
    at_least: u64,
}

impl<K, V> Weighter<K, V> for ByBytes<K, V> {
    fn weight(&self, key: &K, value: &V) -> u64 {
        ((self.size)(key, value) as u64).max(self.at_least)
    }
}

impl Memory {
    /// Room for `bytes` and `entries`, whichever ends first.
    pub(crate) fn new(bytes: u64, entries: u64) -> Self {
        let entries = bounded(bytes, entries, |_, entry: &Arc<Entry>| entry.size());
        // A twentieth of each part is left for what is new, and a body is counted twice, for its encodings.
        let part = entries.shard_capacity();
        let largest_body = usize::try_from((part - part / 20).saturating_sub(HEADER_ALLOWANCE) / 2)
            .unwrap_or(usize::MAX);
        Self {
            entries,
            largest_body,
        }
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

/// A cache with room for `bytes` and `values`, whichever ends first, where a value takes `size`.
pub(crate) fn bounded<K, V>(bytes: u64, values: u64, size: fn(&K, &V) -> usize) -> Bounded<K, V>
where
    K: Clone + Eq + Hash,
    V: Clone,
{
    let (bytes, values) = (bytes.max(1), values.max(1));
    // The average weight decides how much the cache prepares for; pages of 8 KiB are a usual size.
    let estimated = usize::try_from((bytes / 8192).clamp(16, values.max(16))).unwrap_or(usize::MAX);
    // One more value of this weight would not fit.
    let weighter = ByBytes {
        size,
        at_least: bytes / values.saturating_add(1) + 1,
    };
    let options = OptionsBuilder::new()
        .weight_capacity(bytes)
        .estimated_items_capacity(estimated)
        .shards(shards(bytes, values))
        .build();
    match options {
        Ok(options) => {
            let (hash, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
            Cache::with_options(options, weighter, hash, lifecycle)
        }
        Err(_) => Cache::with_weighter(estimated, bytes, weighter),
    }
}

/// How many parts the cache is split into. A part must have room for several of the largest bodies and for some values,
/// since what weighs more than its part is never kept.
fn shards(bytes: u64, values: u64) -> usize {
    const SHARD_BYTES: u64 = 32 * 1024 * 1024;
    const SHARD_VALUES: u64 = 64;
    usize::try_from(
        (bytes / SHARD_BYTES)
            .min(values / SHARD_VALUES)
            .clamp(1, 64),
    )
    .unwrap_or(1)
}
