//! Ends every wait for a flight: its task may stand on a runtime that does nothing more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{CompletedFlight, Flight, FlightState, Follower, Work};
use crate::clock::{self, Instant};
use crate::invalidation::Sequence;

/// The time that is added to the limit of the work.
const MARGIN: Duration = Duration::from_secs(5);

/// The longest wait of a flight for its turn after which requests still join it.
const MAX_QUEUED: Duration = Duration::from_secs(60);

/// A flight did not end in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GivenUp;

impl<W: Work> Follower<W> {
    /// Waits for the flight to end, as [`wait`](Self::wait) does, and gives it up if it does not
    /// end in time: it then changes nothing, and the next request starts its successor.
    ///
    /// A flight that a client waits for begins at once, so one that has not begun after the time
    /// limit of its work is lost. One that has begun may have to read a list before its work.
    pub(crate) async fn wait_in_time(mut self) -> Option<Arc<CompletedFlight<W>>> {
        let Some(limit) = self.flight.work.limit() else {
            return self.wait().await;
        };
        self.flight.gained_waiter.notify_one();

        let mut is_over = self.is_over_within(limit.saturating_add(MARGIN)).await;
        if !is_over && self.flight.has_begun_work() {
            is_over = self.is_over_within(limit.saturating_mul(2)).await;
        }
        if !is_over {
            self.flight.is_outrun.store(true, Ordering::Relaxed);
            return None;
        }
        self.completed().await
    }

    /// Waits for the flight until then, and gives it up if it has not ended: it then changes
    /// nothing, and the next request starts its successor.
    pub(crate) async fn wait_until(
        mut self,
        until: Instant,
    ) -> Result<Option<Arc<CompletedFlight<W>>>, GivenUp> {
        self.flight.gained_waiter.notify_one();
        let over = self.state.wait_for(FlightState::is_over);
        let is_over = tokio::time::timeout_at(until, over).await.is_ok();
        if is_over {
            return Ok(self.completed().await);
        }
        // Its task may go on: who came late waits no longer, and the load of others stays.
        let limit = self.flight.work.limit().unwrap_or_default();
        let age = clock::now().saturating_duration_since(self.flight.started);
        if age >= limit {
            self.flight.is_outrun.store(true, Ordering::Relaxed);
        }
        Err(GivenUp)
    }

    async fn is_over_within(&mut self, limit: Duration) -> bool {
        let over = self.state.wait_for(FlightState::is_over);
        tokio::time::timeout(limit, over).await.is_ok()
    }
}

impl<W: Work> Flight<W> {
    /// True if the flight is older than any flight gets whose task goes on.
    pub(super) fn is_lost(&self) -> bool {
        let longest = self.work.limit();
        let longest = longest.map(|limit| limit.saturating_mul(4).saturating_add(MAX_QUEUED));
        let age = clock::now().saturating_duration_since(self.started);
        longest.is_some_and(|longest| age > longest)
    }

    fn has_begun_work(&self) -> bool {
        self.as_of.load(Ordering::Acquire) != Sequence::QUEUED
    }
}
