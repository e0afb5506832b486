//! Stores entries in memory, bounded by bytes and by number. It is synchronous, because every hit
//! reads it.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

use crate::entry::Entry;
use crate::render::Key;

/// The bytes left for everything of an entry but its body.
const HEADER_ALLOWANCE: u64 = 4 * 1024;

/// The entries in memory. A look-up compares the whole key, never the hash alone.
pub(crate) struct Memory {
    entries: Bounded<Key, Arc<Entry>>,
    largest_body: usize,
    /// Says of each entry that is stored if it is dropped at once.
    forgets: Option<fn() -> bool>,
}

/// A cache that evicts once it is over its bytes or its number of values, whichever comes first.
/// Made by [`bounded`].
pub(crate) type Bounded<K, V> = Cache<K, V, ByBytes<K, V>, ClientHash>;

/// The hash of keys that clients choose, with random keys for each cache. Its authors promise that
/// it resists a client that looks for colliding keys, which those of `quick_cache`'s default hash
/// do not. SipHash-1-3, which promises more, costs about 120 instructions on each hit and does not
/// keep the budgets; tables that no hit reads use it.
pub(crate) type ClientHash = ahash::RandomState;

/// Weighs a value by its bytes, but by no less than the share of one value in a full cache: so one
/// capacity limits the bytes and the number.
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
    /// Creates a memory of at most `bytes` and at most `entries`.
    pub(crate) fn new(bytes: u64, entries: u64) -> Self {
        let entries = bounded(bytes, entries, |_, entry: &Arc<Entry>| entry.size());
        // A twentieth of each shard is left for new entries. A body counts twice, because of its
        // encodings.
        let shard = entries.shard_capacity();
        let largest_body =
            usize::try_from((shard - shard / 20).saturating_sub(HEADER_ALLOWANCE) / 2)
                .unwrap_or(usize::MAX);
        Self {
            entries,
            largest_body,
            forgets: None,
        }
    }

    /// Sets a function that says of each entry that is stored if it is dropped at once, for tests.
    pub(crate) fn forgetting(self, forgets: Option<fn() -> bool>) -> Self {
        Self { forgets, ..self }
    }

    /// Returns the length of the largest body that fits. A larger one would be evicted at once.
    pub(crate) fn largest_body(&self) -> usize {
        self.largest_body
    }

    /// Finds the entry for a request, which counts as a use.
    #[inline]
    pub(crate) fn get(&self, key: &(impl Hash + Equivalent<Key>)) -> Option<Arc<Entry>> {
        self.entries.get(key)
    }

    /// Finds the entry of a key for the engine itself. This does not count as a use: eviction must
    /// depend on requests alone.
    pub(crate) fn get_key(&self, key: &Key) -> Option<Arc<Entry>> {
        self.entries.peek(key)
    }

    /// Stores an entry in place of the one before. Returns `false` if the entry was too large to be
    /// kept: then the key has no entry.
    pub(crate) fn put(&self, entry: &Arc<Entry>) -> bool {
        self.entries.insert(entry.key.clone(), entry.clone());
        let kept = self.entries.peek(&entry.key);
        if self.forgets.is_some_and(|forgets| forgets()) {
            self.remove(&entry.key);
        }
        kept.is_some_and(|kept| Arc::ptr_eq(&kept, entry))
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

/// Creates a cache of at most `bytes` and at most `values`. `size` measures one of them.
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

    let (hash, lifecycle) = (ClientHash::new(), DefaultLifecycle::default());
    match options {
        Ok(options) => Cache::with_options(options, weighter, hash, lifecycle),
        Err(_) => Cache::with(estimated, bytes, weighter, hash, lifecycle),
    }
}

/// Returns the number of shards. A value that weighs more than its shard is never kept, so each
/// shard must have room for several of the largest bodies and for some values.
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

#[cfg(test)]
mod tests {
    use std::any::TypeId;
    use std::hash::BuildHasher;

    use super::*;

    fn hasher_of<K, V>(_: &Bounded<K, V>) -> TypeId {
        TypeId::of::<<ClientHash as BuildHasher>::Hasher>()
    }

    #[test]
    fn keys_that_clients_choose_are_hashed_with_a_hash_that_promises_to_resist_them() {
        let one = bounded::<u64, u64>(1024, 16, |_, _| 1);

        assert_eq!(hasher_of(&one), TypeId::of::<ahash::AHasher>());
        assert_ne!(
            ClientHash::new().hash_one("a key"),
            ClientHash::new().hash_one("a key"),
            "each cache has a key of its own"
        );
    }
}
