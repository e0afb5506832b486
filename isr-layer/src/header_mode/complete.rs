//! Completes a flight: stores the response or records why not, and makes the leader's reply.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderMap;
use http::{Response, StatusCode};

use super::admit::{Admitted, is_error};
use super::cache::HeaderCache;
use super::entry::{Entry, WholeResponse};
use super::fetch_number::FetchNumber;
use super::flight::{CompletedFlight, Fetch, FetchOutcome, Leader};
use crate::body::IsrBody;
use crate::clock;
use crate::invalidation::Sequence;
use crate::outcome::Reason;

/// End of one fetch.
pub(super) enum FetchEnd<R, E> {
    /// A response that was read whole and may be stored.
    Whole(WholeResponse, Admitted),
    /// A response that may not be stored, and goes on to the client as it is.
    Unread(Response<IsrBody<R>>, Reason),
    /// The inner service's error.
    Error(E),
    /// No response, or an incomplete one.
    Failed(Reason),
}

/// Reply to the client whose request was fetched.
pub(super) enum FetchReply<R, E> {
    /// A response, and the reason if it was not stored.
    Own(Response<IsrBody<R>>, Option<Reason>),
    /// The inner service's error.
    Error(E),
    /// No response, or an incomplete one.
    Failed(Reason),
}

/// Everything about a flight that ends except its [`FetchEnd`].
struct Completion<'a> {
    cache: &'a HeaderCache,
    leader: Leader,
    request: &'a HeaderMap,
}

/// Completes the flight of `leader`, which fetched for a request with the headers `request`.
pub(super) fn complete<R, E>(
    cache: &HeaderCache,
    leader: Leader,
    request: &HeaderMap,
    end: FetchEnd<R, E>,
) -> FetchReply<R, E> {
    let completion = Completion {
        cache,
        leader,
        request,
    };

    match end {
        FetchEnd::Whole(whole, admitted) => completion.whole(whole, admitted),
        FetchEnd::Unread(response, reason) => {
            let reason = completion.unstored(response.status(), reason);
            FetchReply::Own(response, Some(reason))
        }
        FetchEnd::Error(error) => {
            completion.failed();
            FetchReply::Error(error)
        }
        FetchEnd::Failed(reason) => {
            completion.failed();
            FetchReply::Failed(reason)
        }
    }
}

impl Completion<'_> {
    fn whole<R, E>(self, whole: WholeResponse, admitted: Admitted) -> FetchReply<R, E> {
        let now = clock::now();
        let (number, as_of) = (FetchNumber(self.leader.number()), self.leader.as_of());
        let entry = Entry::new(admitted, &whole, number, as_of, self.leader.work());
        let status = whole.parts.status;

        let completed = complete_unless_outrun(self.leader, |fetch| {
            // A storable error must not replace an entry that may be served in place of errors.
            let stored = self
                .cache
                .memory
                .get(fetch.target.target_ref(), self.request);
            if is_error(status) && stored.is_some_and(|stored| stored.allows_if_error(now)) {
                return self.cache.failed(fetch, now);
            }
            self.cache.keep(Arc::new(entry), fetch, self.request)
        });

        let reason = match &completed.outcome {
            FetchOutcome::Stored(_) => None,
            FetchOutcome::Failed => Some(Reason::FailedStatus),
            FetchOutcome::Refused => Some(Reason::Overtaken),
        };
        FetchReply::Own(whole.into_response(), reason)
    }

    /// Records that a response may not be stored. That may end the entry that it would replace,
    /// unless the response says that the origin is in trouble. Returns the reason that the client
    /// is told.
    fn unstored(self, status: StatusCode, reason: Reason) -> Reason {
        let mut told = Reason::Overtaken;
        let now = clock::now();
        let number = FetchNumber(self.leader.number());

        complete_unless_outrun(self.leader, |fetch| {
            told = reason;
            if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
                self.cache.failed(fetch, now)
            } else if reason == Reason::Crowded {
                // That tells of this moment alone: no request waits or fetches alone for it.
                self.cache.failed(fetch, now);
                FetchOutcome::Refused
            } else {
                self.cache.refused(fetch, self.request, number, now)
            }
        });
        told
    }

    fn failed(self) {
        let now = clock::now();
        complete_unless_outrun(self.leader, |fetch| self.cache.failed(fetch, now));
    }
}

/// Completes a flight. `settle` changes the cache and returns the outcome, unless an unsafe request
/// outran the flight: then nothing changes.
fn complete_unless_outrun(
    leader: Leader,
    settle: impl FnOnce(&Fetch) -> FetchOutcome,
) -> Arc<CompletedFlight> {
    // A response carries no tags, so that none is learnt late.
    let late_mark = Sequence::NO_MARK;
    let fetch = leader.work().clone();
    leader.complete(Duration::ZERO, |is_outrun| match is_outrun {
        true => (FetchOutcome::Refused, late_mark),
        false => (settle(&fetch), late_mark),
    })
}
