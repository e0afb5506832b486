//! The only place that reads a clock. Freshness, back-off and limits get the time as an argument.

use std::time::{Duration, SystemTime};

pub(crate) use tokio::time::Instant;

/// Returns the monotonic time. Under `tokio::time::pause` this is the paused time.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Returns the time since the Unix epoch, for values that leave the process; zero if the clock
/// stands before the epoch.
pub(crate) fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Returns the milliseconds since the Unix epoch on a clock that moves as the monotonic one does:
/// under `tokio::time::pause` it stands still and is advanced, too. Ages that outlive the process
/// are counted by it.
pub(crate) fn wall_millis() -> u64 {
    // Both clocks are one, unless the runtime's is paused.
    let (runtime, system) = (now().into_std(), std::time::Instant::now());
    let ahead = runtime.saturating_duration_since(system);
    let behind = system.saturating_duration_since(runtime);
    let wall = (unix_time() + ahead).saturating_sub(behind);
    u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the milliseconds since the Unix epoch.
pub(crate) fn unix_millis() -> u64 {
    u64::try_from(unix_time().as_millis()).unwrap_or(u64::MAX)
}
