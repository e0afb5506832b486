//! Revalidation: mark everything under one number, render what was asked for, and tell truthfully what happened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{mpsc, oneshot};

use super::core::Core;
use super::flight::{Joined, Landed, Landing};
use super::permits::Purpose;
use super::selection::{Chosen, Named, Selected};
use crate::clock;
use crate::entry::Entry;
use crate::invalidation::{Purge, Receipt, SelectorReceipt, Status};
use crate::observe;
use crate::recipe::Recipe;

/// How long a call waits for its renders; what takes longer goes on, and its receipt says `running`.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// How long a call waits for renders in progress of which only their end tells whether they were named.
const LONGEST_DOUBT: Duration = Duration::from_millis(250);

/// What became of one render.
pub(super) enum Rendered {
    Landed(Arc<Landed>),
    /// Nothing is known that could render it: it is marked, and the next request does.
    Marked,
}

/// A render on its way, and what was stored before it.
struct Job {
    before: Option<Arc<Entry>>,
    rendered: oneshot::Receiver<Rendered>,
}

/// How the renders of one selector go.
enum Progress {
    /// Nothing was to be rendered.
    None,
    /// One path: a job for each variant.
    Path(Vec<Job>),
    /// Many pages, counted.
    Many(Arc<Counts>, oneshot::Receiver<()>),
}

/// How many renders of one selector have ended, and how.
#[derive(Default)]
struct Counts {
    regenerated: AtomicU64,
    failed: AtomicU64,
    marked: AtomicU64,
}

impl Core {
    /// Marks what `purge` names, all under one number, and renders what it asks for.
    pub(super) async fn revalidate(self: &Arc<Self>, purge: &Purge) -> Receipt {
        let selected = purge.items.iter().map(|item| self.select(item)).collect::<Vec<_>>();
        if purge.dry_run {
            return Receipt::of_dry_run(selected.into_iter().map(|selected| selected.receipt).collect());
        }
        let targets = selected.iter().filter_map(Selected::target).collect::<Vec<_>>();
        if targets.is_empty() {
            return Receipt::new(None, selected.into_iter().map(|selected| selected.receipt).collect());
        }
        self.prune_marks().await;
        let number = self.marks.purge(&targets);
        observe::purged(number, targets.len());
        self.settle(purge);
        let deadline = clock::now() + LONGEST_ANSWER;
        let rendered = selected.iter().filter_map(Selected::rendered).collect::<Vec<_>>();
        let mut chosen = self.chosen(&rendered).into_iter();
        let start = |selected: Selected| {
            let chosen = selected.rendered().and_then(|_| chosen.next());
            self.start(selected, chosen, purge.only_cached, number)
        };
        let started = selected.into_iter().map(start).collect::<Vec<_>>();
        let mut receipts = Vec::with_capacity(purge.items.len());
        for (receipt, progress) in started {
            receipts.push(progress.report(receipt, deadline).await);
        }
        Receipt::new(Some(number), receipts)
    }

    /// Does the same again later, for a source whose replicas lag behind the write.
    fn settle(self: &Arc<Self>, purge: &Purge) {
        let Some(settle) = purge.settle else { return };
        let again = Purge { settle: None, ..purge.clone() };
        let core = Arc::downgrade(self);
        self.tasks.spawn_later(settle, async move {
            if let Some(core) = core.upgrade() {
                core.revalidate(&again).await;
            }
        });
    }

    fn start(
        self: &Arc<Self>,
        selected: Selected,
        chosen: Option<Chosen>,
        only_cached: bool,
        number: u64,
    ) -> (SelectorReceipt, Progress) {
        let Selected { receipt, named, .. } = selected;
        let (Some(named), Some(chosen)) = (named, chosen) else {
            return (receipt, Progress::None);
        };
        if !matches!(named, Named::Path { .. }) {
            return (receipt, self.render_many(chosen, named, number));
        }
        let mut recipes = chosen.recipes;
        if recipes.is_empty() && !only_cached {
            // A call's variants are its messages: without one there is nothing to render, and nothing that could be old.
            return (receipt, Progress::None);
        }
        if only_cached {
            recipes.retain(|recipe| self.memory.get_key(&recipe.key).is_some());
        }
        (receipt, Progress::Path(self.render_variants(recipes, number)))
    }

    /// Renders the variants of one path, in their order. Strangers choose how many there are.
    fn render_variants(self: &Arc<Self>, recipes: Vec<Recipe>, number: u64) -> Vec<Job> {
        let job = |recipe: Recipe| {
            let before = self.memory.get_key(&recipe.key);
            let (done, rendered) = oneshot::channel();
            (Job { before, rendered }, (recipe, done))
        };
        let (jobs, queue): (Vec<_>, Vec<_>) = recipes.into_iter().map(job).unzip();
        self.work_off(queue, move |core, (recipe, done)| async move {
            // The caller may have stopped waiting.
            let _ = done.send(core.render(&recipe, number).await);
            true
        });
        jobs
    }

