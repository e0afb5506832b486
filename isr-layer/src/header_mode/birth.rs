//! Birth of an entry: its arrival here, and its age by then.

use std::time::Duration;

use crate::clock::Instant;

/// Arrival of a response, and the age it came with. A response can be older than this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Birth {
    pub(super) at: Instant,
    pub(super) aged: Duration,
}

impl Birth {
    /// Returns the age at `now` (RFC 9111, 4.2.3: `current_age`).
    pub(super) fn age(self, now: Instant) -> Duration {
        self.aged + now.saturating_duration_since(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_age_it_came_with_counts_and_time_never_runs_backwards() {
        let at = clock::now();
        let birth = Birth {
            at,
            aged: 10 * SECOND,
        };

        assert_eq!(birth.age(at), 10 * SECOND);
        assert_eq!(birth.age(at + 5 * SECOND), 15 * SECOND);
        let later = Birth {
            at: at + SECOND,
            ..birth
        };
        assert_eq!(later.age(at), 10 * SECOND);
    }
}
