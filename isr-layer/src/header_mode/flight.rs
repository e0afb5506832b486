//! The flights of header mode: the work is one fetch.
//!
//! Every fetch is a flight, also one that no other request may join. An unsafe request outruns all
//! flights to its target: they then store nothing, since their responses may be older than the
//! change.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderMap;

use super::entry::Entry;
use super::paths::PathInUse;
use super::target::TargetUri;
use crate::cache::flight::{self, Work};
use crate::invalidation::Subject;

pub(super) type Flights = flight::Flights<Fetch>;
pub(super) type Joined = flight::Joined<Fetch>;
pub(super) type Leader = flight::Leader<Fetch>;
pub(super) type CompletedFlight = flight::CompletedFlight<Fetch>;
pub(super) type Follower = flight::Follower<Fetch>;

/// Longest wait for another request's fetch, whose response may yet be for that request alone.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(10);

/// The fetch of one target.
pub(super) struct Fetch {
    pub(super) target: TargetUri,
    /// Headers of the request that started the flight, if other requests may join.
    pub(super) request: Option<HeaderMap>,
    /// Lets a purge of the path know of the response; the entry takes it over.
    pub(super) in_use: Arc<PathInUse>,
}

/// Outcome of a fetch.
#[derive(Clone, Debug)]
pub(super) enum FetchOutcome {
    /// An entry for all requests that it [may serve](Entry::may_serve).
    Stored(Arc<Entry>),
    /// The origin is in trouble.
    Failed,
    /// The response is for the leader alone, or an unsafe request outran it.
    Refused,
}

impl Work for Fetch {
    type Key = TargetUri;
    type Outcome = FetchOutcome;

    /// A fetch is for one client, and its limits are those of the server in front.
    const AT_ONCE: usize = usize::MAX;

    fn key(&self) -> &TargetUri {
        &self.target
    }

    fn subject(&self) -> Subject<'_> {
        Subject::at(self.target.path(), &[])
    }

    fn limit(&self) -> Option<Duration> {
        // Each request limits its own wait.
        None
    }

    fn is_timeless(_: &FetchOutcome) -> bool {
        // A response has no tags that a purge could have named meanwhile.
        true
    }

    fn outruns(_: &FetchOutcome) -> bool {
        // Other flights of the target may be for other variants.
        false
    }
}
