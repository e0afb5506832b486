//! The values in memory, bounded by bytes and by number.

use std::sync::{Arc, OnceLock};

use super::value::Value;
use crate::cache::memory::{Bounded, bounded};
use crate::value::{KeyRef, ValueKey};

/// The values in memory, which takes none before there is a value.
pub(super) struct Memory {
    bytes: u64,
    most: u64,
    values: OnceLock<Bounded<ValueKey, Arc<Value>>>,
}

impl Memory {
    pub(super) fn new(bytes: u64, most: u64) -> Self {
        Self {
            bytes,
            most,
            values: OnceLock::new(),
        }
    }

    /// Finds a value for a reader, which counts as a use.
    #[inline]
    pub(super) fn get(&self, key: &KeyRef<'_>) -> Option<Arc<Value>> {
        self.values.get()?.get(key)
    }

    /// Finds a value for the engine itself. This does not count as a use.
    pub(super) fn get_key(&self, key: &ValueKey) -> Option<Arc<Value>> {
        self.values.get()?.peek(key)
    }

    /// Stores a value in place of the one before. Returns `false` if it was too large to be kept:
    /// then the key has no value.
    pub(super) fn put(&self, value: &Arc<Value>) -> bool {
        let make = || bounded(self.bytes, self.most, |_, value: &Arc<Value>| value.size());
        let values = self.values.get_or_init(make);
        values.insert(value.key().clone(), value.clone());
        let kept = values.peek(value.key());
        kept.is_some_and(|kept| Arc::ptr_eq(&kept, value))
    }

    pub(super) fn remove(&self, key: &ValueKey) {
        if let Some(values) = self.values.get() {
            values.remove(key);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Arc<Value>> {
        let values = self.values.get().into_iter();
        values.flat_map(|values| values.iter().map(|(_, value)| value))
    }

    pub(super) fn len(&self) -> usize {
        self.values.get().map_or(0, Bounded::len)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.values.get().map_or(0, Bounded::weight)
    }
}
