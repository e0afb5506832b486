//! One mark: the newest purges of one selector.

use std::sync::atomic::Ordering;

use super::sequence::{AtomicSequence, Sequence};

/// The newest purges of one selector. Marks only grow, so an `Expire` followed by a `Stale` is
/// still an `Expire`.
#[derive(Debug, Default)]
pub(super) struct Mark {
    soft: AtomicSequence,
    hard: AtomicSequence,
}

/// The judgement of the marks on a page, by the number that its render knew. The strictest of
/// several is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Validity {
    /// No mark is newer.
    Valid,
    /// A newer mark asks for a refresh; the entry may be served meanwhile.
    Soft,
    /// A newer mark asks that no request gets the entry, unless rendering fails.
    Hard,
}

/// The strictness with which a purge invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    Soft,
    Hard,
}

impl Mark {
    pub(super) fn raise(&self, number: Sequence, strength: Strength) {
        self.raise_soft(number);
        if strength == Strength::Hard {
            self.raise_hard(number);
        }
    }

    pub(super) fn raise_soft(&self, number: Sequence) {
        self.soft.raise(number, Ordering::Release);
    }

    pub(super) fn raise_hard(&self, number: Sequence) {
        self.hard.raise(number, Ordering::Release);
    }

    #[inline]
    pub(super) fn validity(&self, since: Sequence) -> Validity {
        if self.newest() <= since {
            Validity::Valid
        } else if self.newest_hard() <= since {
            Validity::Soft
        } else {
            Validity::Hard
        }
    }

    #[inline]
    pub(super) fn newest(&self) -> Sequence {
        self.soft.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn newest_hard(&self) -> Sequence {
        self.hard.load(Ordering::Acquire)
    }
}
