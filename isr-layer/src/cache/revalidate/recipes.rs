//! Finds the renders of a regeneration: every cached variant, the most used first, and every render
//! in progress.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::target::SelectorTarget;
use crate::cache::core::Core;
use crate::cache::page_flight::{Follower, PageRender, RenderOutcome};
use crate::entry::Entry;
use crate::render::{Key, Recipe};

/// The renders of one regeneration.
#[derive(Default)]
pub(super) struct Renders {
    pub(super) recipes: Vec<Recipe>,
    /// Renders in progress that may yet add the purged tag.
    pub(super) pending: Vec<PendingMatch>,
}

/// A running render that may still add the purged tag. Only its end shows whether the purge must
/// render the page again.
pub(super) struct PendingMatch {
    pub(super) recipe: Recipe,
    follower: Follower,
}

/// The entries of paths that have several, by path.
type Variants = HashMap<String, Vec<Arc<Entry>>>;

impl Core {
    /// Finds the renders of each target. A path without any gets its bare path rendered, for each
    /// listed host.
    ///
    /// Flights are searched before memory: a render that completes between the two is seen twice
    /// rather than missed.
    pub(super) fn renders(&self, targets: &[&SelectorTarget]) -> Vec<Renders> {
        let running = targets.iter().map(|target| self.running(target));
        let running = running.collect::<Vec<_>>();
        let variants = self.variants(targets);
        let renders = targets.iter().zip(running);
        let renders = renders.map(|(target, running)| {
            let cached = self.cached(target, &variants);
            renders_of(target, cached, running)
        });
        renders.collect()
    }

    /// Finds the renders in progress: those that are certainly reached, and those that may be.
    fn running(&self, target: &SelectorTarget) -> Renders {
        let tag = match target {
            SelectorTarget::Tag(tag) => Some(self.marks.tag(tag)),
            _ => None,
        };
        let has_tag = |render: &PageRender| match &tag {
            Some(Some(tag)) => render.tags.iter().any(|one| Arc::ptr_eq(one, tag)),
            Some(None) => false,
            None => true,
        };

        let mut renders = Renders::default();
        self.pages.flights.for_each(|render, follow| {
            if !target.may_reach(&render.recipe.key) {
                return;
            }
            let recipe = recipe(render);
            if has_tag(render) {
                renders.recipes.push(recipe);
            } else {
                let follower = follow();
                renders.pending.push(PendingMatch { recipe, follower });
            }
        });
        renders
    }

    /// Finds the entries of those paths that may have several, by one search through memory.
    fn variants(&self, targets: &[&SelectorTarget]) -> Variants {
        let paths = targets.iter().filter_map(|one| one.path_with_variants());
        let mut variants = paths
            .map(|path| (path.to_owned(), Vec::new()))
            .collect::<Variants>();
        if variants.is_empty() {
            return variants;
        }

        for entry in self.pages.memory.iter() {
            if let Some(of_path) = variants.get_mut(entry.key.path()) {
                of_path.push(entry);
            }
        }
        variants
    }

    fn cached(&self, target: &SelectorTarget, variants: &Variants) -> Vec<Recipe> {
        let memory = &self.pages.memory;
        let mut entries = match target {
            SelectorTarget::Path { path, .. } if target.path_with_variants().is_some() => {
                variants.get(path).cloned().unwrap_or_default()
            }
            // Without variants a path has one key for each host; everything else needs a search.
            SelectorTarget::Path { page, path } => {
                let keys = Key::bare(page, path);
                keys.iter().filter_map(|key| memory.get_key(key)).collect()
            }
            _ => {
                let is_reached = |entry: &Arc<Entry>| target.reaches(entry, &self.marks);
                memory.iter().filter(is_reached).collect()
            }
        };

        entries.sort_by_cached_key(|entry| Reverse(entry.uses()));
        let recipe = |entry: &Arc<Entry>| {
            let page = self.registry.by_id(entry.key.page())?;
            Some(Recipe::of(page.clone(), entry.key.clone()))
        };
        entries.iter().filter_map(recipe).collect()
    }
}

/// Puts together the renders of one target, each key once.
fn renders_of(target: &SelectorTarget, cached: Vec<Recipe>, running: Renders) -> Renders {
    let mut seen = HashSet::new();
    let recipes = cached.into_iter().chain(running.recipes);
    let mut renders = Renders {
        recipes: recipes.filter(|one| seen.insert(one.key.clone())).collect(),
        pending: running.pending,
    };
    renders
        .pending
        .retain(|pending| !seen.contains(&pending.recipe.key));

    if let SelectorTarget::Path { page, path } = target
        && renders.recipes.is_empty()
    {
        let bare = Key::bare(page, path).into_iter();
        let bare = bare.map(|key| Recipe::of(page.clone(), key));
        renders.recipes.extend(bare);
    }
    renders
}

/// Returns the recipe of a running render, without the part that belongs to its client's
/// connection.
fn recipe(render: &PageRender) -> Recipe {
    Recipe::of(render.recipe.page.clone(), render.recipe.key.clone())
}

impl PendingMatch {
    /// Waits for the render to end, and returns the entry it stored.
    pub(super) async fn stored(self) -> Option<Arc<Entry>> {
        let flight = self.follower.completed().await?;
        match &flight.outcome {
            RenderOutcome::Stored(entry) => Some(entry.clone()),
            _ => None,
        }
    }
}
