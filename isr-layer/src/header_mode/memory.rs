//! Memory of header mode: its entries, bounded apart from the pages', which they cannot evict.

use std::sync::Arc;

use http::header::HeaderMap;

use super::entry::Entry;
use super::fetch_number::FetchNumber;
use super::target::{TargetUri, TargetUriRef};
use super::vary::VaryKey;
use crate::cache::{Bounded, bounded};

/// Limits on the variants of one target, by number and by bytes: beyond them the oldest are
/// dropped.
const MAX_VARIANTS: usize = 32;
const MAX_VARIANTS_BYTES: usize = 16 * 1024 * 1024;
/// Largest body that is stored.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// Room for all parts of an entry except its body.
const HEADER_ALLOWANCE: usize = 4 * 1024;

/// Entries of one target, the newest first.
type Variants = Arc<[Arc<Entry>]>;

/// Entries by target.
pub(super) struct Memory {
    targets: Bounded<TargetUri, Variants>,
    /// Limit on one target with all its variants: a heavier one would be evicted at once.
    heaviest: usize,
}

impl Memory {
    /// Makes room for `bytes` and `entries`, whichever ends first.
    pub(super) fn new(bytes: u64, entries: u64) -> Self {
        let targets = bounded(bytes, entries, size);
        // The cache evicts by part, and leaves a twentieth of each for new values.
        let part = targets.shard_capacity();
        let heaviest = usize::try_from(part - part / 20)
            .map_or(MAX_VARIANTS_BYTES, |part| part.min(MAX_VARIANTS_BYTES));
        Self { targets, heaviest }
    }

    /// Returns the size of the largest body that fits.
    pub(super) fn largest_body(&self) -> usize {
        self.heaviest
            .saturating_sub(HEADER_ALLOWANCE)
            .min(MAX_BODY_BYTES)
    }

    /// Returns the entry for a request, however old. An entry without `Vary` may be the default of
    /// a resource that has variants, so entries with `Vary` go first (RFC 9111, 4.1).
    pub(super) fn get(
        &self,
        target_ref: TargetUriRef<'_>,
        request: &HeaderMap,
    ) -> Option<Arc<Entry>> {
        let variants = self.targets.get(&target_ref)?;
        let fits = |is_for_any| {
            let mut variants = variants.iter();
            variants.find(|entry| entry.is_for_any() == is_for_any && entry.may_serve(request))
        };
        fits(false).or_else(|| fits(true)).cloned()
    }

    /// Returns whether a target has entries.
    pub(super) fn has(&self, target_ref: TargetUriRef<'_>) -> bool {
        self.targets.contains_key(&target_ref)
    }

    /// Returns the fields of a request that the `Vary` of any entry names.
    pub(super) fn vary_key(&self, target: &TargetUri, request: &HeaderMap) -> VaryKey {
        let variants = self.targets.peek(target).unwrap_or_default();
        let mut names = variants
            .iter()
            .flat_map(|entry| entry.vary_names())
            .collect::<Vec<_>>();
        names.sort_unstable_by_key(|name| name.as_str());
        names.dedup();
        VaryKey::of(names.into_iter().cloned().collect(), request)
    }

    /// Stores the response to `request` in place of all entries that were selected for `request`,
    /// unless the flight of one of them started later.
    pub(super) fn put(&self, target: &TargetUri, entry: Arc<Entry>, request: &HeaderMap) {
        let variants = self.targets.peek(target).unwrap_or_default();
        if variants
            .iter()
            .any(|stored| stored.number > entry.number && stored.is_selected_by(request))
        {
            return;
        }

        // The newest come first, so it is the oldest that find no more room.
        let mut weight = target.size() + entry.size();
        let others = variants
            .iter()
            .filter(|stored| !stored.is_selected_by(request))
            .take_while(|stored| {
                weight += stored.size();
                weight <= self.heaviest
            });
        let others = others.take(MAX_VARIANTS - 1).cloned().collect::<Vec<_>>();

        self.targets.insert(
            target.clone(),
            std::iter::once(entry).chain(others).collect(),
        );
    }

    /// Drops the entries that may serve `request` and that `gives_up` says so of, except those
    /// whose flight started after `number`.
    pub(super) fn forget(
        &self,
        target: &TargetUri,
        request: &HeaderMap,
        number: FetchNumber,
        gives_up: impl Fn(&Entry) -> bool,
    ) {
        let Some(variants) = self.targets.peek(target) else {
            return;
        };
        let is_kept = |stored: &&Arc<Entry>| {
            stored.number > number || !stored.may_serve(request) || !gives_up(stored)
        };
        let kept = variants
            .iter()
            .filter(is_kept)
            .cloned()
            .collect::<Variants>();

        if kept.is_empty() {
            self.targets.remove(target);
        } else if kept.len() < variants.len() {
            self.targets.insert(target.clone(), kept);
        }
    }

    /// Drops all entries of a target.
    pub(super) fn remove(&self, target: &TargetUri) {
        self.targets.remove(target);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TargetUri, Variants)> {
        self.targets.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.targets.weight()
    }
}

fn size(target: &TargetUri, variants: &Variants) -> usize {
    target.size() + variants.iter().map(|entry| entry.size()).sum::<usize>()
}
