//! Renders the variants of one path.

use std::sync::Arc;

use super::report::{Progress, Variant};
use crate::cache::core::Core;
use crate::cache::page_flight::Start;
use crate::cache::steps::Steps;
use crate::invalidation::Sequence;
use crate::page::RegisteredPage;
use crate::render::{Key, Recipe};
use crate::rules::{Rule, holds};
use crate::spawn::Unread;

impl Core {
    /// Returns the keys at a path without variants that are cached or being rendered.
    pub(super) fn keys_of(&self, page: &RegisteredPage, path: &str) -> Vec<Key> {
        let mut keys = Key::bare(page, path);
        // Flights first: a render that completes between the two looks is in memory.
        keys.retain(|key| {
            self.pages.flights.is_in_progress(key) || self.pages.memory.get_key(key).is_some()
        });
        keys
    }

    /// Renders the variants of one path, in the order of `keys`. Clients choose how many there are.
    /// A path without any gets its bare path rendered, for each listed host.
    pub(super) async fn render_path(
        self: &Arc<Self>,
        page: &Arc<RegisteredPage>,
        path: &str,
        mut keys: Vec<Key>,
        only_cached: bool,
        number: Sequence,
    ) -> Progress {
        if keys.is_empty() && (!only_cached || self.shelf.is_some()) {
            keys = Key::bare(page, path);
            if keys.is_empty() {
                // The variants of a gRPC method are its messages. Without an entry there is nothing
                // to render, and nothing that could be old.
                return Progress::None;
            }
        }

        let mut steps = Steps::default();
        let (mut variants, mut jobs) = (Vec::new(), Vec::new());
        for key in keys {
            let before = self.pages.memory.get_key(&key);
            let recipe = Recipe::of(page.clone(), key);
            let before = match before {
                Some(before) => Ok(Some(before)),
                None => self.kept(&recipe).await,
            };
            // A store that could not be asked may have a page.
            let is_known = before.as_ref().map_or(true, Option::is_some);
            let before = before.unwrap_or_default();
            if before.is_some() || !only_cached {
                let start = Start {
                    asks_store: !holds(Rule::OnDemand),
                    is_known,
                };
                variants.push(Variant::new(recipe.host(), before));
                jobs.push((jobs.len(), recipe, start));
            }
            steps.next().await;
        }

        let core = self.clone();
        let results = self.run(jobs, Unread::Continue, move |(at, recipe, start)| {
            let core = core.clone();
            async move { (at, core.render(&recipe, number, start).await) }
        });
        Progress::Path(variants, results)
    }
}
