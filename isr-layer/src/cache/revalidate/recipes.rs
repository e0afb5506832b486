//! Renders recipes without a client, as many at once as the permits allow.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::job_result::JobResult;
use crate::cache::core::Core;
use crate::cache::page_flight::{Joined, RenderOutcome, Start};
use crate::cache::permits::Purpose;
use crate::clock;
use crate::entry::Entry;
use crate::invalidation::Sequence;
use crate::render::Recipe;
use crate::spawn::Unread;

impl Core {
    /// Renders the recipes in their order, at most as many at once as the permits allow. A recipe
    /// is left out if `is_needed` says so when its turn comes, and a page that the store has fresh
    /// is not rendered. Begins no more once the results are dropped.
    pub(crate) fn render_all(
        self: &Arc<Self>,
        recipes: Vec<Recipe>,
        number: Sequence,
        is_needed: fn(&Self, &Recipe) -> bool,
    ) -> UnboundedReceiver<(Recipe, JobResult)> {
        let core = self.clone();
        let start = Start {
            asks_store: self.shelf.is_some(),
            is_known: false,
        };

        self.run(recipes, Unread::Stop, move |recipe| {
            let core = core.clone();
            async move {
                let result = match is_needed(&core, &recipe) {
                    true => core.render(&recipe, number, start).await,
                    false => {
                        // There may be many of these in a row.
                        tokio::task::yield_now().await;
                        JobResult::NotReached
                    }
                };
                (recipe, result)
            }
        })
    }

    /// Does the work of each job, at most as many at once as the permits allow.
    pub(super) fn run<T, R, F>(
        &self,
        jobs: Vec<T>,
        unread: Unread,
        work: impl Fn(T) -> F + Clone + Send + 'static,
    ) -> UnboundedReceiver<R>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = R> + Send,
    {
        let limit = self.config.renders.at_once;
        self.tasks.run_bounded(jobs, limit, unread, work)
    }

    /// Renders a recipe without a client, or waits for a render that knows all purges up to
    /// `number`.
    pub(super) async fn render(
        self: &Arc<Self>,
        recipe: &Recipe,
        number: Sequence,
        mut start: Start,
    ) -> JobResult {
        let application = self.application();
        let Some(application) = application.filter(|_| !recipe.page.is_inner()) else {
            return JobResult::NoApplication;
        };
        // A later purge may have had the page rendered already.
        let is_new =
            |entry: &Entry| entry.as_of() >= number && entry.is_fresh(&self.marks, clock::now());

        // The second flight begins after the first was found too old; the third look is for one
        // that was abandoned. Flights of others may load first.
        let (mut looks, mut loads) = (3, 2);
        while looks > 0 {
            let completed = match self.join(recipe, number, start, is_new) {
                Err(entry) => {
                    // There may be many of these in a row.
                    tokio::task::yield_now().await;
                    return JobResult::Stored(entry);
                }
                // No client waits here: the flight keeps waiting for its permit.
                Ok(Joined::Follow(follower)) => follower.completed().await,
                Ok(Joined::Lead(leader)) => {
                    leader.work().set_asked_for();
                    let follower = leader.follow(number);
                    application.start(leader, Purpose::OnDemand);
                    follower.completed().await
                }
            };
            // Asked once: a store that is larger than memory would else put the render off for
            // ever.
            start.asks_store = false;

            let Some(flight) = completed else {
                looks -= 1;
                continue;
            };
            if let RenderOutcome::Loaded(Some(entry)) = &flight.outcome {
                if is_new(entry) {
                    return JobResult::Loaded(entry.clone());
                }
                // Memory may drop it before the render ends.
                start.is_known = true;
            }
            match &flight.outcome {
                RenderOutcome::Loaded(_) | RenderOutcome::NotLoaded if loads > 0 => loads -= 1,
                // Only clients asked for that render: the next one is ours.
                RenderOutcome::Loaded(_)
                | RenderOutcome::NotLoaded
                | RenderOutcome::OverLimit(_) => looks -= 1,
                _ => return JobResult::Completed(flight),
            }
        }

        JobResult::GaveUp
    }
}
