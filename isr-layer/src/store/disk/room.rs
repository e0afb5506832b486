//! The octets that pages may take: the bound of the options, or less while the disk is full.

use std::sync::atomic::{AtomicU64, Ordering};

/// The syncs, at most one a second, after which a bound that fell is raised a little.
const CALM_SYNCS: u64 = 60;

/// The least raise of a bound that fell.
const LEAST_RAISE: u64 = 1 << 20;

/// The octets that pages may take.
#[derive(Debug)]
pub(super) struct Room {
    max: u64,
    bound: AtomicU64,
    /// The octets that are kept, by the last transaction.
    stored: AtomicU64,
    /// The syncs since the disk was full.
    calm: AtomicU64,
}

impl Room {
    pub(super) fn new(max: u64, stored: u64) -> Self {
        Self {
            max,
            bound: AtomicU64::new(max),
            stored: AtomicU64::new(stored),
            calm: AtomicU64::new(0),
        }
    }

    pub(super) fn bound(&self) -> u64 {
        self.bound.load(Ordering::Relaxed)
    }

    /// Notes the octets that are kept after a transaction.
    pub(super) fn note(&self, stored: u64) {
        self.stored.store(stored, Ordering::Relaxed);
    }

    /// Lowers the bound to 90 % of the octets that fitted, since the disk is full.
    pub(super) fn lower(&self) {
        let fitted = self.stored.load(Ordering::Relaxed);
        self.bound.fetch_min(fitted / 10 * 9, Ordering::Relaxed);
        self.calm.store(0, Ordering::Relaxed);
    }

    /// Notes that a sync succeeded. After a minute of those the disk may have room again.
    pub(super) fn synced(&self) {
        let bound = self.bound();
        if bound >= self.max {
            return;
        }
        if self.calm.fetch_add(1, Ordering::Relaxed) + 1 >= CALM_SYNCS {
            let raised = bound + (bound / 8).max(LEAST_RAISE);
            self.bound.store(raised.min(self.max), Ordering::Relaxed);
            self.calm.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_falls_to_nine_tenths_of_what_fitted_and_rises_again() {
        let room = Room::new(2000 << 20, 0);
        room.note(1000 << 20);

        room.lower();
        assert_eq!(room.bound(), 900 << 20);

        for _ in 0..CALM_SYNCS - 1 {
            room.synced();
        }
        assert_eq!(room.bound(), 900 << 20);
        for _ in 0..100 * CALM_SYNCS {
            room.synced();
        }
        assert_eq!(room.bound(), 2000 << 20);
    }

    #[test]
    fn a_bound_that_fell_to_nothing_rises_again() {
        let room = Room::new(2 << 20, 0);

        room.lower();
        assert_eq!(room.bound(), 0);

        for _ in 0..2 * CALM_SYNCS {
            room.synced();
        }
        assert_eq!(room.bound(), 2 << 20);
    }
}
