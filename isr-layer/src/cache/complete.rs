//! Completes a flight: stores the rendered response or records why not, then wakes all waiting
//! requests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, StatusCode, response};

use super::core::Core;
use super::failure::Failure;
use super::negative_cache::{Backoff, RenderSnapshot};
use super::page_flight::{CompletedFlight, Leader, RenderOutcome};
use super::render_end::{Attempt, LeaderReply, RenderEnd};
use super::undecided::Undecided;
use super::verdict::{Circumstances, Verdict, verdict};
use crate::body::IsrBody;
use crate::clock::{self, Instant};
use crate::entry::{Entry, Lifetime, NewEntry, NotStored, admit_whole, is_not_found, lifetime};
use crate::invalidation::{EntryTags, Sequence, TagMark};
use crate::observe;
use crate::outcome::Reason;
use crate::render::Recipe;
use crate::rules::{Rule, holds};

/// One flight that is being completed: everything about it but the end of its render.
pub(super) struct Completion {
    pub(super) core: Arc<Core>,
    pub(super) leader: Leader,
    pub(super) attempt: Attempt,
}

/// Completes a flight with the end of its render. Returns the reply to the leader's client, or
/// `None` if the application is gone: the flight is then abandoned.
pub(super) fn complete<B, E>(
    core: &Arc<Core>,
    leader: Leader,
    attempt: Attempt,
    end: RenderEnd<B, E>,
) -> Option<LeaderReply<B, E>> {
    let completion = Completion {
        core: core.clone(),
        leader,
        attempt,
    };

    match end {
        RenderEnd::Whole {
            parts,
            body,
            trailers,
            admitted,
        } => Some(completion.whole(parts, body, trailers, admitted)),
        RenderEnd::Unread { response, why } => Some(completion.unread(response, why)),
        RenderEnd::Failed(reason) => {
            let failure = Failure::without_response(completion.recipe(), reason);
            let why = NotStored::Failed(reason);
            Some(completion.not_stored(why, None, failure, LeaderReply::Shared))
        }
        RenderEnd::Error(error) => {
            let failure = Failure::without_response(completion.recipe(), Reason::ServiceError);
            completion.failed(failure, Remembered::Yes);
            Some(LeaderReply::Error(error))
        }
        RenderEnd::Gone => None,
        RenderEnd::NotListed => Some(LeaderReply::Shared(completion.not_listed())),
    }
}

/// The time for which a page is left alone that was made of a value which could not be loaded.
struct Rest {
    failure: Arc<Failure>,
    snapshot: RenderSnapshot,
    until: Instant,
}

impl Rest {
    fn begin(self, core: &Core, entry: &Entry) {
        let negative = &core.pages.negative;
        let now = clock::now();
        negative.rest(&entry.key, &self.failure, self.snapshot, now, self.until);
    }
}

/// Says if a failure is put into the negative cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    Yes,
    /// The failure may be another route's: the next request finds out.
    No,
}

