//! Searches the renders of a call: every cached page that its targets reach, and every render in
//! progress. One walk in steps does for all targets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::call::{Call, Ended};
use super::targets::{TargetId, Targets};
use crate::cache::core::Core;
use crate::cache::page_flight::{Follower, InProgress, RenderOutcome};
use crate::cache::steps::Steps;
use crate::entry::Entry;
use crate::invalidation::Sequence;
use crate::render::Key;

/// Everything that the search for one call found.
#[derive(Default)]
pub(super) struct Found {
    /// The pages that targets of many pages reach, each once.
    pub(super) pages: Pages,
    pub(super) pending: Vec<PendingMatch>,
    /// The entries and the renders in progress at the paths that may have several.
    pub(super) paths: HashMap<String, AtPath>,
}

/// The pages that a call reaches, in parts of one size: one list of all of them would be copied
/// whole whenever it grows.
#[derive(Default)]
pub(super) struct Pages {
    parts: Vec<Vec<Reached>>,
    len: usize,
}

/// A page that is reached.
pub(super) struct Reached {
    pub(super) key: Key,
    /// The use that is made of the page. One that is rendered for the first time has no uses.
    pub(super) uses: u64,
    pub(super) targets: Arc<[TargetId]>,
}

/// A running render that may still add a purged tag. Only its end shows whether the purge must
/// render the page again.
pub(super) struct PendingMatch {
    /// The targets that reach the page whatever tags it adds.
    pub(super) certain: Arc<[TargetId]>,
    follower: Follower,
}

/// The variants of one path.
#[derive(Default)]
pub(super) struct AtPath {
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) running: Vec<Key>,
}

/// A search on its way.
struct Search<'a> {
    targets: &'a Targets,
    call: &'a Call,
    number: Sequence,
    found: Found,
    /// The pages that are being rendered and the targets that reach them: those of the renders, and
    /// those of the entry in memory.
    running: HashMap<Key, (Vec<TargetId>, u64)>,
    followers: Vec<(Key, Follower)>,
    reached: Vec<TargetId>,
    /// The targets of the page before. Most pages have the same as their neighbours.
    last: Arc<[TargetId]>,
}

impl Core {
    /// Searches the renders in progress and memory for everything that `targets` reach.
    ///
    /// Flights are looked at before memory: a render that completes between the two is seen twice
    /// rather than missed. Pages that were rendered since purge `number` are counted at once.
    pub(super) async fn search(&self, targets: &Targets, call: &Call, number: Sequence) -> Found {
        let mut search = Search::new(targets, call, number);
        let mut steps = Steps::default();
        for flight in self.pages.flights.in_progress() {
            search.see_render(&flight);
            steps.next().await;
        }

        if targets.may_be_stored() {
            for entry in self.pages.memory.iter() {
                search.see_entry(entry);
                steps.next().await;
            }
        }
        search.end()
    }
}

impl<'a> Search<'a> {
    fn new(targets: &'a Targets, call: &'a Call, number: Sequence) -> Self {
        Self {
            targets,
            call,
            number,
            found: Found::default(),
            running: HashMap::new(),
            followers: Vec::new(),
            reached: Vec::new(),
            last: Arc::default(),
        }
    }

    fn see_render(&mut self, flight: &InProgress) {
        let (key, tags) = (&flight.work().recipe.key, &flight.work().tags);
        if self.targets.has_path(key.path()) {
            let at_path = self.found.paths.entry(key.path().to_owned());
            at_path.or_default().running.push(key.clone());
        }

        self.targets.reach(key, tags, &mut self.reached);
        let (certain, _) = self.running.entry(key.clone()).or_default();
        certain.extend_from_slice(&self.reached);
        if self.targets.has_tags() {
            self.followers.push((key.clone(), flight.follow()));
        }
    }

    fn see_entry(&mut self, entry: Arc<Entry>) {
        let (key, tags) = (&entry.key, entry.tags().as_slice());
        self.targets.reach(key, tags, &mut self.reached);

        if !self.reached.is_empty() {
            let running = match self.running.is_empty() {
                true => None,
                false => self.running.get_mut(key),
            };
            if let Some((certain, uses)) = running {
                certain.extend_from_slice(&self.reached);
                *uses = entry.uses();
            } else if entry.as_of() >= self.number {
                self.call.count(&self.reached, Ended::of(&entry));
            } else {
                let page = self.reached(key.clone(), entry.uses());
                self.found.pages.push(page);
            }
        }

        if self.targets.has_path(entry.key.path()) {
            let at_path = self.found.paths.entry(entry.key.path().to_owned());
            at_path.or_default().entries.push(entry);
        }
    }

    fn reached(&mut self, key: Key, uses: u64) -> Reached {
        if *self.last != *self.reached {
            self.last = self.reached.as_slice().into();
        }
        let targets = self.last.clone();
        Reached { key, uses, targets }
    }

    fn end(mut self) -> Found {
        let mut certain = HashMap::with_capacity(self.running.len());
        for (key, (mut targets, uses)) in std::mem::take(&mut self.running) {
            targets.sort_unstable();
            targets.dedup();
            let targets = Arc::<[TargetId]>::from(targets);
            certain.insert(key.clone(), targets.clone());
            if !targets.is_empty() {
                self.found.pages.push(Reached { key, uses, targets });
            }
        }

        for (key, follower) in self.followers {
            let certain = certain.get(&key).cloned().unwrap_or_default();
            if self.targets.tag_ids().any(|id| !certain.contains(&id)) {
                let pending = PendingMatch { certain, follower };
                self.found.pending.push(pending);
            }
        }
        self.found
    }
}

impl Pages {
    fn push(&mut self, page: Reached) {
        const PART: usize = 1024;
        match self.parts.last_mut() {
            Some(part) if part.len() < PART => part.push(page),
            _ => {
                let mut part = Vec::with_capacity(PART);
                part.push(page);
                self.parts.push(part);
            }
        }
        self.len += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Iterates over the pages, and gives back the memory of each part on the way.
    pub(super) fn drain(self) -> impl Iterator<Item = Reached> {
        self.parts.into_iter().flatten()
    }
}

impl AtPath {
    /// Returns the keys of all variants, each once and the most used first.
    pub(super) async fn keys(&self) -> Vec<Key> {
        let mut steps = Steps::default();
        let mut by_uses = BTreeMap::new();
        let mut seen = HashSet::new();
        for (at, entry) in self.entries.iter().enumerate() {
            seen.insert(&entry.key);
            by_uses.insert((Reverse(entry.uses()), at), &entry.key);
            steps.next().await;
        }

        let running = self.running.iter().filter(|key| seen.insert(key));
        let running = running.collect::<Vec<_>>();
        let mut keys = Vec::with_capacity(by_uses.len() + running.len());
        for key in by_uses.into_values().chain(running) {
            keys.push(key.clone());
            steps.next().await;
        }
        keys
    }
}

impl PendingMatch {
    /// Waits for the render to end, and returns the entry it stored or loaded.
    pub(super) async fn stored(self) -> Option<Arc<Entry>> {
        let flight = self.follower.completed().await?;
        match &flight.outcome {
            RenderOutcome::Stored(entry, _) | RenderOutcome::Loaded(Some(entry)) => {
                Some(entry.clone())
            }
            _ => None,
        }
    }
}
