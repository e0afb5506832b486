//! The only place that reads a clock. Freshness, back-off and limits are given the time; they never ask for it.

use std::time::{Duration, SystemTime};

pub(crate) use tokio::time::Instant;

/// The monotonic time. Under `tokio::time::pause` it is the paused one.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Time since the Unix epoch, for what leaves the process; zero should the clock stand before it.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_millis() -> u64 {
    u64::try_from(unix_time().as_millis()).unwrap_or(u64::MAX)
}
