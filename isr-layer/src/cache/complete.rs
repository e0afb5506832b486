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
use super::negative_cache::RenderSnapshot;
use super::page_flight::{CompletedFlight, Leader, RenderOutcome};
use crate::body::IsrBody;
use crate::clock;
use crate::entry::{Birth, Entry, Freshness, Lifetime, NewEntry, NotStored, admit_whole, lifetime};
use crate::invalidation::{EntryTags, Sequence, TagMark};
use crate::observe;
use crate::outcome::Reason;
use crate::render::Recipe;
use crate::render::context::HandlerHints;

/// An entry that may not be served any more, whatever happens.
const EXPIRED: Freshness = Freshness::MustRender { fallback: false };

/// The end of one render.
pub(crate) enum RenderEnd<B, E> {
    /// A response that was read whole, and the verdict on its head.
    Whole {
        parts: response::Parts,
        body: Bytes,
        trailers: Option<Box<HeaderMap>>,
        admitted: Result<(), NotStored>,
    },
    /// A response that was not read, or not to its end, and goes on to the client as it is.
    Unread {
        response: Response<IsrBody<B>>,
        why: NotStored,
    },
    /// No response, or half of one.
    Failed(Reason),
    /// The inner service's error.
    Error(E),
    /// The application is gone.
    Gone,
    /// The page's `params` do not list the path: nothing was rendered.
    NotListed,
}

/// The reply to the client whose request started a render.
pub(crate) enum LeaderReply<B, E> {
    /// The outcome that everybody who waits gets.
    Shared(Arc<CompletedFlight>),
    /// A response that was made for this client alone.
    Own {
        response: Response<IsrBody<B>>,
        why: NotStored,
    },
    /// The inner service's error.
    Error(E),
}

/// Everything that is known of a render beside its response.
pub(super) struct Attempt {
    /// The last number published before the render began.
    pub(super) as_of: Sequence,
    pub(super) born: Birth,
    pub(super) hints: HandlerHints,
    /// True if the page's own function ran.
    pub(super) handler_ran: bool,
}

/// One flight that is being completed: everything about it but the end of its render.
struct Completion<'a> {
    core: &'a Core,
    leader: Leader,
    attempt: Attempt,
}

/// Completes a flight with the end of its render. Returns the reply to the leader's client, or
/// `None` if the application is gone: the flight is then abandoned.
pub(super) fn complete<B, E>(
    core: &Core,
    leader: Leader,
    attempt: Attempt,
    end: RenderEnd<B, E>,
) -> Option<LeaderReply<B, E>> {
    let completion = Completion {
        core,
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
            let why = completion.classify_failure(NotStored::Failed(reason), None);
            Some(LeaderReply::Shared(
                completion.without_response(why, reason),
            ))
        }
        RenderEnd::Error(error) => {
            let reason = Reason::ServiceError;
            completion.without_response(NotStored::Failed(reason), reason);
            Some(LeaderReply::Error(error))
        }
        RenderEnd::Gone => None,
        RenderEnd::NotListed => Some(LeaderReply::Shared(completion.not_listed())),
    }
}

