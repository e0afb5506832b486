//! Revalidation: mark everything under one number, render what was asked for, and tell truthfully what happened.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::plan::{RenderPlan, ResolvedSelector, SelectorTarget};
use super::progress::{Counts, Job, JobResult, Progress};
use crate::cache::core::Core;
use crate::cache::flight::Joined;
use crate::cache::permits::Purpose;
use crate::clock;
use crate::invalidation::{Purge, Receipt, SelectorReceipt};
use crate::observe;
use crate::render::Recipe;

/// How long a call waits for its renders; what takes longer goes on, and its receipt says `running`.
const MAX_RECEIPT_WAIT: Duration = Duration::from_secs(2);

/// How long a call waits for renders in progress of which only their end tells whether they were named.
const MAX_PENDING_WAIT: Duration = Duration::from_millis(250);

impl Core {
    /// Marks what `purge` names, all under one number, and renders what it asks for.
    pub(crate) async fn revalidate(self: &Arc<Self>, purge: &Purge) -> Receipt {
        let resolved = self.select(&purge.items);
        if purge.dry_run {
            return Receipt::of_dry_run(
                resolved
                    .into_iter()
                    .map(|resolved| resolved.receipt)
                    .collect(),
            );
        }
        let targets = resolved
            .iter()
            .filter_map(ResolvedSelector::target)
            .collect::<Vec<_>>();
        if targets.is_empty() {
            return Receipt::new(
                None,
                resolved
                    .into_iter()
                    .map(|resolved| resolved.receipt)
                    .collect(),
            );
        }
        self.prune_marks().await;
        let number = self.marks.purge(&targets);
        observe::purged(number, targets.len());
        self.settle(purge);
        let deadline = clock::now() + MAX_RECEIPT_WAIT;
        let rendered = resolved
            .iter()
            .filter_map(ResolvedSelector::rendered)
            .collect::<Vec<_>>();
        let mut plans = self.plans(&rendered).into_iter();
        let start = |resolved: ResolvedSelector| {
            let plans = resolved.rendered().and_then(|_| plans.next());
            self.start(resolved, plans, purge.only_cached, number)
        };
        let started = resolved.into_iter().map(start).collect::<Vec<_>>();
        let mut receipts = Vec::with_capacity(purge.items.len());
        for (receipt, progress) in started {
            receipts.push(progress.report(receipt, deadline).await);
        }
        Receipt::new(Some(number), receipts)
    }

    /// Does the same again later, for a source whose replicas lag behind the write.
    fn settle(self: &Arc<Self>, purge: &Purge) {
        let Some(settle) = purge.settle else { return };
        let again = Purge {
            settle: None,
            ..purge.clone()
        };
        let core = Arc::downgrade(self);
        self.tasks.spawn_later(settle, async move {
            if let Some(core) = core.upgrade() {
                core.revalidate(&again).await;
            }
        });
    }

    fn start(
        self: &Arc<Self>,
        resolved: ResolvedSelector,
        plans: Option<RenderPlan>,
        only_cached: bool,
        number: u64,
    ) -> (SelectorReceipt, Progress) {
        let ResolvedSelector { receipt, named, .. } = resolved;
        let (Some(named), Some(plans)) = (named, plans) else {
            return (receipt, Progress::None);
        };
        if !matches!(named, SelectorTarget::Path { .. }) {
            return (receipt, self.render_many(plans, named, number));
        }
        let mut recipes = plans.recipes;
        if recipes.is_empty() && !only_cached {
            // A call's variants are its messages: without one there is nothing to render, and nothing that could be old.
            return (receipt, Progress::None);
        }
        if only_cached {
            recipes.retain(|recipe| self.memory.get_key(&recipe.key).is_some());
        }
        (
            receipt,
            Progress::Path(self.render_variants(recipes, number)),
        )
    }

