//! What all requests in header mode share: the stored answers and the fetches in progress.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use quick_cache::sync::Cache;

use super::entry::Entry;
use super::flight::{FetchOutcome, Flights, Joined, Leader};
use super::freshness::Freshness;
use super::memory::Memory;
use super::target::{TargetUri, TargetUriRef};
use crate::clock::Instant;
use crate::invalidation::Marks;
use crate::outcome::Forward;

/// How many targets are remembered for what became of them.
const REMEMBERED: usize = 16 * 1024;
/// How long requests for what was not to be stored do not wait for each other.
const UNCACHEABLE_FOR: Duration = Duration::from_secs(120);
/// How long a stale answer is served without a further refresh after one has failed.
const REFRESH_BACKOFF: Duration = Duration::from_secs(5);

/// The stored answers and the fetches in progress.
pub(crate) struct HeaderCache {
    pub(super) memory: Memory,
    flights: Arc<Flights>,
    /// The fields in which an answer speaks to this cache by name (RFC 9213, 2.2).
    pub(super) targets: Arc<[HeaderName]>,
    hasher: RandomState,
    /// Targets by their hash, until when: two that share one lose nothing but some sharing. Those who say who they are have
    /// theirs apart, and so has whoever differs in what is known of `Vary`, since what may not be stored for them often may
    /// for others.
    uncacheable: Cache<u64, Instant>,
    backing_off: Cache<u64, Instant>,
}

/// What is there for a request.
pub(super) enum Found {
    /// Serve it.
    Fresh(Arc<Entry>),
    /// Serve it, and refresh it.
    WhileRevalidate(Arc<Entry>),
    /// It has to be fetched.
    Nothing(Missing),
}

/// Why a request has to be fetched, and what there is should that fail.
pub(super) struct Missing {
    pub(super) forward: Forward,
    pub(super) stored: Option<Arc<Entry>>,
}

impl HeaderCache {
    /// Room for `bytes` and `entries`, whichever ends first.
    pub(crate) fn new(bytes: u64, entries: u64, targets: &[HeaderName]) -> Arc<Self> {
        Arc::new(Self {
            memory: Memory::new(bytes, entries),
            flights: Flights::new(),
            targets: targets.into(),
            hasher: RandomState::new(),
            uncacheable: Cache::new(REMEMBERED),
            backing_off: Cache::new(REMEMBERED),
        })
    }

    /// What is there for a request.
    pub(super) fn look(
        &self,
        target_ref: TargetUriRef<'_>,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Found {
        let Some(stored) = self.memory.get(target_ref, request) else {
            let forward = if self.memory.has(target_ref) {
                Forward::VaryMiss
            } else {
                Forward::UriMiss
            };
            return Found::Nothing(Missing {
                forward,
                stored: None,
            });
        };
        match stored.freshness(marks, now) {
            Freshness::Fresh => Found::Fresh(stored),
            Freshness::WhileRevalidate => Found::WhileRevalidate(stored),
            Freshness::MustFetch => Found::Nothing(Missing {
                forward: Forward::Stale,
                stored: Some(stored),
            }),
        }
    }

    /// Joins a flight, or starts one; an entry is returned if one has become fresh just now.
    pub(super) fn join(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Result<Joined, Arc<Entry>> {
        // Looked up once at most, and not before the flights are locked.
        let is_shared =
            LazyCell::new(|| !is_in(&self.uncacheable, self.kind(target, request), now));
        let may_share =
            |leader: &HeaderMap| *is_shared && self.memory.may_share(target, leader, request);
        let second_look = || match self.look(target.target_ref(), request, marks, now) {
            Found::Fresh(entry) => Some(entry),
            Found::WhileRevalidate(_) | Found::Nothing(_) => None,
        };
        self.flights
            .join(marks, target, request, may_share, second_look)
    }

    /// Starts a flight that no other request joins.
    pub(super) fn alone(&self, target: &TargetUri, marks: &Marks) -> Leader {
        self.flights.start(marks, target)
    }

    /// Starts a refresh, unless one is running, one has just failed, or it is not needed any more.
    pub(super) fn refresh(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        marks: &Marks,
        now: Instant,
    ) -> Option<Leader> {
        if is_in(&self.backing_off, self.hash(target), now) {
            return None;
        }
        match self.join(target, request, marks, now) {
            Ok(Joined::Lead(leader)) => Some(leader),
            Ok(Joined::Follow(_)) | Err(_) => None,
        }
    }

    /// Keeps an answer to `request`.
    pub(super) fn keep(
        &self,
        stored: Arc<Entry>,
        target: &TargetUri,
        request: &HeaderMap,
    ) -> FetchOutcome {
        self.memory.put(target, stored.clone(), request);
        self.uncacheable.remove(&self.kind(target, request));
        self.backing_off.remove(&self.hash(target));
        FetchOutcome::Stored(stored)
    }

    /// Notes that an answer to `request` is not to be kept, nor what was kept for it before.
    pub(super) fn refuse(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        number: u64,
        now: Instant,
    ) -> FetchOutcome {
        self.memory.forget(target, request, number);
        self.decline(target, request, now)
    }

    /// Notes that an answer to `request` is not to be kept; what is kept stays.
    pub(super) fn decline(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        now: Instant,
    ) -> FetchOutcome {
        self.uncacheable
            .insert(self.kind(target, request), now + UNCACHEABLE_FOR);
        FetchOutcome::Refused
    }

    /// Notes that a fetch failed: what is kept stays, and is not refreshed for a while.
    pub(super) fn fail(&self, target: &TargetUri, now: Instant) -> FetchOutcome {
        self.backing_off
            .insert(self.hash(target), now + REFRESH_BACKOFF);
        FetchOutcome::Failed
    }

    /// Forgets a target, and what is on its way to it.
    pub(super) fn invalidate(&self, target: &TargetUri) {
        let targets = target.in_every_scheme().collect::<Vec<_>>();
        self.flights.outrun(&targets, || {
            targets.iter().for_each(|target| self.memory.remove(target));
        });
    }

    /// The canonical paths at which anything is stored or being fetched. What is being fetched is looked at first: what
    /// lands between the two looks is seen twice, and not missed.
    pub(crate) fn paths(&self) -> HashSet<Arc<str>> {
        let mut paths = self.flights.paths();
        paths.extend(self.memory.iter().map(|(target, _)| target.path_kept()));
        paths
    }

    /// Looks at the marks of all that is stored, so that old marks can be forgotten. Every thousand of them it gives way.
    pub(crate) async fn look_at_marks(&self, marks: &Marks) {
        for (at, (_, variants)) in self.memory.iter().enumerate() {
            variants.iter().for_each(|stored| {
                stored.validity(marks);
            });
            if at % 1024 == 1023 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// How many targets are stored.
    pub(crate) fn len(&self) -> usize {
        self.memory.len()
    }

    /// Bytes that the stored answers take.
    pub(crate) fn bytes(&self) -> u64 {
        self.memory.bytes()
    }

    /// How many targets are being fetched.
    pub(crate) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    fn hash(&self, target: &TargetUri) -> u64 {
        self.hasher.hash_one(target)
    }

    /// Of which kind of requests for a target this one is.
    fn kind(&self, target: &TargetUri, request: &HeaderMap) -> u64 {
        let vary_key = self.memory.vary_key(target, request);
        self.hasher
            .hash_one((target, request.contains_key(AUTHORIZATION), vary_key))
    }
}

fn is_in(table: &Cache<u64, Instant>, hash: u64, now: Instant) -> bool {
    table.get(&hash).is_some_and(|until| now < until)
}
