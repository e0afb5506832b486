//! State that all requests in header mode share: the entries and the flights.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName};

use super::entry::Entry;
use super::fetch_number::FetchNumber;
use super::flight::{Fetch, FetchOutcome, Flights, Leader};
use super::kind::RequestKind;
use super::memory::Memory;
use super::negative_cache::NegativeCache;
use super::paths::Paths;
use super::target::TargetUri;
use crate::cache::Steps;
use crate::clock::{self, Instant};
use crate::invalidation::Marks;

/// Entries and flights of all targets.
pub(crate) struct HeaderCache {
    pub(super) memory: Memory,
    pub(super) flights: Arc<Flights>,
    pub(super) negative: NegativeCache,
    paths: Paths,
    /// Fields that target this cache by name, in order of precedence (RFC 9213, 2.2).
    pub(super) targets: Arc<[HeaderName]>,
}

impl HeaderCache {
    /// Makes room for `bytes` and `entries`, whichever ends first.
    pub(crate) fn new(bytes: u64, entries: u64, targets: &[HeaderName]) -> Arc<Self> {
        Arc::new(Self {
            memory: Memory::new(bytes, entries),
            flights: Flights::new(),
            negative: NegativeCache::new(),
            paths: Paths::default(),
            targets: targets.into(),
        })
    }

    /// Starts a flight for one request alone, which no other request joins.
    pub(super) fn alone(&self, target: &TargetUri) -> Leader {
        self.flights.start(self.fetch(target, None))
    }

    /// Returns a fetch that requests of this kind join, if it has one.
    pub(super) fn fetch(&self, target: &TargetUri, kind: Option<RequestKind>) -> Fetch {
        Fetch {
            target: target.clone(),
            kind,
            started: clock::now(),
            in_use: self.paths.hold(target.shared_path()),
        }
    }

    /// Stores the response to `request`.
    pub(super) fn keep(
        &self,
        entry: Arc<Entry>,
        target: &TargetUri,
        request: &HeaderMap,
    ) -> FetchOutcome {
        self.memory.put(target, entry.clone(), request);
        self.negative.clear(target, &self.kind(target, request));
        FetchOutcome::Stored(entry)
    }

    /// Records that the response to `request` may not be stored, and drops the entry that it
    /// replaces, unless that began after `number`.
    pub(super) fn refused(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        number: FetchNumber,
        now: Instant,
    ) -> FetchOutcome {
        self.memory.forget(target, request, number);
        self.mark_uncacheable(target, request, now)
    }

    /// Records that the response to `request` may not be stored; the entries stay.
    pub(super) fn mark_uncacheable(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        now: Instant,
    ) -> FetchOutcome {
        self.negative
            .refused(target, &self.kind(target, request), now);
        FetchOutcome::Refused
    }

    /// Records that a fetch failed: the entries stay, and are not refreshed for a while.
    pub(super) fn failed(&self, target: &TargetUri, now: Instant) -> FetchOutcome {
        self.negative.failed(target, now);
        FetchOutcome::Failed
    }

    /// Drops the entries of a target, and keeps running fetches from storing new ones.
    pub(super) fn invalidate(&self, target: &TargetUri) {
        let targets = target.in_every_scheme().collect::<Vec<_>>();
        self.flights.outrun(&targets, || {
            targets.iter().for_each(|target| self.memory.remove(target));
        });
    }

    /// Returns whether a response is stored or being fetched under a canonical path.
    pub(crate) fn has_path(&self, path: &str) -> bool {
        self.paths.has(path)
    }

    /// Raises every valid entry above all marks published so far, so that old marks can be pruned.
    pub(crate) async fn raise_above_marks(&self, marks: &Marks) {
        let mut steps = Steps::default();
        for (_, variants) in self.memory.iter() {
            variants.iter().for_each(|entry| {
                entry.validity(marks);
            });
            steps.next().await;
        }
    }

    /// Returns the number of targets with entries.
    pub(crate) fn len(&self) -> usize {
        self.memory.len()
    }

    /// Returns the bytes that all entries take.
    pub(crate) fn bytes(&self) -> u64 {
        self.memory.bytes()
    }

    /// Returns the number of targets that are being fetched.
    pub(crate) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    pub(super) fn kind(&self, target: &TargetUri, request: &HeaderMap) -> RequestKind {
        RequestKind::of(request, self.memory.vary_key(target, request))
    }
}
