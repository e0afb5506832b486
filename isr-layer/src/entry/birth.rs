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
        self.aged + now.saturating_duration_since(self.at)
    }

    /// Returns the time at which the age will be `age`. A time that has passed already, before
    /// `at`, counts as `at`. `None` if the clock has no such time.
    pub(crate) fn time_of(&self, age: Duration) -> Option<Instant> {
        self.at.checked_add(age.saturating_sub(self.aged))
    }
}
