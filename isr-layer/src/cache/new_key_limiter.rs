//! Limits the rate of new cache keys that are stored, per page. Clients choose paths and queries;
//! without a limit one client could fill the cache with keys that no other client uses.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::clock::Instant;

/// The number of keys over the limit that are remembered, in 512 KiB.
const REMEMBERED: usize = 64 * 1024;
/// The number of slots in which one key may be.
const WAYS: usize = 4;

/// A [`Bucket`] of tokens for each page, full at first, and the keys that found it empty, which are
/// [`TurnedAway`].
pub(super) struct NewKeyLimiter {
    per_second: u32,
    buckets: Box<[Mutex<Bucket>]>,
    turned_away: TurnedAway,
}

/// The hashes of the last keys that were over their page's limit. A key that is asked for again is
/// no invention of one client, and may be stored.
#[derive(Default)]
struct TurnedAway {
    /// Made at the first such key. A flood overwrites older hashes by chance.
    slots: OnceLock<Box<[AtomicU64]>>,
    hasher: RandomState,
}

/// The tokens that a page has left.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    /// The time of the last refill; `None` before the first.
    filled: Option<Instant>,
}

impl NewKeyLimiter {
    pub(super) fn new(pages: usize, per_second: u32) -> Self {
        let full = Bucket {
            tokens: f64::from(per_second),
            filled: None,
        };
        Self {
            per_second,
            buckets: (0..pages).map(|_| Mutex::new(full)).collect(),
            turned_away: TurnedAway::default(),
        }
    }

    /// True if a new key of `page` may be stored: its page is within its rate, or the key was asked
    /// for before. The key is remembered otherwise.
    pub(super) fn admit(&self, page: u32, key: &impl Hash, now: Instant) -> bool {
        self.take(page, now) || self.turned_away.had(key)
    }

    /// Takes a token of `page`. `false` says that the page is over its rate.
    fn take(&self, page: u32, now: Instant) -> bool {
        let Some(bucket) = self.buckets.get(page as usize) else {
            return false;
        };
        bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(f64::from(self.per_second), now)
    }
}

impl TurnedAway {
    /// True if the key was turned away before; remembers it otherwise.
    fn had(&self, key: &impl Hash) -> bool {
        let slots = self
            .slots
            .get_or_init(|| (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect());
        // Seeded by chance, so that no client can choose keys of one set. 0 is an empty slot.
        let hash = self.hasher.hash_one(key).max(1);
        let mut sets = slots.chunks_exact(WAYS);
        let at = usize::try_from(hash % sets.len() as u64).unwrap_or(0);
        let set = sets.nth(at).unwrap_or_default();
        let holds = |wanted: u64| {
            let mut slots = set.iter();
            slots.find(move |slot| slot.load(Ordering::Relaxed) == wanted)
        };
        if holds(hash).is_some() {
            return true;
        }

        let any = usize::try_from(hash >> 32).unwrap_or(0) % WAYS;
        if let Some(slot) = holds(0).or_else(|| set.get(any)) {
            slot.store(hash, Ordering::Relaxed);
        }
        false
    }
}

impl Bucket {
    fn take(&mut self, per_second: f64, now: Instant) -> bool {
        let passed = self.filled.map_or(0.0, |before| {
            now.saturating_duration_since(before).as_secs_f64()
        });
        self.tokens = (self.tokens + passed * per_second).min(per_second);
        self.filled = Some(self.filled.map_or(now, |before| before.max(now)));

        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn admitted(keys: &NewKeyLimiter, page: u32, now: Instant) -> usize {
        (0..1000).filter(|_| keys.take(page, now)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_gets_so_many_keys_at_once_and_so_many_each_second_after() {
        let keys = NewKeyLimiter::new(1, 100);
        let start = Instant::now();

        assert_eq!(admitted(&keys, 0, start), 100);
        assert_eq!(admitted(&keys, 0, start + Duration::from_millis(500)), 50);
        assert_eq!(admitted(&keys, 0, start + Duration::from_millis(505)), 0);
        assert_eq!(admitted(&keys, 0, start + Duration::from_secs(60)), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn one_page_takes_nothing_from_another() {
        let keys = NewKeyLimiter::new(2, 10);
        let now = Instant::now();

        assert_eq!((admitted(&keys, 0, now), admitted(&keys, 1, now)), (10, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_two_threads_read_in_another_order_gives_no_token_twice() {
        let keys = NewKeyLimiter::new(1, 10);
        let now = Instant::now() + Duration::from_secs(1);
        admitted(&keys, 0, now);

        assert_eq!(admitted(&keys, 0, now - Duration::from_secs(1)), 0);
        assert_eq!(admitted(&keys, 0, now), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn none_a_second_are_none() {
        assert_eq!(admitted(&NewKeyLimiter::new(1, 0), 0, Instant::now()), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_was_turned_away_is_admitted_when_it_comes_again() {
        let keys = NewKeyLimiter::new(1, 1);
        let now = Instant::now();
        assert!(keys.admit(0, &"first", now));

        assert!(!keys.admit(0, &"second", now));
        assert!(!keys.admit(0, &"third", now));
        assert!(keys.admit(0, &"second", now));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_keys_is_forgotten_in_bounded_memory() {
        let keys = NewKeyLimiter::new(1, 1);
        let now = Instant::now();
        keys.take(0, now);

        let flood = 10 * REMEMBERED;
        let admitted = (0..flood).filter(|n| keys.admit(0, n, now)).count();
        let again = (0..REMEMBERED).filter(|n| keys.admit(0, n, now)).count();

        assert_eq!(admitted, 0, "each key came once");
        assert!(
            again < REMEMBERED / 100,
            "{again} of the oldest are remembered"
        );
    }
}
