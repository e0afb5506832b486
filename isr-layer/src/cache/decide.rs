//! Decides the next step for a request that memory has no fresh response for.

use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use super::failure::Failure;
use super::negative_cache::{Kind, NegativeEntry};
use super::page_flight::{Follower, Joined, Leader, PageRender, Start};
use crate::clock::{self, Instant};
use crate::entry::{Entry, Freshness};
use crate::invalidation::Sequence;
use crate::outcome::{Forward, Outcome, Reason};
use crate::render::Recipe;
use crate::rules::{Rule, holds};

/// The next step for a request.
pub(crate) enum Decision {
    /// Respond from this entry.
    Serve(Arc<Entry>, Outcome),
    /// Respond from this entry, for this reason, and render it anew in the background.
    Refresh(Arc<Entry>, Reason, Leader),
    /// Respond with a failure that is remembered from before.
    NegativeHit {
        failure: Arc<Failure>,
        retry: Duration,
    },
    /// Render for this request alone.
    Alone(Reason),
    /// Render, for all who wait.
    Lead(Leader, Waiting),
    /// Wait for a render in progress.
    Follow(Follower, Waiting),
}

/// The entry a waiting request falls back on, and the way its response will be described.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) fallback: Option<Arc<Entry>>,
    pub(crate) forward: Forward,
}

/// The next step, as far as the entry and the remembered failure of a key tell.
#[derive(Debug)]
enum Step<E> {
    Serve(E, Outcome),
    Refresh(E, Reason),
    NegativeHit {
        failure: Arc<Failure>,
        retry: Duration,
    },
    Alone(Reason),
    Wait {
        fallback: Option<E>,
        forward: Forward,
    },
}

impl Core {
    /// Decides the next step for a request whose key had the entry `found`. `arrival` is the last
    /// number published when the request came. With `may_ask`, an entry that is absent may be in
    /// the store.
    pub(crate) fn decide(
        &self,
        recipe: &Recipe,
        found: Option<Arc<Entry>>,
        may_ask: bool,
        arrival: Sequence,
        now: Instant,
    ) -> Decision {
        let found = found.map(|entry| (entry.freshness(&self.marks, now), entry));
        let is_cold = found
            .as_ref()
            .is_none_or(|(freshness, _)| !freshness.can_be_served());
        let negative = self
            .pages
            .negative
            .get(&self.marks, &recipe.key, now, is_cold);
        let start = Start {
            asks_store: (found.is_none() && may_ask || !holds(Rule::Once)) && self.shelf.is_some(),
            is_known: !is_cold,
        };
        // The last good page may be in a store: a failure counts once that was asked.
        let negative = negative.filter(|negative| !start.asks_store || negative.is_final());
        // A page that was not in memory when its render failed may have tags that the failure
        // lacks.
        let is_purged_since = |negative: &NegativeEntry<_>| {
            let found = found.as_ref();
            found.is_some_and(|(_, entry)| entry.is_marked_since(&self.marks, negative.as_of()))
        };
        let negative = negative.filter(|negative| !is_purged_since(negative));

        match next_step(found, negative.as_deref(), now) {
            Step::Serve(entry, outcome) => Decision::Serve(entry, outcome),
            Step::Refresh(entry, reason) => match self.join_for_fresh(recipe, arrival, start) {
                Ok(Joined::Lead(leader)) => Decision::Refresh(entry, reason, leader),
                Ok(Joined::Follow(_)) => Decision::Serve(entry, Outcome::StaleHit(reason)),
                Err(fresh) => Decision::Serve(fresh, Outcome::Hit),
            },
            Step::NegativeHit { failure, retry } => Decision::NegativeHit { failure, retry },
            Step::Alone(reason) => Decision::Alone(reason),
            Step::Wait { fallback, forward } => {
                let joined = self.join_for_fresh(recipe, arrival, start);
                wait(joined, Waiting { fallback, forward })
            }
        }
    }

    /// Joins the flight of a key, or returns an entry that `is_useful`: one may have been stored
    /// since the caller's first look.
    ///
    /// Who asks the store joins only a flight that does, too: a page in the store is served at
    /// once, while others render it.
    pub(super) fn join(
        &self,
        recipe: &Recipe,
        arrival: Sequence,
        start: Start,
        is_useful: impl Fn(&Entry) -> bool,
    ) -> Result<Joined, Arc<Entry>> {
        let tags = self.known_tags(&recipe.page, &recipe.key);
        let render = PageRender::new(recipe.clone(), tags, start);
        let mut before = None;
        let second_look = || {
            let entry = self.pages.memory.get_key(&recipe.key)?;
            if is_useful(&entry) {
                return Some(entry);
            }
            before = Some(entry);
            None
        };

        let flights = &self.pages.flights;
        let admits = |render: &PageRender| match start.asks_store {
            true => render.asks_store(),
            false => !render.is_loading(),
        };
        let joined = flights.join(&self.marks, render, arrival, admits, second_look)?;
        if let (Joined::Lead(leader), Some(before)) = (&joined, before) {
            leader.work().set_before(&before);
        }
        Ok(joined)
    }

    fn join_for_fresh(
        &self,
        recipe: &Recipe,
        arrival: Sequence,
        start: Start,
    ) -> Result<Joined, Arc<Entry>> {
        // The time is read then: an entry may have come meanwhile.
        let is_fresh = |entry: &Entry| entry.is_fresh(&self.marks, clock::now());
        self.join(recipe, arrival, start, is_fresh)
    }
}

fn wait(joined: Result<Joined, Arc<Entry>>, waiting: Waiting) -> Decision {
    match joined {
        Ok(Joined::Lead(leader)) => Decision::Lead(leader, waiting),
        Ok(Joined::Follow(follower)) => Decision::Follow(follower, waiting),
        Err(fresh) => Decision::Serve(fresh, Outcome::Hit),
    }
}

/// Returns the next step for a key with an entry of that freshness and with a remembered failure,
/// if there are any.
fn next_step<E>(
    found: Option<(Freshness, E)>,
    negative: Option<&NegativeEntry<Arc<Failure>>>,
    now: Instant,
) -> Step<E> {
    match (
        found,
        negative.map(|negative| (&negative.kind, negative.until(true))),
    ) {
        (Some((Freshness::Fresh, entry)), _) => Step::Serve(entry, Outcome::Hit),
        // An entry found beside this was dropped on the request's way here.
        (_, Some((Kind::Uncacheable(reason), _))) => Step::Alone(*reason),
        (
            Some((Freshness::Stale(_) | Freshness::MustRender { fallback: true }, entry)),
            Some(_),
        ) => Step::Serve(entry, Outcome::StaleHit(Reason::Backoff)),
        (_, Some((Kind::Failing(failure), cold_until))) => Step::NegativeHit {
            failure: failure.clone(),
            retry: cold_until.saturating_duration_since(now),
        },
        (Some((Freshness::Stale(staleness), entry)), None) => {
            Step::Refresh(entry, staleness.into())
        }
        (Some((Freshness::MustRender { fallback }, entry)), None) => Step::Wait {
            fallback: fallback.then_some(entry),
            forward: Forward::Stale,
        },
        (None, None) => Step::Wait {
            fallback: None,
            forward: Forward::UriMiss,
        },
    }
}

#[cfg(test)]
mod tests;
