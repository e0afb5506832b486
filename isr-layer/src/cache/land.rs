//! Landing: what a render that ended is worth, and how its flight ends with that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, StatusCode, response};

use super::core::Core;
use super::flight::{Landed, Landing, Lead};
use super::regenerate::{Answer, End};
use super::trouble::{Failure, Seen};
use crate::body::IsrBody;
use crate::clock::{self, Instant};
use crate::context::Said;
use crate::entry::{Entry, Freshness, Lifetime, NotStored, Rendered, admit_whole, lifetime};
use crate::invalidation::{Carried, Cell};
use crate::key::Key;
use crate::observe;
use crate::outcome::Reason;
use crate::recipe::Recipe;

/// An entry that may not be served any more, whatever happens.
const NOTHING_LEFT: Freshness = Freshness::MustRender { fallback: false };

/// Nothing is handed out of what is not stored, so that no purge can be newer.
const NO_MARK: u64 = 0;

/// What a render knew when it began, and what was said during it.
pub(super) struct Attempt {
    /// The last number published before it began.
    pub(super) as_of: u64,
    pub(super) born: Instant,
    pub(super) said: Said,
    /// Whether the page's own function ran.
    pub(super) handler_ran: bool,
}

/// One flight on its way down: everything about it but how it ended.
struct Approach<'a> {
    core: &'a Core,
    lead: Lead,
    recipe: &'a Recipe,
    attempt: Attempt,
}

/// Ends a flight with what its render is worth: a stored page, or the memory of why there is none.
pub(super) fn land<B, E>(
    core: &Core,
    lead: Lead,
    recipe: &Recipe,
    attempt: Attempt,
    end: End<B, E>,
) -> Option<Answer<B, E>> {
    let approach = Approach { core, lead, recipe, attempt };
    match end {
        End::Whole { parts, body, trailers, admitted } => {
            Some(approach.whole(parts, body, trailers, admitted))
        }
        End::Unread { response, why } => {
            let (parts, body) = response.into_parts();
            let why = approach.weighed(why, Some(parts.status));
            approach.unstored(why, Failure::unread(why.reason(), &parts));
            Some(Answer::Own { response: Response::from_parts(parts, body), why })
        }
        End::Failed(reason) => {
            let why = approach.weighed(NotStored::Failed(reason), None);
            Some(Answer::Landed(approach.unstored(why, Failure::without_answer(recipe, reason))))
        }
        End::Error(error) => {
            let reason = Reason::ServiceError;
            approach.unstored(NotStored::Failed(reason), Failure::without_answer(recipe, reason));
            Some(Answer::Error(error))
        }
        End::Gone => None,
        End::NotListed => Some(Answer::Landed(approach.not_listed())),
    }
}