impl Completion<'_> {
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
            let why = self.classify_failure(why, Some(parts.status));
            let shared =
                Failure::from_response(why.reason(), &parts, body.clone(), trailers.clone());
            self.not_stored(why, shared);
            let response = Response::from_parts(parts, IsrBody::stored(body, trailers));
            return LeaderReply::Own { response, why };
        }

        let lifetime = self.lifetime(parts.status);
        let config = &self.core.config;
        let entry = NewEntry {
            parts,
            body,
            trailers,
            born: self.attempt.born,
            as_of: self.attempt.as_of,
            lifetime,
            offer: config.downstream.offer(lifetime, || self.tag_names()),
            has_drafts: config.draft.is_some(),
        };
        LeaderReply::Shared(self.store(entry))
    }

    fn store(self, entry: NewEntry) -> Arc<CompletedFlight> {
        let (core, took, late) = (self.core, self.took(), self.late_tags());
        let tags = EntryTags::new([self.known_tags(), &late].concat());
        let entry = Arc::new(Entry::new(self.recipe(), entry, tags));

        let before = self.leader.work().before();
        let recipe = self.recipe().clone();
        let completed = self.leader.complete(took, |is_outrun| {
            let outcome = core
                .pages
                .keep(&recipe, &entry, before.as_deref(), is_outrun);
            (outcome, core.marks.newest(&late))
        });

        // No request waits for the encodings.
        if entry.is_encodable {
            // Weak: an entry that is evicted before its turn is not kept for it.
            let entry = Arc::downgrade(&entry);
            core.tasks.spawn_heavy(move || {
                if let Some(entry) = entry.upgrade() {
                    entry.encode();
                }
            });
        }
        completed
    }

    fn unread<B, E>(self, response: Response<IsrBody<B>>, why: NotStored) -> LeaderReply<B, E> {
        let (parts, body) = response.into_parts();
        let why = self.classify_failure(why, Some(parts.status));
        self.not_stored(why, Failure::unread(why.reason(), &parts));
        let response = Response::from_parts(parts, body);
        LeaderReply::Own { response, why }
    }

    fn without_response(self, why: NotStored, reason: Reason) -> Arc<CompletedFlight> {
        let failure = Failure::without_response(self.recipe(), reason);
        self.not_stored(why, failure)
    }

    /// Stores nothing and drops the entry there was.
    fn not_listed(self) -> Arc<CompletedFlight> {
        let (pages, took) = (&self.core.pages, self.took());
        let key = self.recipe().key.clone();
        self.leader.complete(took, |is_outrun| {
            (pages.unlist(&key, is_outrun), Sequence::NO_MARK)
        })
    }

    /// Stores nothing, and remembers why in the negative cache.
    fn not_stored(self, why: NotStored, shared: Arc<Failure>) -> Arc<CompletedFlight> {
        let (core, took, now) = (self.core, self.took(), clock::now());
        let key = self.recipe().key.clone();
        observe::not_stored(&self.recipe().page.page, key.path(), why, shared.status);
        let stored = core.pages.memory.get_key(&key);
        let snapshot = self.snapshot(stored.as_deref());

        self.leader.complete(took, |is_outrun| {
            let outcome = match why {
                NotStored::Uncacheable(reason) => {
                    if !is_outrun {
                        core.refuse(&key, reason, shared.status, snapshot, now);
                    }
                    let status = (shared.reason != Reason::Panic).then_some(shared.status);
                    RenderOutcome::Refused(reason, status)
                }
                NotStored::Failed(_) => {
                    if !is_outrun {
                        let can_serve =
                            |entry: &Arc<Entry>| entry.freshness(&core.marks, now) != EXPIRED;
                        let is_cold = !stored.as_ref().is_some_and(can_serve);
                        let negative = &core.pages.negative;
                        negative.failed(&core.marks, &key, &shared, snapshot, now, is_cold);
                    }
                    RenderOutcome::Failed(shared)
                }
            };
            // Nothing is handed out of a response that is not stored, so no purge can be newer.
            (outcome, Sequence::NO_MARK)
        })
    }

    /// Decides whose failure this is.
    ///
    /// If the handler never ran, a panic or a 500 comes either from another route that matched (it
    /// needs the client's own request) or from a middleware. With no stored page to protect we
    /// assume the route, so that the next requests are passed through unchanged.
    fn classify_failure(&self, why: NotStored, status: Option<StatusCode>) -> NotStored {
        let may_need_its_client = match why {
            NotStored::Failed(Reason::Panic) => true,
            NotStored::Failed(Reason::FailedStatus) => {
                status == Some(StatusCode::INTERNAL_SERVER_ERROR)
            }
            _ => false,
        };

        let key = &self.recipe().key;
        if !may_need_its_client
            || self.attempt.handler_ran
            || key.is_grpc()
            || self.core.pages.memory.get_key(key).is_some()
        {
            return why;
        }
        NotStored::Uncacheable(Reason::HandlerNotRun)
    }

    fn snapshot(&self, stored: Option<&Entry>) -> RenderSnapshot {
        let mut tags = [self.known_tags(), &self.late_tags()].concat();
        tags.extend_from_slice(stored.map_or(&[], |entry| entry.tags().as_slice()));
        RenderSnapshot {
            as_of: self.attempt.as_of,
            tags: tags.into(),
        }
    }

    fn lifetime(&self, status: StatusCode) -> Lifetime {
        let policy = self.recipe().page.policy();
        let lifetime = lifetime(policy, status, &self.attempt.hints);
        if policy.jitter {
            // Up to a tenth, so that pages rendered together do not go stale together.
            lifetime.shortened_by(0.1 * fastrand::f64())
        } else {
            lifetime
        }
    }

    /// Returns the names of all tags of the page, declared and learnt.
    fn tag_names(&self) -> BTreeSet<String> {
        let recipe = self.recipe();
        let params = self.core.registry.params(recipe.key.path());
        let declared = recipe.page.declared_tags(&params);
        declared
            .chain(self.attempt.hints.tags.iter().cloned())
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
        late.retain(|tag| !is_known(tag));
        late
    }

    fn recipe(&self) -> &Recipe {
        &self.leader.work().recipe
    }

    fn took(&self) -> Duration {
        self.attempt.born.age(clock::now())
    }
}