    /// Renders the variants of one path, in their order. Strangers choose how many there are.
    fn render_variants(self: &Arc<Self>, recipes: Vec<Recipe>, number: u64) -> Vec<Job> {
        let job = |recipe: Recipe| {
            let (host, before) = (recipe.host(), self.memory.get_key(&recipe.key));
            let (done, rendered) = oneshot::channel();
            (
                Job {
                    host,
                    before,
                    rendered,
                },
                (recipe, done),
            )
        };
        let (jobs, queue): (Vec<_>, Vec<_>) = recipes.into_iter().map(job).unzip();
        self.run_bounded(queue, move |core, (recipe, done)| async move {
            // The caller may have stopped waiting.
            let _ = done.send(core.render(&recipe, number).await);
            true
        });
        jobs
    }

    /// Renders many pages off the request path, no more at once than the permits allow.
    fn render_many(
        self: &Arc<Self>,
        plans: RenderPlan,
        named: SelectorTarget,
        number: u64,
    ) -> Progress {
        let counts = Arc::<Counts>::default();
        let (done, all) = oneshot::channel();
        let (core, counting, no_longer) = (
            self.clone(),
            counts.clone(),
            clock::now() + MAX_PENDING_WAIT,
        );
        let mut ended = self.render_all(plans.recipes, number, |_, _| true);
        self.tasks.spawn(async move {
            while let Some((_, rendered)) = ended.recv().await {
                counting.count(&rendered);
            }
            for mut pending in plans.pending {
                match tokio::time::timeout_at(no_longer, pending.stored()).await {
                    Ok(Some(entry)) if entry.as_of() < number && core.is_named(&named, &entry) => {
                        counting.count(&core.render(&pending.recipe, number).await);
                    }
                    Ok(_) => {}
                    // Should it be named in the end, its page is marked.
                    Err(_) => counting.count(&JobResult::Marked),
                }
            }
            let _ = done.send(());
        });
        Progress::Many(counts, all)
    }

    /// Renders those recipes that are `wanted` when their turn comes, in their order, as many at once as the permits allow,
    /// and tells how each ended. Goes on as long as somebody listens.
    pub(crate) fn render_all(
        self: &Arc<Self>,
        recipes: Vec<Recipe>,
        number: u64,
        wanted: fn(&Self, &Recipe) -> bool,
    ) -> mpsc::UnboundedReceiver<(Recipe, JobResult)> {
        let (tell, ended) = mpsc::unbounded_channel();
        self.run_bounded(recipes, move |core, recipe| {
            let tell = tell.clone();
            async move {
                if !wanted(&core, &recipe) {
                    return true;
                }
                let rendered = core.render(&recipe, number).await;
                tell.send((recipe, rendered)).is_ok()
            }
        });
        ended
    }

    /// Works items off in their order, on as many tasks as there may be renders at once. A task whose work says `false` ends.
    fn run_bounded<T, F>(
        self: &Arc<Self>,
        items: Vec<T>,
        work: impl Fn(Arc<Self>, T) -> F + Clone + Send + 'static,
    ) where
        T: Send + 'static,
        F: Future<Output = bool> + Send,
    {
        let at_once = self.config.renders.at_once.min(items.len());
        let queue = Arc::new(Mutex::new(items.into_iter()));
        for _ in 0..at_once {
            let (core, queue, work) = (self.clone(), queue.clone(), work.clone());
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            self.tasks.spawn(async move {
                while let Some(item) = next() {
                    if !work(core.clone(), item).await {
                        return;
                    }
                }
            });
        }
    }

    /// Renders a recipe that no client asked for, or waits for a render that knows all marks up to `number`.
    async fn render(self: &Arc<Self>, recipe: &Recipe, number: u64) -> JobResult {
        let Some(renderer) = self.renderer(recipe) else {
            return JobResult::Marked;
        };
        let known = self.known_tags(&recipe.page, &recipe.key);
        // The second flight began after the first was found too old; the third look is for one that was abandoned.
        for _ in 0..3 {
            let landed = match self.flights.join(&self.marks, recipe, &known, number) {
                Joined::Follow(follower) => follower.wait().await,
                Joined::Lead(lead) => {
                    let follower = lead.follow(number);
                    renderer.start(self, lead, recipe.clone(), Purpose::OnDemand);
                    follower.landed().await
                }
            };
            if let Some(landed) = landed {
                return JobResult::Completed(landed);
            }
        }
        JobResult::Marked
    }
}
