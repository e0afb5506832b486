//! Times that `#[static_page]` gets as constants: whole seconds, or a `Duration`.

use std::time::Duration;

/// A constant that is a time.
#[derive(Debug)]
pub struct SecondsOrDuration<T>(pub T);

impl SecondsOrDuration<u64> {
    /// Returns the time. Fails to compile if it is zero.
    #[track_caller]
    pub const fn above_zero(self) -> Duration {
        SecondsOrDuration(Duration::from_secs(self.0)).above_zero()
    }
}

impl SecondsOrDuration<Duration> {
    /// Returns the time. Fails to compile if it is zero.
    #[track_caller]
    pub const fn above_zero(self) -> Duration {
        assert!(!self.0.is_zero(), "expected a time above zero");
        self.0
    }
}
