//! Negative caching: remembers keys whose last render failed or may not be stored, so that they are
//! not rendered again at once.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::clock::Instant;
use crate::invalidation::{Marks, Sequence, Subject, TagMark, Validity};
use crate::outcome::Reason;

/// Bytes that all remembered failures of one cache may take.
const CAPACITY_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of an entry beside its key, its failure and its tags.
const ENTRY_BYTES: usize = 256;
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// Shorter, since there is no page to show meanwhile.
const MAX_COLD_BACKOFF: Duration = Duration::from_secs(5);
const UNCACHEABLE_FOR: Duration = Duration::from_secs(120);

/// The remembered failures of keys, in a bounded table.
///
/// Clients choose the keys. The table's hash has a random seed, so a client cannot make keys
/// collide.
pub(crate) struct NegativeCache<K, F> {
    table: Cache<K, Arc<NegativeEntry<F>>, ByBytes>,
}

/// A key of a [`NegativeCache`].
pub(crate) trait NegativeKey: Clone + Eq + Hash {
    /// The path at which purges reach the key.
    fn path(&self) -> &str;

    /// Bytes the key takes.
    fn size(&self) -> usize;
}

/// A failure that can be remembered.
pub(crate) trait Remember {
    /// Returns the part of the failure that is worth its bytes.
    fn remembered(&self) -> Self;

    /// Bytes the failure takes.
    fn size(&self) -> usize;
}

/// The reason why a key is left alone, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct NegativeEntry<F> {
    pub(crate) kind: Kind<F>,
    pub(crate) until: Instant,
    /// The number of renders that failed in a row.
    failures: u32,
    snapshot: RenderSnapshot,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind<F> {
    /// The render failed.
    Failing(F),
    /// The response may not be stored.
    Uncacheable(Reason),
}

/// The knowledge of a render that failed: a mark on `tags` that is newer than `as_of` ends the
/// entry.
#[derive(Clone, Debug)]
pub(crate) struct RenderSnapshot {
    /// The last number published before the render began.
    pub(crate) as_of: Sequence,
    pub(crate) tags: Box<[Arc<TagMark>]>,
}

#[derive(Clone)]
struct ByBytes;

impl<K: NegativeKey, F: Remember> Weighter<K, Arc<NegativeEntry<F>>> for ByBytes {
    fn weight(&self, key: &K, entry: &Arc<NegativeEntry<F>>) -> u64 {
        let failure = match &entry.kind {
            Kind::Failing(failure) => failure.size(),
            Kind::Uncacheable(_) => 0,
        };
        // Counted whole, though entries may share them: clients choose the text of a tag with a
        // parameter, and its mark lives as long as this entry.
        let tags = entry.snapshot.tags.iter();
        let tags = tags
            .map(|tag| size_of::<Arc<TagMark>>() + tag.size())
            .sum::<usize>();
        (ENTRY_BYTES + key.size() + failure + tags) as u64
    }
}

impl<K: NegativeKey, F: Remember> NegativeCache<K, F> {
    pub(crate) fn new() -> Self {
        Self {
            table: Cache::with_weighter(8 * 1024, CAPACITY_BYTES, ByBytes),
        }
    }

    /// Returns the remembered failure of `key`, unless it has expired or was purged since.
    pub(crate) fn get(
        &self,
        marks: &Marks,
        key: &K,
        now: Instant,
    ) -> Option<Arc<NegativeEntry<F>>> {
        let entry = self.table.get(key)?;
        (now < entry.until && entry.is_valid(marks, key)).then_some(entry)
    }

    /// Remembers a failure. The back-off doubles with each failure in a row, unless a purge came
    /// between.
    pub(crate) fn failed(
        &self,
        marks: &Marks,
        key: &K,
        failure: &F,
        snapshot: RenderSnapshot,
        now: Instant,
        is_cold: bool,
    ) {
        let failures = self.failures(marks, key).saturating_add(1);
        let longest = match is_cold {
            true => MAX_COLD_BACKOFF,
            false => MAX_BACKOFF,
        };
        let until = now + backoff(failures, longest, fastrand::f64());
        let kind = Kind::Failing(failure.remembered());
        self.put(key, kind, until, failures, snapshot);
    }

    /// Remembers that responses of `key` may not be stored.
    pub(crate) fn refused(&self, key: &K, reason: Reason, snapshot: RenderSnapshot, now: Instant) {
        let kind = Kind::Uncacheable(reason);
        self.put(key, kind, now + UNCACHEABLE_FOR, 0, snapshot);
    }

    /// Remembers that responses of `key` may not be stored, where a failure makes us guess so. The
    /// first guesses hold for as short a time as a failure does.
    pub(crate) fn probably_refused(
        &self,
        marks: &Marks,
        key: &K,
        reason: Reason,
        snapshot: RenderSnapshot,
        now: Instant,
    ) {
        let failures = self.failures(marks, key).saturating_add(1);
        let until = now + backoff(failures, UNCACHEABLE_FOR, fastrand::f64());
        self.put(key, Kind::Uncacheable(reason), until, failures, snapshot);
    }

    /// Forgets the failure of a key, for a render that began at number `as_of` and succeeded.
    pub(crate) fn clear(&self, key: &K, as_of: Sequence) {
        self.table
            .remove_if(key, |entry| entry.snapshot.as_of <= as_of);
    }

    /// Returns the number of renders that failed in a row since the last purge.
    fn failures(&self, marks: &Marks, key: &K) -> u32 {
        let before = self.table.get(key);
        let before = before.filter(|entry| entry.is_valid(marks, key));
        before.map_or(0, |entry| entry.failures)
    }

    fn put(&self, key: &K, kind: Kind<F>, until: Instant, failures: u32, snapshot: RenderSnapshot) {
        // Flights of one key may complete out of order: the one that began later wins.
        let remembered = self.table.get(key);
        if remembered.is_none_or(|remembered| remembered.snapshot.as_of <= snapshot.as_of) {
            let entry = NegativeEntry {
                kind,
                until,
                failures,
                snapshot,
            };
            self.table.insert(key.clone(), Arc::new(entry));
        }
    }
}

impl<F> NegativeEntry<F> {
    fn is_valid<K: NegativeKey>(&self, marks: &Marks, key: &K) -> bool {
        let RenderSnapshot { as_of, tags } = &self.snapshot;
        marks.validity(Subject::at(key.path(), tags), *as_of) == Validity::Valid
    }
}

/// Returns 1 s, doubled with each failure up to `longest`, and up to a tenth shorter by chance
/// (`dice` is from 0 to 1), so that keys that failed together are not rendered together again.
fn backoff(failures: u32, longest: Duration, dice: f64) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled
        .min(longest)
        .mul_f64(1.0 - 0.1 * dice.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
