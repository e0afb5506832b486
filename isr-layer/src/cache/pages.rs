//! The state of all pages of one layer: the entries, the renders in progress, and the keys that are
//! left alone for a while.

use std::sync::Arc;

use super::failure::Failure;
use super::memory::Memory;
use super::negative_cache::NegativeCache;
use super::new_key_limiter::NewKeyLimiter;
use super::page_flight::{Flights, PageRender};
use super::param_lists::ParamLists;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::render::{Key, Recipe};

/// The state of all pages of one layer.
pub(crate) struct Pages {
    pub(crate) memory: Memory,
    pub(crate) flights: Arc<Flights>,
    pub(crate) negative: NegativeCache<Key, Arc<Failure>>,
    pub(crate) lists: ParamLists,
    new_keys: NewKeyLimiter,
}

/// The end of an attempt to put an entry into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InMemory {
    /// It is there, or a newer one is.
    Kept,
    /// Memory has no room for it.
    TooLarge,
    /// The page's `params` no longer list its path.
    Unlisted,
}

impl Pages {
    pub(super) fn new(memory: Memory, lists: ParamLists, new_keys: NewKeyLimiter) -> Self {
        Self {
            memory,
            flights: Flights::new(),
            negative: NegativeCache::new(),
            lists,
            new_keys,
        }
    }

    /// Puts a rendered entry into memory, unless its path is no longer listed or a newer render has
    /// completed. Called while no other flight completes.
    pub(super) fn keep(
        &self,
        recipe: &Recipe,
        entry: &Arc<Entry>,
        before: Option<&Entry>,
        is_outrun: bool,
    ) -> InMemory {
        if self.lists.exclude(recipe) {
            return InMemory::Unlisted;
        }
        if is_outrun {
            return InMemory::Kept;
        }

        if let Some(before) = before {
            entry.inherit(before);
        }
        let is_kept = self.memory.put(entry);
        self.negative.clear(&entry.key, entry.as_of());
        match is_kept {
            true => InMemory::Kept,
            false => InMemory::TooLarge,
        }
    }

    /// True if a response must not be stored, since its key is new and its page is over its rate
    /// limit. Paths listed by `params` and pages with a single key do not count as new, nor does
    /// anything that the application itself asked for.
    pub(super) fn is_over_limit(&self, render: &PageRender, now: Instant) -> bool {
        let PageRender { recipe, .. } = render;
        let page = &recipe.page;
        let is_listed = || !page.is_open() && self.lists.include(recipe);
        let is_new = page.has_many_keys()
            && !render.is_known()
            && render.is_for_client()
            && self.memory.get_key(&recipe.key).is_none()
            && !is_listed();
        is_new && !self.new_keys.admit(page.id, &recipe.key, now)
    }
}
