//! Executes a purge: raises all marks under one number, renders, and reports.

use std::sync::Arc;
use std::time::Duration;

use super::job_result::JobResult;
use super::plan::{Planned, told};
use super::recipes::{PendingMatch, Renders};
use super::report::{Ended, Progress, Variant};
use super::target::SelectorTarget;
use crate::cache::core::Core;
use crate::cache::page_flight::Joined;
use crate::cache::permits::Purpose;
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::invalidation::{Mode, Purge, Receipt, Sequence};
use crate::observe;
use crate::render::Recipe;
use crate::spawn::Unread;

/// The time for which a call waits for its renders. A render that takes longer goes on, and its
/// receipt says `running`.
const MAX_RECEIPT_WAIT: Duration = Duration::from_secs(2);

/// The time for which a call waits for renders in progress that may yet add the purged tag.
const MAX_PENDING_WAIT: Duration = Duration::from_millis(250);

/// One render of a purge by page, prefix, tag or everything.
enum Job {
    Render(Recipe),
    /// A render in progress that may yet turn out to be reached.
    Pending(PendingMatch),
}

impl Core {
    /// Marks everything that `purge` names, all under one number, and renders as its mode says.
    pub(crate) async fn revalidate(self: &Arc<Self>, purge: &Purge) -> Receipt {
        let mut planned = self.plan(&purge.items);
        let receipts = planned.iter().map(|one| self.receipt_of(one));
        let receipts = receipts.collect::<Vec<_>>();
        if purge.dry_run {
            return Receipt::of_dry_run(told(&planned, receipts));
        }
        let marks = planned.iter().filter_map(Planned::mark).collect::<Vec<_>>();
        if marks.is_empty() {
            return Receipt::new(None, told(&planned, receipts));
        }

        self.prune_marks().await;
        let number = self.marks.purge(&marks);
        observe::purged(number.get(), marks.len());
        self.choose_spellings(&mut planned);
        self.settle(purge);

        let deadline = clock::now() + MAX_RECEIPT_WAIT;
        let started = self.start(&planned, purge.only_cached, number);
        let mut reports = Vec::with_capacity(receipts.len());
        for (receipt, progress) in receipts.into_iter().zip(started) {
            reports.push(progress.report(receipt, deadline).await);
        }
        Receipt::new(Some(number.get()), told(&planned, reports))
    }

    /// Repeats the purge later, for a source whose replicas lag behind the write.
    fn settle(self: &Arc<Self>, purge: &Purge) {
        let Some(settle) = purge.settle else { return };
        let again = Purge {
            settle: None,
            ..purge.clone()
        };
        // Weak: a purge that waits does not keep the layer.
        let core = Arc::downgrade(self);
        self.tasks.spawn_later(settle, async move {
            if let Some(core) = core.upgrade() {
                core.revalidate(&again).await;
            }
        });
    }

    /// Starts the renders of each selector.
    fn start(
        self: &Arc<Self>,
        planned: &[Planned],
        only_cached: bool,
        number: Sequence,
    ) -> Vec<Progress> {
        let targets = planned.iter().filter_map(Planned::rendered);
        let targets = targets.collect::<Vec<_>>();
        let mut renders = self.renders(&targets).into_iter();
        let start = |planned: &Planned| {
            let Some(target) = planned.rendered() else {
                return Progress::None;
            };
            let renders = renders.next().unwrap_or_default();
            match target {
                SelectorTarget::Path { .. } => self.render_path(renders, only_cached, number),
                _ => self.render_many(renders, target, number),
            }
        };
        planned.iter().map(start).collect()
    }

    /// Renders the variants of one path, in their order. Clients choose how many there are.
    fn render_path(
        self: &Arc<Self>,
        renders: Renders,
        only_cached: bool,
        number: Sequence,
    ) -> Progress {
        let mut recipes = renders.recipes;
        if recipes.is_empty() && !only_cached {
            // The variants of a gRPC method are its messages. Without an entry there is nothing to
            // render, and nothing that could be old.
            return Progress::None;
        }

        let memory = &self.pages.memory;
        if only_cached {
            recipes.retain(|recipe| memory.get_key(&recipe.key).is_some());
        }
        let variant = |recipe: &Recipe| Variant::new(recipe.host(), memory.get_key(&recipe.key));
        let variants = recipes.iter().map(variant).collect();
        let jobs = recipes.into_iter().enumerate().collect();
        let core = self.clone();
        let results = self.run(jobs, Unread::Continue, move |(at, recipe)| {
            let core = core.clone();
            async move { (at, core.render(&recipe, number).await) }
        });
        Progress::Path(variants, results)
    }

