//! Leaves a store alone that fails: one call a second finds out whether it works again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Instant;

/// The number of failures in a row after which a store is left alone.
const MAX_FAILURES: u32 = 5;

/// The time for which a store is left alone before the next call.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The failures of a store in a row.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// The time of the next call while the store is left alone.
    next: Option<Instant>,
}

impl Breaker {
    /// True if the store may be called now. While it is left alone, one caller a second may.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.lock();
        if state.failures < MAX_FAILURES {
            return true;
        }
        let is_due = state.next.is_none_or(|next| now >= next);
        if is_due {
            state.next = now.checked_add(PAUSE);
        }
        is_due
    }

    /// True while the store is left alone.
    pub(super) fn is_open(&self) -> bool {
        self.lock().failures >= MAX_FAILURES
    }

    /// Notes the end of a call.
    pub(super) fn note(&self, is_ok: bool, now: Instant) {
        let mut state = self.lock();
        if is_ok {
            *state = State::default();
        } else {
            state.failures = state.failures.saturating_add(1);
            state.next = now.checked_add(PAUSE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_store_that_failed_five_times_in_a_row_is_asked_once_a_second() {
        let (breaker, now) = (Breaker::default(), clock::now());

        for _ in 0..MAX_FAILURES {
            assert!(breaker.admits(now));
            breaker.note(false, now);
        }

        assert!(!breaker.admits(now) && breaker.is_open());
        assert!(breaker.admits(now + PAUSE));
        assert!(!breaker.admits(now + PAUSE), "one of them");
        breaker.note(true, now + PAUSE);
        assert!(breaker.admits(now + PAUSE) && !breaker.is_open());
    }

    #[test]
    fn a_success_between_starts_the_count_anew() {
        let (breaker, now) = (Breaker::default(), clock::now());

        for _ in 0..3 * MAX_FAILURES {
            for _ in 1..MAX_FAILURES {
                breaker.note(false, now);
            }
            assert!(!breaker.is_open());
            breaker.note(true, now);
        }
    }
}
