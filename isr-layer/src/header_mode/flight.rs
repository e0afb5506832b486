//! The flights of header mode: the work is one fetch.
//!
//! Every fetch is a flight, also one that no other request may join. An unsafe request outruns all
//! flights to its target: they then store nothing, since their responses may be older than the
//! change.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::entry::Entry;
use super::kind::RequestKind;
use super::negative_cache::RequestHashes;
use super::paths::PathInUse;
use super::target::TargetUri;
use crate::cache::flight::{self, Work};
use crate::clock::{self, Instant};
use crate::invalidation::{Marks, Sequence, Subject};

pub(super) type Flights = flight::Flights<Fetch>;
pub(super) type Joined = flight::Joined<Fetch>;
pub(super) type Leader = flight::Leader<Fetch>;
pub(super) type CompletedFlight = flight::CompletedFlight<Fetch>;
pub(super) type Follower = flight::Follower<Fetch>;

/// Longest wait of a request for fetches of others, whose responses may yet be for those alone; and
/// the age from which no request waits for a fetch.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(10);

/// The fetch of one target.
#[derive(Clone)]
pub(super) struct Fetch {
    pub(super) target: TargetUri,
    /// The kind of the request that is fetched.
    pub(super) kind: RequestKind,
    pub(super) hashes: RequestHashes,
    /// True if requests of its kind may join; false if the fetch is for one request alone.
    is_shared: bool,
    /// Time at which the origin was asked; a refresh may wait for its turn before.
    begun: OnceLock<Instant>,
    /// Lets a purge of the path know of the response; the entry takes it over.
    pub(super) in_use: Arc<PathInUse>,
}

impl Fetch {
    /// Makes a fetch that requests of its kind join.
    pub(super) fn new(
        target: TargetUri,
        kind: RequestKind,
        hashes: RequestHashes,
        in_use: Arc<PathInUse>,
    ) -> Self {
        Self {
            target,
            kind,
            hashes,
            is_shared: true,
            begun: OnceLock::new(),
            in_use,
        }
    }

    /// Lets no other request join.
    pub(super) fn for_one(self) -> Self {
        Self {
            is_shared: false,
            ..self
        }
    }

    /// Returns whether a request of this kind may wait for the fetch. Not for one that hangs: the
    /// request then starts the next.
    pub(super) fn admits(&self, kind: &RequestKind, now: Instant) -> bool {
        self.is_shared
            && self.kind == *kind
            && self
                .begun
                .get()
                .is_none_or(|begun| now.saturating_duration_since(*begun) < MAX_WAIT)
    }
}

/// Begins the flight of `leader`, which from here on knows all marks up to the number returned.
pub(super) fn begin(leader: &Leader, marks: &Marks) -> Sequence {
    let as_of = leader.begin(marks);
    leader.work().begun.get_or_init(clock::now);
    as_of
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

    fn is_timeless(outcome: &FetchOutcome) -> bool {
        // No purge makes a failure wrong.
        !matches!(outcome, FetchOutcome::Stored(_))
    }

    fn outruns(_: &FetchOutcome) -> bool {
        // Other flights of the target may be for other variants.
        false
    }
}
