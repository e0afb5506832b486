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
use super::inherited::Inherited;
use crate::body::IsrBody;
use crate::cache::Core;
use crate::clock;
use crate::deliver::forbid_storing;
use crate::invalidation::{Marks, Sequence};
use crate::outcome::Reason;
use crate::render::context::HandlerHints;

/// End of one fetch.
pub(super) enum FetchEnd<R, E> {
    /// A response that was read whole and may be stored, and the entry that a 304 confirmed.
    Whole(WholeResponse, Admitted, Option<Arc<Entry>>),
    /// A response that may not be stored, and goes on to the client as it is.
    Unread(Response<IsrBody<R>>, Reason),
    /// The inner service's error.
    Error(E),
    /// No response, or an incomplete one.
    Failed(Reason),
}

/// Reply to the client whose request was fetched.
pub(super) enum FetchReply<R, E> {
    /// A response, and its entry or the reason if it was not stored.
    Own(Response<IsrBody<R>>, Result<Arc<Entry>, Reason>),
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
    marks: &'a Marks,
    inherited: Inherited,
}

/// Completes the flight of `leader`, which fetched for a request with the headers `request`. The
/// handler gave these `hints`.
pub(super) fn complete<R, E>(
    core: &Core,
    cache: &HeaderCache,
    leader: Leader,
    request: &HeaderMap,
    hints: &HandlerHints,
    end: FetchEnd<R, E>,
) -> FetchReply<R, E> {
    let completion = Completion {
        cache,
        leader,
        request,
        marks: &core.marks,
        inherited: Inherited::of(hints, &core.marks),
    };

    match end {
        FetchEnd::Whole(whole, admitted, confirmed) => {
            completion.whole(whole, admitted, confirmed.as_deref())
        }
        FetchEnd::Unread(response, reason) => {
            let reason = completion.unstored(response.status(), reason);
            FetchReply::Own(response, Err(reason))
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
    fn whole<R, E>(
        mut self,
        whole: WholeResponse,
        admitted: Admitted,
        confirmed: Option<&Entry>,
    ) -> FetchReply<R, E> {
        let now = clock::now();
        let (number, as_of) = (FetchNumber(self.leader.number()), self.leader.as_of());
        if let Some(before) = confirmed {
            self.inherited = self.inherited.with_marks_of(&before.inherited);
        }
        if let Some(reason) = self.inherited.not_kept {
            return self.not_kept(whole, reason);
        }

        let inherited = self.inherited;
        let rests = inherited.rests_until.is_some();
        let entry = Entry::new(
            admitted,
            &whole,
            number,
            as_of,
            self.leader.work(),
            inherited,
        );
        let status = whole.parts.status;

        let entry = Arc::new(entry);
        let late = entry.clone();
        let completed = complete_unless_outrun(self.leader, |fetch| {
            // A storable error must not replace an entry that may be served in place of errors.
            let stored = self
                .cache
                .memory
                .get(fetch.target.target_ref(), self.request);
            if is_error(status) && stored.is_some_and(|stored| stored.allows_if_error(now)) {
                return (self.cache.failed(fetch, now), Sequence::NO_MARK);
            }
            let outcome = self.cache.keep(entry, fetch, self.request);
            if rests {
                // Its next fetch would be made of a value that is left alone.
                self.cache.failed(fetch, now);
            }
            (outcome, self.marks.newest(late.inherited.marks.as_slice()))
        });

        let stored = match &completed.outcome {
            FetchOutcome::Stored(entry) => Ok(entry.clone()),
            FetchOutcome::Failed => Err(Reason::FailedStatus),
            FetchOutcome::Refused => Err(Reason::Overtaken),
        };
        FetchReply::Own(whole.into_response(), stored)
    }

    /// Stores nothing of a response that was made of what may not be kept, and lets no cache in
    /// front keep it.
    fn not_kept<R, E>(self, whole: WholeResponse, reason: Reason) -> FetchReply<R, E> {
        let reason = self.unstored(whole.parts.status, reason);
        let mut response = whole.into_response();
        forbid_storing(response.headers_mut());
        FetchReply::Own(response, Err(reason))
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
            let outcome = if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
            {
                self.cache.failed(fetch, now)
            } else if reason == Reason::Crowded {
                // That tells of this moment alone: no request waits or fetches alone for it.
                self.cache.failed(fetch, now);
                FetchOutcome::Refused
            } else {
                self.cache.refused(fetch, self.request, number, now)
            };
            (outcome, Sequence::NO_MARK)
        });
        told
    }

    fn failed(self) {
        let now = clock::now();
        complete_unless_outrun(self.leader, |fetch| {
            (self.cache.failed(fetch, now), Sequence::NO_MARK)
        });
    }
}

/// Completes a flight. `settle` changes the cache and returns the outcome with the newest mark on
/// what was read, unless an unsafe request outran the flight: then nothing changes.
fn complete_unless_outrun(
    leader: Leader,
    settle: impl FnOnce(&Fetch) -> (FetchOutcome, Sequence),
) -> Arc<CompletedFlight> {
    let fetch = leader.work().clone();
    leader.complete(Duration::ZERO, |is_outrun| match is_outrun {
        true => (FetchOutcome::Refused, Sequence::NO_MARK),
        false => settle(&fetch),
    })
}
