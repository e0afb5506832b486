//! Negative cache: targets whose response could not be stored, or whose fetch failed.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::kind::RequestKind;
use super::target::TargetUri;
use crate::clock::Instant;

/// Largest number of remembered targets, in each of the two tables.
const MAX_TARGETS: usize = 16 * 1024;
/// Time for which requests do not wait for each other after a response could not be stored.
const UNCACHEABLE_FOR: Duration = Duration::from_secs(120);
/// Time for which a stale entry is not refreshed after a fetch has failed.
const REFRESH_BACKOFF: Duration = Duration::from_secs(5);

/// The remembered targets, each by its hash and with the end of its time.
///
/// Two targets of one hash only lose some sharing and refreshes. Clients choose the targets; the
/// hash has a seed of its own, so that they cannot make targets collide.
pub(super) struct NegativeCache {
    hasher: RandomState,
    uncacheable: Cache<u64, Instant>,
    backing_off: Cache<u64, Instant>,
}

impl NegativeCache {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            uncacheable: Cache::new(MAX_TARGETS),
            backing_off: Cache::new(MAX_TARGETS),
        }
    }

    /// Returns whether a response to such a request for `target` could not be stored lately. It may
    /// be uncacheable for users with credentials, or for one value of a `Vary` field, and cacheable
    /// for all other requests.
    pub(super) fn is_uncacheable(
        &self,
        target: &TargetUri,
        kind: &RequestKind,
        now: Instant,
    ) -> bool {
        is_in(&self.uncacheable, self.hasher.hash_one((target, kind)), now)
    }

    /// Returns whether a fetch of `target` has failed lately.
    pub(super) fn is_backing_off(&self, target: &TargetUri, now: Instant) -> bool {
        is_in(&self.backing_off, self.hasher.hash_one(target), now)
    }

    /// Remembers that a response to such a request could not be stored.
    pub(super) fn refused(&self, target: &TargetUri, kind: &RequestKind, now: Instant) {
        self.uncacheable
            .insert(self.hasher.hash_one((target, kind)), now + UNCACHEABLE_FOR);
    }

    /// Remembers that a fetch of `target` failed.
    pub(super) fn failed(&self, target: &TargetUri, now: Instant) {
        self.backing_off
            .insert(self.hasher.hash_one(target), now + REFRESH_BACKOFF);
    }

    /// Forgets both, since a response was stored.
    pub(super) fn clear(&self, target: &TargetUri, kind: &RequestKind) {
        self.uncacheable
            .remove(&self.hasher.hash_one((target, kind)));
        self.backing_off.remove(&self.hasher.hash_one(target));
    }
}

fn is_in(table: &Cache<u64, Instant>, hash: u64, now: Instant) -> bool {
    table.get(&hash).is_some_and(|until| now < until)
}
