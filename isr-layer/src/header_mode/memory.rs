//! The stored answers of header mode, with a share of memory of their own: no flood of theirs evicts a page.

use std::sync::Arc;

use http::header::HeaderMap;

use super::entry::Entry;
use super::target::{TargetUri, TargetUriRef};
use super::vary::VaryKey;
use crate::cache::{Bounded, bounded};

/// How many variants one target may have, and what they may weigh together; beyond that the oldest go.
const MOST_VARIANTS: usize = 32;
const HEAVIEST_VARIANTS: usize = 16 * 1024 * 1024;
/// The largest body that is kept.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// Room that an answer is left for all but its body.
const HEADER_ALLOWANCE: usize = 4 * 1024;

/// The variants of one target, the newest first.
type Variants = Arc<[Arc<Entry>]>;

/// The stored answers.
pub(super) struct Memory {
    targets: Bounded<TargetUri, Variants>,
    /// What a target may weigh with all its variants: what weighs more than its part of the cache is gone at once.
    heaviest: usize,
}

impl Memory {
    /// Room for `bytes` and `entries`, whichever ends first.
    pub(super) fn new(bytes: u64, entries: u64) -> Self {
        let targets = bounded(bytes, entries, size);
        // A twentieth of each part is left for what is new.
        let part = targets.shard_capacity();
        let heaviest = usize::try_from(part - part / 20)
            .map_or(HEAVIEST_VARIANTS, |part| part.min(HEAVIEST_VARIANTS));
        Self { targets, heaviest }
    }

    /// The largest body there is room for.
    pub(super) fn largest_body(&self) -> usize {
        self.heaviest
            .saturating_sub(HEADER_ALLOWANCE)
            .min(LARGEST_BODY)
    }

    /// The answer stored for a request, whatever its age. One without `Vary` may be the default of a resource that has
    /// others, so those that have one go first (RFC 9111, 4.1).
    pub(super) fn get(
        &self,
        target_ref: TargetUriRef<'_>,
        request: &HeaderMap,
    ) -> Option<Arc<Entry>> {
        let variants = self.targets.get(&target_ref)?;
        let fits = |entry: &&Arc<Entry>| entry.may_serve(request);
        let varying = variants
            .iter()
            .filter(|entry| !entry.is_for_any())
            .find(fits);
        varying.or_else(|| variants.iter().find(fits)).cloned()
    }

    /// Whether anything is stored for a target.
    pub(super) fn has(&self, target_ref: TargetUriRef<'_>) -> bool {
        self.targets.contains_key(&target_ref)
    }

    /// Whether two requests may get one answer, as far as the `Vary` of what is stored tells.
    pub(super) fn may_share(&self, target: &TargetUri, one: &HeaderMap, other: &HeaderMap) -> bool {
        let known = self.targets.peek(target).unwrap_or_default();
        known.iter().all(|entry| entry.is_same_for(one, other))
    }

    /// What a request has in every field that the `Vary` of what is stored names.
    pub(super) fn vary_key(&self, target: &TargetUri, request: &HeaderMap) -> VaryKey {
        let known = self.targets.peek(target).unwrap_or_default();
        let mut names = known
            .iter()
            .flat_map(|entry| entry.vary_names())
            .collect::<Vec<_>>();
        names.sort_unstable_by_key(|name| name.as_str());
        names.dedup();
        VaryKey::of(names.into_iter().cloned().collect(), request)
    }

    /// Stores an answer to `request`, in place of those it would have been answered with before; not if one of them began
    /// later.
    pub(super) fn put(&self, target: &TargetUri, entry: Arc<Entry>, request: &HeaderMap) {
        let known = self.targets.get(target).unwrap_or_default();
        if known
            .iter()
            .any(|known| known.number > entry.number && known.is_selected_by(request))
        {
            return;
        }
        let mut weight = target.size() + entry.size();
        let others = known
            .iter()
            .filter(|known| !known.is_selected_by(request))
            .take_while(|known| {
                weight += known.size();
                weight <= self.heaviest
            });
        let others = others.take(MOST_VARIANTS - 1).cloned().collect::<Vec<_>>();
        self.targets.insert(
            target.clone(),
            std::iter::once(entry).chain(others).collect(),
        );
    }

    /// Forgets what a request would be answered with, unless it began after `number`.
    pub(super) fn forget(&self, target: &TargetUri, request: &HeaderMap, number: u64) {
        let Some(known) = self.targets.get(target) else {
            return;
        };
        let is_kept = |known: &&Arc<Entry>| known.number > number || !known.may_serve(request);
        let kept = known.iter().filter(is_kept).cloned().collect::<Variants>();
        if kept.is_empty() {
            self.targets.remove(target);
        } else if kept.len() < known.len() {
            self.targets.insert(target.clone(), kept);
        }
    }

    /// Forgets every variant of a target.
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
