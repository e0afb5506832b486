//! Limits the rate of new cache keys, per page. Clients choose paths and queries; without a limit
//! one client could fill the cache with keys that no other client uses.

use std::sync::{Mutex, PoisonError};

use crate::clock::Instant;

/// A bucket of tokens for each page, full at first.
pub(super) struct NewKeyLimiter {
    per_second: u32,
    buckets: Box<[Mutex<Bucket>]>,
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
        }
    }

    /// Takes a token of `page`. `false` says that the page is over its rate.
    pub(super) fn admit(&self, page: u32, now: Instant) -> bool {
        let Some(bucket) = self.buckets.get(page as usize) else {
            return false;
        };
        bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(f64::from(self.per_second), now)
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
        (0..1000).filter(|_| keys.admit(page, now)).count()
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
}
