//! A flight whose failure may be another route's: the leader's own request tells.

use std::sync::Arc;

use super::complete::{Completion, Remembered};
use super::failure::Failure;
use super::negative_cache::Backoff;
use crate::outcome::Reason;

/// A flight that its leader completes with the response to its own request, where the
/// [`Verdict`](super::verdict::Verdict) is unknown.
///
/// Dropped before that, since the leader's client left, the flight is abandoned as by a
/// [`Leader`](super::page_flight::Leader): those who wait look again.
pub(crate) struct Undecided {
    completion: Completion,
    failure: Arc<Failure>,
}

impl Undecided {
    pub(super) fn new(completion: Completion, failure: Arc<Failure>) -> Self {
        Self {
            completion,
            failure,
        }
    }

    /// Returns the failure of the render.
    pub(crate) fn failure(&self) -> &Arc<Failure> {
        &self.failure
    }

    /// The client's own request had a response: another route's. Those who wait send their own
    /// requests too.
    pub(crate) fn other_route(self) {
        let (reason, backoff) = (Reason::HandlerNotRun, Backoff::OTHER_ROUTE);
        self.completion.refused(reason, backoff, &self.failure);
    }

    /// The client's own request failed as well: one failure, for all who wait.
    pub(crate) fn failed(self) {
        self.completion.failed(self.failure, Remembered::Yes);
    }

    /// No client waits. The failure goes to those who asked for the render, and the next request
    /// finds out whose it is.
    pub(super) fn without_client(self) {
        self.completion.failed(self.failure, Remembered::No);
    }
}
