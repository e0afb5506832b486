//! The number that orders purges and render starts.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a purge, or of the last purge that a render knew when it began.
///
/// Purges are counted from 1. No clock is involved, so nothing that happens to a clock can lose a
/// purge. 64 bits last for centuries at a million purges a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sequence(u64);

/// A [`Sequence`] that threads share.
#[derive(Debug, Default)]
pub(crate) struct AtomicSequence(AtomicU64);

impl Sequence {
    /// Stands before every purge: no mark has this number.
    pub(crate) const NO_MARK: Self = Self(0);
    /// Stands after every purge: a render that has not begun will know all purges until it does.
    pub(crate) const QUEUED: Self = Self(u64::MAX);

    /// The number that the next purge gets.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number as receipts, logs and figures show it.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AtomicSequence {
    pub(crate) const fn new(sequence: Sequence) -> Self {
        Self(AtomicU64::new(sequence.0))
    }

    #[inline]
    pub(crate) fn load(&self, ordering: Ordering) -> Sequence {
        Sequence(self.0.load(ordering))
    }

    pub(crate) fn store(&self, sequence: Sequence, ordering: Ordering) {
        self.0.store(sequence.0, ordering);
    }

    /// Raises the number to `sequence`, unless it is greater already.
    pub(crate) fn raise(&self, sequence: Sequence, ordering: Ordering) {
        self.0.fetch_max(sequence.0, ordering);
    }
}
