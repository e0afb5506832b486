//! Negative caching: remembers keys whose last render failed or may not be stored, so that they are
//! not rendered again at once.

use std::hash::{Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::clock::Instant;
use crate::invalidation::{Marks, Sequence, Subject, TagMark, Validity};
use crate::outcome::Reason;

/// Bytes that all remembered failures of one cache may take.
const CAPACITY_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of an entry beside its key, its failure and its tags.
const ENTRY_BYTES: usize = 256;

/// The remembered failures of keys, in a bounded table.
pub(crate) struct NegativeCache<K, F> {
    table: Cache<K, Arc<NegativeEntry<F>>, ByBytes, RandomState>,
}

/// A key of a [`NegativeCache`].
pub(crate) trait NegativeKey: Clone + Eq + Hash {
    /// Everything at which purges reach the key, which has these tags.
    fn subject<'a>(&'a self, tags: &'a [Arc<TagMark>]) -> Subject<'a>;

    /// Bytes the key takes.
    fn size(&self) -> usize;
}

/// A failure that can be remembered.
pub(crate) trait Remember {
    /// The back-off for a key that has nothing to show.
    const COLD: Backoff = Backoff::COLD_FAILURE;

    /// Returns the part of the failure that is worth its bytes.
    fn remembered(&self) -> Self;

    /// Bytes the failure takes.
    fn size(&self) -> usize;
}

/// The reason why a key is left alone, and for how long.
#[derive(Debug)]
pub(crate) struct NegativeEntry<F> {
    pub(crate) kind: Kind<F>,
    until: Instant,
    /// The end for a request that no page can be shown to meanwhile.
    cold_until: Instant,
    /// The number of renders that failed in a row.
    failures: u32,
    snapshot: RenderSnapshot,
    /// True once it is known that a store has no page in place of the failure.
    is_not_stored: AtomicBool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind<F> {
    /// The render failed.
    Failing(F),
    /// The response may not be stored.
    Uncacheable(Reason),
}

/// The time for which a key is left alone: `first` after one failure, and twice as long with each
/// more in a row, up to `longest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
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
        let (hash, lifecycle) = (RandomState::new(), DefaultLifecycle::default());
        Self {
            table: Cache::with(8 * 1024, CAPACITY_BYTES, ByBytes, hash, lifecycle),
        }
    }

    /// Returns the remembered failure of `key`, unless it has expired or was purged since. It
    /// expires sooner for a request that has no page to fall back on (`is_cold`).
    pub(crate) fn get(
        &self,
        marks: &Marks,
        key: &K,
        now: Instant,
        is_cold: bool,
    ) -> Option<Arc<NegativeEntry<F>>> {
        let entry = self.table.get(key)?;
        (now < entry.until(is_cold) && entry.is_valid(marks, key)).then_some(entry)
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
    ) {
        let kind = Kind::Failing(failure.remembered());
        self.put(marks, key, kind, Backoff::FAILURE, snapshot, now);
    }

    /// Leaves a key alone that has something to show until then: what it was made of failed.
    pub(crate) fn rest(
        &self,
        key: &K,
        failure: &F,
        snapshot: RenderSnapshot,
        now: Instant,
        until: Instant,
    ) {
        if self.is_newer(key, snapshot.as_of) {
            return;
        }
        let entry = NegativeEntry {
            kind: Kind::Failing(failure.remembered()),
            until,
            // Without anything to show, it is made at once.
            cold_until: now,
            failures: 0,
            snapshot,
            is_not_stored: AtomicBool::new(false),
        };
        self.table.insert(key.clone(), Arc::new(entry));
    }

    /// Remembers that responses of `key` may not be stored.
    pub(crate) fn refused(
        &self,
        marks: &Marks,
        key: &K,
        reason: Reason,
        backoff: Backoff,
        snapshot: RenderSnapshot,
        now: Instant,
    ) {
        self.put(
            marks,
            key,
            Kind::Uncacheable(reason),
            backoff,
            snapshot,
            now,
        );
    }

    /// Notes that a store has no page for `key`. Returns whether a failure is remembered that a
    /// request without any page gets.
    pub(crate) fn note_not_stored(&self, marks: &Marks, key: &K, now: Instant) -> bool {
        let failing = self.failing(marks, key, now);
        if let Some(failing) = &failing {
            failing.is_not_stored.store(true, Ordering::Relaxed);
        }
        failing.is_some()
    }

    /// True if a failure is remembered that a request without any page gets.
    pub(crate) fn has_failed(&self, marks: &Marks, key: &K, now: Instant) -> bool {
        self.failing(marks, key, now).is_some()
    }

    fn failing(&self, marks: &Marks, key: &K, now: Instant) -> Option<Arc<NegativeEntry<F>>> {
        let entry = self.get(marks, key, now, true)?;
        matches!(entry.kind, Kind::Failing(_)).then_some(entry)
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

    /// True if the failure of a render is remembered that began later than at `as_of`. Flights of
    /// one key may complete out of order: the one that began later wins.
    fn is_newer(&self, key: &K, as_of: Sequence) -> bool {
        let remembered = self.table.get(key);
        remembered.is_some_and(|remembered| remembered.snapshot.as_of > as_of)
    }

    fn put(
        &self,
        marks: &Marks,
        key: &K,
        kind: Kind<F>,
        backoff: Backoff,
        snapshot: RenderSnapshot,
        now: Instant,
    ) {
        if self.is_newer(key, snapshot.as_of) {
            return;
        }

        let failures = self.failures(marks, key).saturating_add(1);
        let cold = match kind {
            Kind::Failing(_) => F::COLD,
            Kind::Uncacheable(_) => backoff,
        };
        // Keys that failed together are not rendered together again.
        let dice = match kind {
            Kind::Failing(_) => fastrand::f64(),
            Kind::Uncacheable(_) => 0.0,
        };
        let entry = NegativeEntry {
            kind,
            until: now + backoff.after(failures, dice),
            cold_until: now + cold.after(failures, dice),
            failures,
            snapshot,
            is_not_stored: AtomicBool::new(false),
        };
        self.table.insert(key.clone(), Arc::new(entry));
    }
}

impl<F> NegativeEntry<F> {
    /// Returns the failure, if the key failed.
    pub(crate) fn failure(&self) -> Option<&F> {
        match &self.kind {
            Kind::Failing(failure) => Some(failure),
            Kind::Uncacheable(_) => None,
        }
    }

    /// True if no store can have a page in place of the failure. A response that may not be stored
    /// is in none.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.kind, Kind::Uncacheable(_)) || self.is_not_stored.load(Ordering::Relaxed)
    }

    /// Returns the last number published before the render that failed.
    pub(crate) fn as_of(&self) -> Sequence {
        self.snapshot.as_of
    }

    /// Returns the marks that were known of the render at its end.
    pub(crate) fn tags(&self) -> &[Arc<TagMark>] {
        &self.snapshot.tags
    }

    /// Returns the end of this entry, for a request with or without a page to fall back on.
    pub(crate) fn until(&self, is_cold: bool) -> Instant {
        if is_cold { self.cold_until } else { self.until }
    }

    fn is_valid<K: NegativeKey>(&self, marks: &Marks, key: &K) -> bool {
        let RenderSnapshot { as_of, tags } = &self.snapshot;
        marks.validity(key.subject(tags), *as_of) == Validity::Valid
    }
}

impl Backoff {
    /// For a render that failed.
    pub(crate) const FAILURE: Self = Self::from_to(1, 60);
    /// For a render that failed while there is no page to show.
    const COLD_FAILURE: Self = Self::from_to(1, 5);
    /// For a response that may not be stored.
    pub(crate) const REFUSED: Self = Self::from_to(120, 120);
    /// For a response of another route.
    pub(crate) const OTHER_ROUTE: Self = Self::from_to(120, 3600);
    /// For a failure of another route, which may yet turn out to be the page's.
    pub(crate) const FAILING_ROUTE: Self = Self::from_to(1, 120);

    const fn from_to(first: u64, longest: u64) -> Self {
        Self {
            first: Duration::from_secs(first),
            longest: Duration::from_secs(longest),
        }
    }

    /// Returns the time after so many failures, up to a tenth shorter by chance: `dice` is from 0
    /// to 1.
    fn after(self, failures: u32, dice: f64) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled
            .min(self.longest)
            .mul_f64(1.0 - 0.1 * dice.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests;