impl<B, E> LeaderReply<B, E> {
    /// Returns the entry that was stored.
    pub(super) fn stored(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::Shared(flight) => match &flight.outcome {
                RenderOutcome::Stored(entry, _) => Some(entry),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Completion {
    fn whole<B, E>(
        self,
        parts: response::Parts,
        body: Bytes,
        trailers: Option<Box<HeaderMap>>,
        admitted: Result<(), NotStored>,
    ) -> LeaderReply<B, E> {
        let hints = &self.attempt.hints;
        let admit = || admit_whole(self.recipe(), &parts, &body, trailers.as_deref(), hints);
        if let Err(why) = admitted.and_then(|()| admit()) {
            let status = parts.status;
            let shared =
                Failure::from_response(why.reason(), &parts, body.clone(), trailers.clone());
            let response = Response::from_parts(parts, IsrBody::stored(body, trailers));
            return self.not_stored(why, Some(status), shared, |_| LeaderReply::Own {
                response,
                why,
            });
        }

        if self.is_over_limit() {
            let shared = Failure::from_response(Reason::NewKeyLimit, &parts, body, trailers);
            return LeaderReply::Shared(self.over_limit(shared));
        }

        let is_not_found = is_not_found(self.recipe(), &parts, trailers.as_deref());
        let lifetime = self.lifetime(is_not_found);
        // Made of old values, it would be made anew at each request: it is shown until its end.
        let is_not_found = is_not_found && !self.uses_old_values();
        let config = &self.core.config;
        let offer = config.downstream.offer(lifetime, || self.tag_names());
        if offer.lacks_tags {
            observe::tags_do_not_fit(&self.recipe().page.page);
        }
        let entry = NewEntry {
            parts,
            body,
            trailers,
            is_not_found,
            born: self.attempt.born,
            born_as: self.attempt.hints.reads.born_as,
            uses_old_values: self.uses_old_values(),
            as_of: self.attempt.as_of,
            lifetime,
            offer,
            has_drafts: config.draft.is_some(),
        };
        LeaderReply::Shared(self.store(entry))
    }

    /// True if the response would be a new key's, of a page that is over its limit.
    fn is_over_limit(&self) -> bool {
        let render = self.leader.work();
        let is_over = self.core.pages.is_over_limit(render, clock::now());
        if is_over {
            self.core.read_list_once(&render.recipe.page);
        }
        is_over
    }

    /// Hands the page to all who wait, and stores nothing.
    fn over_limit(self, shared: Arc<Failure>) -> Arc<CompletedFlight> {
        let (core, took, late) = (self.core.clone(), self.took(), self.late_tags());
        let (key, as_of) = (self.recipe().key.clone(), self.attempt.as_of);
        self.leader.complete(took, |is_outrun| {
            if !is_outrun {
                core.pages.negative.clear(&key, as_of);
            }
            (RenderOutcome::OverLimit(shared), core.marks.newest(&late))
        })
    }

    fn store(self, entry: NewEntry) -> Arc<CompletedFlight> {
        let (core, took, late) = (self.core.clone(), self.took(), self.late_tags());
        let tags = EntryTags::new([self.known_tags(), &late].concat());
        let entry = Arc::new(Entry::new(self.recipe(), entry, tags));

        let before = self.leader.work().before();
        let recipe = self.recipe().clone();
        let rest = self.rest();
        let old_values = self.uses_old_values().then_some(Reason::DataFailed);
        let trouble = old_values.or(self.attempt.store_trouble);
        self.leader.complete(took, |is_outrun| {
            let kept = core
                .pages
                .keep(&recipe, &entry, before.as_deref(), is_outrun);
            if let Some(rest) = rest.filter(|_| !is_outrun) {
                rest.begin(&core, &entry);
            }
            let outcome = core.shelve(&entry, kept, is_outrun, trouble);
            (outcome, core.marks.newest(&late))
        })
    }

    /// True if the page was made of a value that could not be loaded anew.
    fn uses_old_values(&self) -> bool {
        self.attempt.hints.reads.is_old
    }

    /// Returns the time for which the page is left alone, if it was made of a value that could not
    /// be loaded: without it, each request would render the page once more.
    fn rest(&self) -> Option<Rest> {
        let until = self.attempt.hints.reads.rests_until?;
        if until <= clock::now() || !holds(Rule::Rest) {
            return None;
        }
        let failure = Failure::without_response(self.recipe(), Reason::DataFailed);
        let snapshot = self.snapshot();
        Some(Rest {
            failure,
            snapshot,
            until,
        })
    }

    fn unread<B, E>(self, response: Response<IsrBody<B>>, why: NotStored) -> LeaderReply<B, E> {
        let (parts, body) = response.into_parts();
        let (status, shared) = (parts.status, Failure::unread(why.reason(), &parts));
        let response = Response::from_parts(parts, body);
        self.not_stored(why, Some(status), shared, |_| LeaderReply::Own {
            response,
            why,
        })
    }

    /// Stores nothing of a response with that `status`, or of a render without one. The leader's
    /// client gets `own`, unless its own request has to be asked.
    fn not_stored<B, E>(
        self,
        why: NotStored,
        status: Option<StatusCode>,
        shared: Arc<Failure>,
        own: impl FnOnce(Arc<CompletedFlight>) -> LeaderReply<B, E>,
    ) -> LeaderReply<B, E> {
        match verdict(why, status, self.circumstances()) {
            Verdict::Page(NotStored::Uncacheable(reason)) => {
                let completed = self.refused(reason, Backoff::REFUSED, &shared);
                match reason.needs_client() {
                    true => LeaderReply::AskForClient(reason),
                    false => own(completed),
                }
            }
            Verdict::Page(NotStored::Failed(_)) => own(self.failed(shared, Remembered::Yes)),
            Verdict::OtherRoute(backoff) => {
                self.refused(Reason::HandlerNotRun, backoff, &shared);
                LeaderReply::AskForClient(Reason::HandlerNotRun)
            }
            Verdict::Unknown => LeaderReply::Undecided(Undecided::new(self, shared)),
        }
    }

    /// Stores nothing and drops the entry there was.
    fn not_listed(self) -> Arc<CompletedFlight> {
        let (core, took) = (self.core.clone(), self.took());
        let (key, as_of) = (self.recipe().key.clone(), self.attempt.as_of);
        self.leader.complete(took, |is_outrun| {
            if !is_outrun {
                core.forget(&key, as_of);
            }
            (RenderOutcome::NotListed, Sequence::NO_MARK)
        })
    }

    /// Drops the entry of a key whose responses may not be stored, and remembers why.
    pub(super) fn refused(
        self,
        reason: Reason,
        backoff: Backoff,
        shared: &Failure,
    ) -> Arc<CompletedFlight> {
        let (core, took, now) = (self.core.clone(), self.took(), clock::now());
        let (key, snapshot) = (self.recipe().key.clone(), self.snapshot());
        self.log_refusal(reason, shared);

        self.leader.complete(took, |is_outrun| {
            if !is_outrun {
                core.forget(&key, snapshot.as_of);
                let negative = &core.pages.negative;
                negative.refused(&core.marks, &key, reason, backoff, snapshot, now);
            }
            let status = (shared.reason != Reason::Panic).then_some(shared.status);
            // Nothing is handed out of a response that is not stored, so no purge can be newer.
            (RenderOutcome::Refused(reason, status), Sequence::NO_MARK)
        })
    }

    /// Keeps the entry there was, and leaves the key alone for a while if the failure is
    /// `remembered`.
    pub(super) fn failed(
        self,
        shared: Arc<Failure>,
        remembered: Remembered,
    ) -> Arc<CompletedFlight> {
        let why = NotStored::Failed(shared.reason);
        let (core, took, now) = (self.core.clone(), self.took(), clock::now());
        let (key, snapshot) = (self.recipe().key.clone(), self.snapshot());
        observe::not_stored(&self.recipe().page.page, key.path(), why, shared.status);
        let is_not_stored = self.leader.work().is_not_stored();

        self.leader.complete(took, |is_outrun| {
            if !is_outrun && remembered == Remembered::Yes {
                let negative = &core.pages.negative;
                negative.failed(&core.marks, &key, &shared, snapshot, now);
                if is_not_stored {
                    negative.note_not_stored(&core.marks, &key, now);
                }
            }
            // No purge makes a failure wrong.
            (RenderOutcome::Failed(shared), Sequence::NO_MARK)
        })
    }

    fn log_refusal(&self, reason: Reason, shared: &Failure) {
        let Recipe { page, key, .. } = self.recipe();
        let (page, path) = (&page.page, key.path());
        match reason {
            Reason::HandlerNotRun => observe::covered_route(page, path),
            Reason::Vary => {
                let undeclared = shared.undeclared_vary(&self.recipe().page.vary);
                observe::varies(page, path, &undeclared);
            }
            _ => observe::not_stored(page, path, NotStored::Uncacheable(reason), shared.status),
        }
    }

    fn circumstances(&self) -> Circumstances {
        let recipe = self.recipe();
        let stored = self.core.pages.memory.get_key(&recipe.key);
        let can_be_served = |entry: Arc<Entry>| {
            let freshness = entry.freshness(&self.core.marks, clock::now());
            freshness.can_be_served()
        };

        Circumstances {
            handler_ran: self.attempt.handler_ran,
            is_mounted: recipe.page.page.is_mounted(),
            was_asked: self.attempt.was_asked,
            // A store that could not be asked may have a page.
            has_page: self.leader.work().is_known()
                || self.attempt.store_trouble.is_some()
                || stored.is_some_and(can_be_served),
            is_grpc: recipe.key.is_grpc(),
        }
    }

    fn snapshot(&self) -> RenderSnapshot {
        let stored = self.core.pages.memory.get_key(&self.recipe().key);
        let stored = stored
            .as_deref()
            .map_or(&[][..], |entry| entry.tags().as_slice());
        let tags = [self.known_tags(), &self.late_tags(), stored].concat();
        RenderSnapshot {
            as_of: self.attempt.as_of,
            tags: tags.into(),
        }
    }

    fn lifetime(&self, is_not_found: bool) -> Lifetime {
        let policy = self.recipe().page.policy();
        let lifetime = lifetime(policy, is_not_found, &self.attempt.hints);
        let lifetime = if policy.jitter {
            // Up to a tenth, so that pages rendered together do not go stale together.
            lifetime.shortened_by(0.1 * fastrand::f64())
        } else {
            lifetime
        };
        lifetime.limited_by(&self.attempt.hints.reads, self.attempt.born)
    }

    /// Returns the names of all tags of the page, declared and learnt.
    fn tag_names(&self) -> BTreeSet<String> {
        let recipe = self.recipe();
        let params = self.core.registry.params(recipe.key.path());
        let declared = recipe.page.declared_tags(&params);
        let hints = &self.attempt.hints;
        declared
            .chain(hints.tags.iter().cloned())
            .chain(hints.reads.tags())
            .collect()
    }

    fn known_tags(&self) -> &[Arc<TagMark>] {
        &self.leader.work().tags
    }

    /// Returns the marks of the tags that were learnt during the render.
    fn late_tags(&self) -> Vec<Arc<TagMark>> {
        let is_known = |tag: &Arc<TagMark>| {
            self.known_tags()
                .iter()
                .any(|known| Arc::ptr_eq(tag, known))
        };
        let mut late = self
            .core
            .marks
            .intern(self.attempt.hints.tags.iter().cloned());
        late.extend(self.attempt.hints.reads.marks().iter().cloned());
        late.retain(|tag| !is_known(tag));
        late.sort_by_key(Arc::as_ptr);
        late.dedup_by(|one, other| Arc::ptr_eq(one, other));
        late
    }

    pub(super) fn recipe(&self) -> &Recipe {
        &self.leader.work().recipe
    }

    fn took(&self) -> Duration {
        self.attempt.born.age(clock::now())
    }
}
