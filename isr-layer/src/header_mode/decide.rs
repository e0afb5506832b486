//! Decides one request: serve an entry, refresh it, pass the request on, lead a flight or follow.

use std::sync::Arc;

use http::header::HeaderMap;

use super::cache::HeaderCache;
use super::constraints::Constraints;
use super::entry::Entry;
use super::flight::{Fetch, Follower, Joined, Leader};
use super::freshness::Freshness;
use super::partial::ask_for_all;
use super::target::{TargetUri, TargetUriRef};
use crate::clock::Instant;
use crate::invalidation::Marks;
use crate::outcome::{Forward, Outcome, Staleness};

/// State of the memory for a request.
pub(super) enum Lookup {
    /// Serve this entry.
    Fresh(Arc<Entry>),
    /// Serve this entry, and refresh it in the background.
    Stale(Arc<Entry>, Staleness),
    /// Fetch while the client waits.
    Missing(Waiting),
}

/// Decision on a request.
pub(super) enum Decision {
    /// Serve this entry.
    Serve(Arc<Entry>, Outcome),
    /// Serve this entry, and lead a flight that refreshes it in the background.
    Refresh(Arc<Entry>, Outcome, Leader),
    /// Refuse the request, since nothing can be served and the client does not want more.
    NotForwarded,
    /// Pass the request on as it is, and store nothing.
    Alone(Waiting),
    /// Fetch, and complete the flight for all followers.
    Lead(Leader, Waiting),
    /// Wait for the fetch of another request.
    Follow(Follower, Waiting),
}

/// Reason for which a request waits, and the stale entry if there is one. A fetch validates that
/// entry; if the fetch fails, the entry may be served.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) forward: Forward,
    pub(super) stale: Option<Arc<Entry>>,
}

impl HeaderCache {
    /// Looks a request up in memory.
    pub(super) fn lookup(
        &self,
        target_ref: TargetUriRef<'_>,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Lookup {
        let Some(entry) = self.memory.get(target_ref, request) else {
            let forward = if self.memory.has(target_ref) {
                Forward::VaryMiss
            } else {
                Forward::UriMiss
            };
            return Lookup::Missing(Waiting {
                forward,
                stale: None,
            });
        };

        match entry.freshness(marks, now) {
            Freshness::Fresh => Lookup::Fresh(entry),
            Freshness::Stale(staleness) => Lookup::Stale(entry, staleness),
            Freshness::MustFetch => Lookup::Missing(Waiting {
                forward: Forward::Stale,
                stale: Some(entry),
            }),
        }
    }

    /// Decides a request for `target` with the headers `request`, after a first [`lookup`].
    ///
    /// [`lookup`]: Self::lookup
    pub(super) fn decide(
        &self,
        lookup: Lookup,
        target: &TargetUri,
        request: &HeaderMap,
        constraints: Constraints,
        marks: &Marks,
        now: Instant,
    ) -> Decision {
        match lookup {
            Lookup::Fresh(entry) => Decision::Serve(entry, Outcome::Hit),
            Lookup::Stale(entry, staleness) => {
                let outcome = Outcome::StaleHit(staleness.into());
                let can_refresh = constraints.allows_to_refresh();
                let leader = can_refresh.then(|| self.refresh(target, request, marks, now));
                match leader.flatten() {
                    Some(leader) => Decision::Refresh(entry, outcome, leader),
                    None => Decision::Serve(entry, outcome),
                }
            }
            Lookup::Missing(_) if !constraints.allows_to_forward() => Decision::NotForwarded,
            Lookup::Missing(waiting) if !constraints.allows_to_store() => Decision::Alone(waiting),
            Lookup::Missing(waiting) => self.wait(waiting, target, request, marks, now),
        }
    }

    /// Decides if a plain request leads a flight or waits for one.
    pub(super) fn wait(
        &self,
        waiting: Waiting,
        target: &TargetUri,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Decision {
        // Before the flights are locked: the kind of a request costs a look at every variant.
        let fetch = self.fetch(target, request);
        if self.negative.is_uncacheable(fetch.hashes, now) {
            // The request may have waited for another, and an entry became fresh meanwhile.
            return match self.fresh(target, request, marks, now) {
                Some(fresh) => Decision::Serve(fresh, Outcome::Hit),
                None => Decision::Lead(self.start_alone(fetch), waiting),
            };
        }

        match self.join(fetch, request, marks, now) {
            Ok(Joined::Lead(leader)) => Decision::Lead(leader, waiting),
            Ok(Joined::Follow(follower)) => Decision::Follow(follower, waiting),
            Err(fresh) => Decision::Serve(fresh, Outcome::Hit),
        }
    }

    /// Starts a refresh, unless one is running, a fetch for a request like this one has just
    /// failed, or another fetch has stored a fresh entry meanwhile.
    fn refresh(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Option<Leader> {
        // First: while an origin fails, each stale hit comes here.
        let (_, hashes) = self.identify(target, request);
        if self.negative.is_backing_off(hashes, now) {
            return None;
        }

        // A refresh is stored, so it asks for the whole response also if its client does not.
        let mut request = request.clone();
        ask_for_all(&mut request);
        let fetch = self.fetch(target, &request);
        match self.join(fetch, &request, marks, now) {
            Ok(Joined::Lead(leader)) => Some(leader),
            Ok(Joined::Follow(_)) | Err(_) => None,
        }
    }

    /// Joins a flight or starts one; `Err` is an entry that became fresh since the lookup.
    fn join(
        &self,
        fetch: Fetch,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Result<Joined, Arc<Entry>> {
        let (target, kind) = (fetch.target.clone(), fetch.kind.clone());
        let second_look = || self.fresh(&target, request, marks, now);
        let arrival = marks.published();
        let admits = |running: &Fetch| running.admits(&kind, now);
        self.flights
            .join(marks, fetch, arrival, admits, second_look)
    }
    /// Returns the entry for a request if it is fresh by now.
    fn fresh(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Option<Arc<Entry>> {
        match self.lookup(target.target_ref(), request, marks, now) {
            Lookup::Fresh(entry) => Some(entry),
            Lookup::Stale(..) | Lookup::Missing(_) => None,
        }
    }
}
