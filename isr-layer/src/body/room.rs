//! Room: a bound on the bytes of all bodies that are being read at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that all bodies may take together while they are being read. A clone is the same room.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<State>);

#[derive(Debug)]
struct State {
    limit: usize,
    taken: AtomicUsize,
}

/// The part of a [`Room`] that one body takes, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    room: Room,
    bytes: usize,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(State {
            limit,
            taken: AtomicUsize::new(0),
        }))
    }

    /// Returns a share for one body, which takes nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share {
            room: self.clone(),
            bytes: 0,
        }
    }

    /// Returns the largest size of a small body.
    fn small(&self) -> usize {
        self.0.limit / 512
    }
}

impl Share {
    /// Returns whether the share could grow by so many bytes now.
    pub(crate) fn can_grow(&self, bytes: usize) -> bool {
        self.grown(self.room.0.taken.load(Ordering::Relaxed), bytes)
            .is_some()
    }

    /// Takes so many bytes more, or returns false.
    ///
    /// A part of the room is kept for bodies of 1/512 of it and less, and as much again for those
    /// up to 1/32. So large bodies run out of room first, and small ones find some however many
    /// large ones are being read.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let taken = &self.room.0.taken;
        let grown = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            self.grown(taken, bytes)
        });
        if grown.is_ok() {
            self.bytes += bytes;
        }
        grown.is_ok()
    }

    /// Gives so many bytes back, or all if it has fewer.
    pub(crate) fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.room.0.taken.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns whether the share takes no more than the smallest bodies.
    pub(crate) fn is_small(&self) -> bool {
        self.bytes <= self.room.small()
    }

    /// Returns the bytes taken by all once this share has grown, or `None` if it may not grow.
    fn grown(&self, taken: usize, bytes: usize) -> Option<usize> {
        let taken = taken.checked_add(bytes)?;
        let limit = self.room.0.limit;
        let size = self.bytes.checked_add(bytes)?;
        let kept = match size {
            small if small <= self.room.small() => 0,
            medium if medium <= limit / 32 => limit / 4,
            _ => limit / 2,
        };
        (taken <= limit - kept).then_some(taken)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_given_back() {
        let room = Room::new(1024);
        let (mut one, mut other) = (room.share(), room.share());

        assert!(one.can_grow(512) && one.grow(512) && !one.can_grow(1) && !one.grow(1));
        assert!(!other.grow(33) && !other.grow(usize::MAX));
        one.give_back(500);
        assert!(other.grow(33) && other.grow(467) && !other.grow(1));
        one.give_back(usize::MAX);
        assert!(other.grow(12) && !other.grow(1));
        drop(one);
        drop(other);

        assert_eq!(room.0.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn small_bodies_find_room_beside_many_large_ones() {
        let room = Room::new(32 << 20);
        let read = |share: &mut Share, size| {
            while share.bytes < size && share.grow(1024) {}
            share.bytes
        };
        let mut large = (0..20).map(|_| room.share()).collect::<Vec<_>>();
        let mut small = (0..64).map(|_| room.share()).collect::<Vec<_>>();

        let whole = large
            .iter_mut()
            .filter_map(|share| (read(share, 8 << 20) == 8 << 20).then_some(()));
        assert_eq!(whole.count(), 2);

        assert!(
            small
                .iter_mut()
                .all(|share| read(share, 64 << 10) == 64 << 10)
        );
    }
}