    /// Renders many pages off the request path, no more at once than the permits allow.
    fn render_many(self: &Arc<Self>, chosen: Chosen, named: Named, number: u64) -> Progress {
        let counts = Arc::<Counts>::default();
        let (done, all) = oneshot::channel();
        let (core, counting, no_longer) = (self.clone(), counts.clone(), clock::now() + LONGEST_DOUBT);
        let mut ended = self.render_all(chosen.recipes, number, |_, _| true);
        self.tasks.spawn(async move {
            while let Some((_, rendered)) = ended.recv().await {
                counting.count(&rendered);
            }
            for mut doubt in chosen.doubtful {
                match tokio::time::timeout_at(no_longer, doubt.stored()).await {
                    Ok(Some(entry)) if entry.as_of() < number && core.is_named(&named, &entry) => {
                        counting.count(&core.render(&doubt.recipe, number).await);
                    }
                    Ok(_) => {}
                    // Should it be named in the end, its page is marked.
                    Err(_) => counting.count(&Rendered::Marked),
                }
            }
            let _ = done.send(());
        });
        Progress::Many(counts, all)
    }

    /// Renders those recipes that are `wanted` when their turn comes, in their order, as many at once as the permits allow,
    /// and tells how each ended. Goes on as long as somebody listens.
    pub(super) fn render_all(
        self: &Arc<Self>,
        recipes: Vec<Recipe>,
        number: u64,
        wanted: fn(&Self, &Recipe) -> bool,
    ) -> mpsc::UnboundedReceiver<(Recipe, Rendered)> {
        let (tell, ended) = mpsc::unbounded_channel();
        self.work_off(recipes, move |core, recipe| {
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
    fn work_off<T, F>(
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
    async fn render(self: &Arc<Self>, recipe: &Recipe, number: u64) -> Rendered {
        let Some(renderer) = self.renderer(recipe) else { return Rendered::Marked };
        let known = self.known_cells(&recipe.page, &recipe.key);
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
                return Rendered::Landed(landed);
            }
        }
        Rendered::Marked
    }
}

impl Progress {
    /// Completes a receipt with what has ended by `deadline`.
    async fn report(self, mut receipt: SelectorReceipt, deadline: clock::Instant) -> SelectorReceipt {
        match self {
            Self::None => {}
            Self::Path(jobs) if jobs.is_empty() => receipt.status = Status::NotCached,
            Self::Path(jobs) => {
                let mut worst = None;
                for job in jobs {
                    let one = job.report(receipt.clone(), deadline).await;
                    worst = Some(worst.map_or(one.clone(), |worst| worse(worst, one)));
                }
                return worst.unwrap_or(receipt);
            }
            Self::Many(counts, all) => {
                let is_done = tokio::time::timeout_at(deadline, all).await.is_ok();
                counts.report(&mut receipt, is_done);
            }
        }
        receipt
    }
}

impl Job {
    async fn report(self, mut receipt: SelectorReceipt, deadline: clock::Instant) -> SelectorReceipt {
        receipt.previous_etag = self.before.as_ref().and_then(|entry| entry.etag());
        match tokio::time::timeout_at(deadline, self.rendered).await {
            Err(_) => receipt.status = Status::Running,
            Ok(Err(_) | Ok(Rendered::Marked)) => receipt.status = Status::Marked,
            Ok(Ok(Rendered::Landed(landed))) => {
                let was_good = self.before.is_some_and(|entry| entry.is_good());
                landed.report(&mut receipt, was_good);
            }
        }
        receipt
    }
}

impl Landed {
    fn report(&self, receipt: &mut SelectorReceipt, was_good: bool) {
        receipt.render = Some(self.took);
        match &self.landing {
            Landing::Stored(entry) => {
                receipt.http = Some(entry.status);
                receipt.etag = entry.etag();
                receipt.status =
                    if entry.is_good() || was_good { Status::Regenerated } else { Status::UnknownPath };
            }
            Landing::Failed(failure) => {
                receipt.status = Status::Failed;
                receipt.http = failure.was_answered().then_some(failure.status);
                receipt.error = Some(format!(
                    "the render failed ({}); the last good page stays",
                    failure.reason.as_str()
                ));
            }
            Landing::Refused(reason) => {
                receipt.status = Status::Failed;
                receipt.error = Some(format!("the answer may not be stored ({})", reason.as_str()));
            }
            Landing::NotListed => {
                receipt.http = Some(StatusCode::NOT_FOUND);
                receipt.status = if was_good { Status::Regenerated } else { Status::UnknownPath };
                receipt.error = (!was_good).then(|| "the page's `params` do not list this path".to_owned());
            }
        }
    }
}

impl Counts {
    fn count(&self, rendered: &Rendered) {
        let counter = match rendered {
            Rendered::Landed(landed) => match &landed.landing {
                Landing::Stored(_) | Landing::NotListed => &self.regenerated,
                _ => &self.failed,
            },
            Rendered::Marked => &self.marked,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn report(&self, receipt: &mut SelectorReceipt, is_done: bool) {
        let regenerated = self.regenerated.load(Ordering::Relaxed);
        let failed = self.failed.load(Ordering::Relaxed);
        let marked = self.marked.load(Ordering::Relaxed);
        receipt.regenerated = Some(regenerated);
        receipt.failed = Some(failed);
        receipt.status = match () {
            () if !is_done => Status::Running,
            () if failed > 0 => Status::Failed,
            () if marked > 0 => Status::Marked,
            () => Status::Regenerated,
        };
        if failed > 0 {
            receipt.error = Some(format!("{failed} renders gave nothing that may be stored"));
        }
    }
}

/// Of two variants of one path, the one that says more about what went wrong.
fn worse(one: SelectorReceipt, other: SelectorReceipt) -> SelectorReceipt {
    let badness = |status| match status {
        Status::Failed => 4,
        Status::UnknownPath => 3,
        Status::Running => 2,
        Status::Marked => 1,
        _ => 0,
    };
    if badness(other.status) > badness(one.status) { other } else { one }
}