impl Approach<'_> {
    fn whole<B, E>(
        self,
        parts: response::Parts,
        body: Bytes,
        trailers: Option<Box<HeaderMap>>,
        admitted: Result<(), NotStored>,
    ) -> Answer<B, E> {
        let policy = self.recipe.page.policy();
        let read = || admit_whole(self.recipe, &parts, &body, trailers.as_deref(), &self.attempt.said);
        if let Err(why) = admitted.and_then(|()| read()) {
            let why = self.weighed(why, Some(parts.status));
            let shared = Failure::answered(why.reason(), &parts, body.clone(), trailers.clone());
            self.unstored(why, shared);
            let response = Response::from_parts(parts, IsrBody::stored(body, trailers));
            return Answer::Own { response, why };
        }
        let Attempt { as_of, born, ref said, .. } = self.attempt;
        let lifetime = lifetime(policy, parts.status, said);
        let lifetime = if policy.jitter { jittered(lifetime) } else { lifetime };
        let offer = self.core.config.downstream.offer(lifetime, || self.tags());
        let has_drafts = self.core.config.draft.is_some();
        let rendered = Rendered { parts, body, trailers, born, as_of, lifetime, offer, has_drafts };
        Answer::Landed(self.stored(rendered))
    }

    fn stored(self, rendered: Rendered) -> Arc<Landed> {
        let Self { core, recipe, .. } = self;
        let late = self.late_cells();
        let carried = Carried::new([self.lead.known(), &late].concat());
        let entry = Arc::new(Entry::new(recipe, rendered, carried));
        let took = self.took();
        let landed = self.lead.land(took, || (core.keep(recipe, &entry), core.marks.newest(&late)));
        // Nobody waits for the encodings.
        if entry.is_encodable {
            // An entry that was evicted before its turn is not kept for it.
            let entry = Arc::downgrade(&entry);
            core.tasks.spawn_heavy(move || {
                if let Some(entry) = entry.upgrade() {
                    entry.encode();
                }
            });
        }
        landed
    }

    /// Nothing is stored, and nothing stays.
    fn not_listed(self) -> Arc<Landed> {
        let (core, key, as_of, took) = (self.core, &self.recipe.key, self.attempt.as_of, self.took());
        self.lead.land(took, || (core.unlist(key, as_of), NO_MARK))
    }

    fn unstored(self, why: NotStored, shared: Arc<Failure>) -> Arc<Landed> {
        let Self { core, recipe, .. } = self;
        let (key, now, took) = (&recipe.key, clock::now(), self.took());
        let stored = core.memory.get_key(key);
        let mut cells = [self.lead.known(), &self.late_cells()].concat();
        cells.extend(stored.iter().flat_map(|entry| entry.carried().cells().iter().cloned()));
        let seen = Seen { as_of: self.attempt.as_of, cells: cells.into() };
        let landing = match why {
            NotStored::Uncacheable(reason) => {
                Landing::Refused(reason, (shared.reason != Reason::Panic).then_some(shared.status))
            }
            NotStored::Failed(_) => Landing::Failed(shared.clone()),
        };
        observe::not_stored(&recipe.page.page, key.path(), why, shared.status);
        self.lead.land(took, || {
            match why {
                _ if core.has_newer(key, seen.as_of) => {}
                NotStored::Uncacheable(reason) => {
                    core.memory.remove(key);
                    // An error that was taken for another route's may have been the page's after all.
                    if shared.status.is_server_error() {
                        core.troubles.seems_refused(&core.marks, key, reason, seen, now);
                    } else {
                        core.troubles.refused(key, reason, seen, now);
                    }
                }
                NotStored::Failed(_) => {
                    let may_serve = |entry: Arc<Entry>| entry.freshness(&core.marks, now) != NOTHING_LEFT;
                    let cold = !stored.is_some_and(may_serve);
                    core.troubles.failed(&core.marks, key, &shared, seen, now, cold);
                }
            }
            (landing, NO_MARK)
        })
    }

    /// Why it is not stored, weighed against what there is. What panics or answers 500 before the page's function ran may be
    /// a route that the pattern covers, and that cannot do without its client; or something in front of the page has failed.
    /// Where there is no good page to lose it is taken for the former: then its clients are asked for, as without us.
    fn weighed(&self, why: NotStored, status: Option<StatusCode>) -> NotStored {
        let may_miss_its_client = match why {
            NotStored::Failed(Reason::Panic) => true,
            NotStored::Failed(Reason::FailedStatus) => status == Some(StatusCode::INTERNAL_SERVER_ERROR),
            _ => false,
        };
        let is_pages_own = self.attempt.handler_ran || self.recipe.key.is_call();
        if !may_miss_its_client || is_pages_own || self.core.memory.get_key(&self.recipe.key).is_some() {
            return why;
        }
        NotStored::Uncacheable(Reason::NotCheckedIn)
    }

    /// Every tag of what was rendered, by name.
    fn tags(&self) -> BTreeSet<String> {
        let params = self.core.registry.params(self.recipe.key.path());
        self.recipe.page.declared_tags(&params).chain(self.attempt.said.tags.iter().cloned()).collect()
    }

    /// The tags that were learnt during the render.
    fn late_cells(&self) -> Vec<Arc<Cell>> {
        let mut late = self.core.marks.intern(self.attempt.said.tags.iter().cloned());
        late.retain(|cell| !self.lead.known().iter().any(|known| Arc::ptr_eq(cell, known)));
        late
    }

    fn took(&self) -> Duration {
        clock::now().saturating_duration_since(self.attempt.born)
    }
}

impl Core {
    /// Puts an entry into memory, unless its path is listed no more, or something is known that is newer. No other flight
    /// lands meanwhile.
    fn keep(&self, recipe: &Recipe, entry: &Arc<Entry>) -> Landing {
        let (key, as_of) = (&entry.key, entry.as_of());
        if self.lists.exclude(recipe) {
            return self.unlist(key, as_of);
        }
        if !self.has_newer(key, as_of) && !self.troubles.has_newer_refusal(key, as_of) {
            if let Some(before) = self.memory.get_key(key) {
                entry.inherit(&before);
            }
            self.memory.put(entry.clone());
            self.troubles.clear(key, as_of);
        }
        Landing::Stored(entry.clone())
    }

    /// Drops what is stored for a path that is listed no more, unless it is newer. No other flight lands meanwhile.
    fn unlist(&self, key: &Key, as_of: u64) -> Landing {
        if !self.has_newer(key, as_of) {
            self.memory.remove(key);
        }
        Landing::NotListed
    }

    /// Whether an entry is stored whose render began at a later number: flights of one key may land out of order.
    fn has_newer(&self, key: &Key, as_of: u64) -> bool {
        self.memory.get_key(key).is_some_and(|stored| stored.as_of() > as_of)
    }
}

/// Up to a tenth shorter by chance.
fn jittered(lifetime: Lifetime) -> Lifetime {
    let part = 0.1 * fastrand::f64();
    let shorter = |end: Option<Duration>| end.map(|end| end - end.mul_f64(part));
    Lifetime { revalidate: shorter(lifetime.revalidate), expire: shorter(lifetime.expire) }
}
