//! State that all requests in header mode share: the entries and the flights.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName};

use super::entry::Entry;
use super::fetch_number::FetchNumber;
use super::flight::{Fetch, FetchOutcome, Flights, Leader};
use super::kind::RequestKind;
use super::memory::Memory;
use super::negative_cache::{NegativeCache, RequestHashes};
use super::paths::{PathInUse, Paths};
use super::places::Places;
use super::target::TargetUri;
use crate::body::Room;
use crate::cache::Steps;
use crate::clock::Instant;
use crate::invalidation::Marks;

/// Entries and flights of all targets.
pub(crate) struct HeaderCache {
    pub(super) memory: Memory,
    pub(super) flights: Arc<Flights>,
    pub(super) negative: NegativeCache,
    pub(super) places: Places,
    /// Bounds the bodies that are being read.
    pub(super) room: Room,
    paths: Paths,
    /// Fields that target this cache by name, in order of precedence (RFC 9213, 2.2).
    pub(super) targets: Arc<[HeaderName]>,
}

impl HeaderCache {
    /// Makes room for `bytes` and `entries`, whichever ends first.
    pub(crate) fn new(bytes: u64, entries: u64, targets: &[HeaderName]) -> Arc<Self> {
        let memory = Memory::new(bytes, entries);
        let room = usize::try_from(bytes / 4).unwrap_or(usize::MAX);
        // Half of the room is kept for smaller bodies, and the largest must fit if it is alone.
        let room = room.max(3 * memory.largest_body());

        Arc::new(Self {
            memory,
            flights: Flights::new(),
            negative: NegativeCache::new(),
            places: Places::new(),
            room: Room::new(room),
            paths: Paths::default(),
            targets: targets.into(),
        })
    }

    /// Starts a flight for `request` alone, which no other request joins.
    pub(super) fn alone(&self, target: &TargetUri, request: &HeaderMap) -> Leader {
        self.start_alone(self.fetch(target, request))
    }

    /// Starts a flight that no other request joins.
    pub(super) fn start_alone(&self, fetch: Fetch) -> Leader {
        self.flights.start(fetch.for_one())
    }

    /// Returns a fetch that requests of the kind of `request` join.
    pub(super) fn fetch(&self, target: &TargetUri, request: &HeaderMap) -> Fetch {
        let (kind, hashes) = self.identify(target, request);
        Fetch::new(target.clone(), kind, hashes, self.hold(target))
    }

    /// Returns the kind of a request, and the hashes by which it is remembered.
    pub(super) fn identify(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
    ) -> (RequestKind, RequestHashes) {
        let kind = RequestKind::of(request, self.memory.vary_key(target, request));
        let hashes = self.negative.hashes(target, &kind, request);
        (kind, hashes)
    }

    /// Lets purges of a target's path know that a response of it is on its way.
    pub(super) fn hold(&self, target: &TargetUri) -> Arc<PathInUse> {
        self.paths.hold(target.shared_path())
    }

    /// Stores the response of `fetch` to `request`.
    pub(super) fn keep(
        &self,
        entry: Arc<Entry>,
        fetch: &Fetch,
        request: &HeaderMap,
    ) -> FetchOutcome {
        self.memory.put(&fetch.target, entry.clone(), request);
        self.negative.clear(fetch.hashes);
        FetchOutcome::Stored(entry)
    }

    /// Records that the response of `fetch` to `request` may not be stored. The entry that it would
    /// replace is dropped if it [gives up](Entry::gives_up), unless it began after `number`.
    pub(super) fn refused(
        &self,
        fetch: &Fetch,
        request: &HeaderMap,
        number: FetchNumber,
        now: Instant,
    ) -> FetchOutcome {
        self.memory.forget(&fetch.target, request, number, |entry| {
            entry.gives_up(fetch.hashes.like(), now)
        });
        let stored = self.memory.get(fetch.target.target_ref(), request);
        self.negative.refused(fetch.hashes, stored.is_some(), now);
        FetchOutcome::Refused
    }

    /// Records that `fetch` failed. The entries stay, and requests like the one that was fetched do
    /// not refresh them for a while; those of its kind do not for a second.
    pub(super) fn failed(&self, fetch: &Fetch, now: Instant) -> FetchOutcome {
        self.negative.failed(fetch.hashes, now);
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
}
