//! The beginning of a response's life, on a clock that may outlive the process.

use std::time::Duration;

use crate::clock::Instant;

/// A time at which a response was `aged` old already: at the beginning of its render it is 0, and
/// more if it came from another cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    at: Instant,
    aged: Duration,
}

impl Birth {
    /// A response whose render begins now.
    pub(crate) fn now(at: Instant) -> Self {
        Self::aged(at, Duration::ZERO)
    }

    /// A response that is `aged` old at `at`.
    pub(crate) fn aged(at: Instant, aged: Duration) -> Self {
        Self { at, aged }
    }

    /// Returns the age at `now`.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.aged
            .saturating_add(now.saturating_duration_since(self.at))
    }

    /// Returns the time at which the age is `age`. It may have passed already. `None` if the clock
    /// has no such time.
    pub(crate) fn time_of(&self, age: Duration) -> Option<Instant> {
        match age.checked_sub(self.aged) {
            Some(left) => self.at.checked_add(left),
            None => Some(self.before(self.aged.saturating_sub(age))),
        }
    }

    /// Returns a time before the response was here, by that much if the clock has such a time. A
    /// request that looked at the clock before the response came must not find it fresh.
    pub(crate) fn before(&self, ago: Duration) -> Instant {
        let earlier = |ago| self.at.checked_sub(ago);
        let ago = ago.max(Duration::from_secs(1));
        earlier(ago)
            .or_else(|| earlier(Duration::from_secs(1)))
            .unwrap_or(self.at)
    }
}