    /// Renders many pages off the request path, at most as many at once as the permits allow.
    fn render_many(
        self: &Arc<Self>,
        renders: Renders,
        target: &SelectorTarget,
        number: Sequence,
    ) -> Progress {
        let recipes = renders.recipes.into_iter().map(Job::Render);
        let jobs = recipes.chain(renders.pending.into_iter().map(Job::Pending));
        let (core, target) = (self.clone(), Arc::new(target.clone()));
        let pending_until = clock::now() + MAX_PENDING_WAIT;

        let results = self.run(jobs.collect(), Unread::Continue, move |job| {
            let (core, target) = (core.clone(), target.clone());
            async move {
                let result = match job {
                    Job::Render(recipe) => core.render(&recipe, number).await,
                    Job::Pending(pending) => {
                        core.render_if_reached(pending, &target, number, pending_until)
                            .await
                    }
                };
                Ended::from(result)
            }
        });
        Progress::Many(results)
    }

    /// Renders the recipes in their order, at most as many at once as the permits allow. A recipe
    /// is left out if `is_needed` says so when its turn comes. Begins no more once the results are
    /// dropped.
    pub(crate) fn render_all(
        self: &Arc<Self>,
        recipes: Vec<Recipe>,
        number: Sequence,
        is_needed: fn(&Self, &Recipe) -> bool,
    ) -> tokio::sync::mpsc::UnboundedReceiver<(Recipe, JobResult)> {
        let core = self.clone();
        self.run(recipes, Unread::Stop, move |recipe| {
            let core = core.clone();
            async move {
                let result = match is_needed(&core, &recipe) {
                    true => core.render(&recipe, number).await,
                    false => JobResult::NotReached,
                };
                (recipe, result)
            }
        })
    }

    fn run<T, R, F>(
        &self,
        jobs: Vec<T>,
        unread: Unread,
        work: impl Fn(T) -> F + Clone + Send + 'static,
    ) -> tokio::sync::mpsc::UnboundedReceiver<R>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = R> + Send,
    {
        let limit = self.config.renders.at_once;
        self.tasks.run_bounded(jobs, limit, unread, work)
    }

    /// Waits for a render in progress, and renders its page again if it added the purged tag.
    async fn render_if_reached(
        self: &Arc<Self>,
        pending: PendingMatch,
        target: &SelectorTarget,
        number: Sequence,
        until: Instant,
    ) -> JobResult {
        let recipe = pending.recipe.clone();
        match tokio::time::timeout_at(until, pending.stored()).await {
            Ok(Some(entry)) if entry.as_of() < number && target.reaches(&entry, &self.marks) => {
                self.render(&recipe, number).await
            }
            Ok(_) => JobResult::NotReached,
            // Should the render add the tag in the end, its page is marked.
            Err(_) => JobResult::GaveUp,
        }
    }

    /// Renders a recipe without a client, or waits for a render that knows all purges up to
    /// `number`.
    async fn render(self: &Arc<Self>, recipe: &Recipe, number: Sequence) -> JobResult {
        let application = self.application();
        let Some(application) = application.filter(|_| !recipe.page.is_inner()) else {
            return JobResult::NoApplication;
        };
        // A later purge may have had the page rendered already.
        let is_new =
            |entry: &Entry| entry.as_of() >= number && entry.is_fresh(&self.marks, clock::now());

        // The second flight begins after the first was found too old; the third look is for one
        // that was abandoned.
        for _ in 0..3 {
            let completed = match self.join(recipe, number, is_new) {
                Err(entry) => return JobResult::Stored(entry),
                // No client waits here: the flight keeps waiting for its permit.
                Ok(Joined::Follow(follower)) => follower.completed().await,
                Ok(Joined::Lead(leader)) => {
                    leader.work().set_asked_for();
                    let follower = leader.follow(number);
                    application.start(leader, Purpose::OnDemand);
                    follower.completed().await
                }
            };
            // Over the limit only clients asked for the render: the next one is ours.
            let completed = completed.filter(|flight| !flight.is_over_limit());
            if let Some(flight) = completed {
                return JobResult::Completed(flight);
            }
        }

        JobResult::GaveUp
    }
}

impl Planned {
    /// Returns the mark to raise, unless the selector has no target.
    fn mark(&self) -> Option<(crate::invalidation::Target, crate::invalidation::Strength)> {
        let target = self.target.as_ref().ok()?;
        Some(target.mark(self.mode))
    }

    /// Returns the target whose pages are rendered at once. Only a client's own request can fetch a
    /// response in header mode.
    fn rendered(&self) -> Option<&SelectorTarget> {
        let target = self.target.as_ref().ok()?;
        let is_rendered = self.mode == Mode::Regenerate
            && self.is_told
            && !matches!(target, SelectorTarget::HeaderMode(_));
        is_rendered.then_some(target)
    }
}
