//! Times that `#[static_page]` gets as constants: whole seconds, or a `Duration`.

use std::time::Duration;

/// A constant that is a time.
#[derive(Debug)]
pub struct Time<T>(pub T);

impl Time<u64> {
    /// Returns the time. Fails to compile if it is zero.
    #[track_caller]
    pub const fn above_zero(self) -> Duration {
        Time(Duration::from_secs(self.0)).above_zero()
    }
}

impl Time<Duration> {
    /// Returns the time. Fails to compile if it is zero.
    #[track_caller]
    pub const fn above_zero(self) -> Duration {
        assert!(!self.0.is_zero(), "expected a time above zero");
        self.0
    }
}
