//! Executes a purge: raises all marks under one number, renders, and reports.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::call::Call;
use super::job_result::JobResult;
use super::many::ManyRenders;
use super::plan::{Plan, Planned};
use super::report::{Progress, Variant};
use super::spellings::told;
use super::target::SelectorTarget;
use super::targets::{TargetId, Targets};
use crate::cache::core::Core;
use crate::cache::page_flight::{Joined, RenderOutcome, Start};
use crate::cache::permits::Purpose;
use crate::cache::steps::Steps;
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::invalidation::{
    HeldMark, Mode, Purge, Reach, Receipt, SelectorReceipt, Sequence, Strength,
};
use crate::observe;
use crate::page::RegisteredPage;
use crate::render::context::is_in_render;
use crate::render::{Key, Recipe};
use crate::rules::{Rule, holds};
use crate::spawn::{Unread, is_in_runtime};
use crate::store;

/// The time for which a call waits for its renders. A render that takes longer goes on, and its
/// receipt says `running`.
const MAX_RECEIPT_WAIT: Duration = Duration::from_secs(2);

/// The renders of one call, as they were started.
struct Started {
    parts: Vec<Part>,
    call: CloseOnDrop,
    /// The renders of the paths that are searched for, once they are found.
    paths: Option<oneshot::Receiver<Vec<Progress>>>,
}

/// The renders of one selector.
enum Part {
    Started(Progress),
    /// The next one of the paths that are searched for.
    Path,
    Many(TargetId),
}

/// Ends the counting of a call when its caller has its receipt or leaves.
struct CloseOnDrop(Arc<Call>);

impl Core {
    /// Marks everything that `purge` names, all under one number, and renders as its mode says.
    pub(crate) async fn revalidate(self: &Arc<Self>, purge: Purge) -> Receipt {
        // A page that purges itself would be rendered for ever, and so would two that purge each
        // other. The repetition after `settle` is no render's any more, but only marks as well.
        let purge = match is_in_render() {
            true => purge.marking_only(),
            false => purge,
        };
        let (only_cached, dry_run) = (purge.only_cached, purge.dry_run);
        let again = purge.settle.map(|settle| (settle, purge.clone()));
        let Plan {
            mut planned,
            mut receipts,
            marks,
            stored,
        } = self.plan(purge).await;
        if dry_run {
            return Receipt::of_dry_run(told(&planned, receipts).await);
        }
        if marks.is_empty() {
            return Receipt::new(None, told(&planned, receipts).await);
        }

        self.prune_marks().await;
        let number = self.raise(&marks, stored).await;
        if let Some((settle, again)) = again {
            self.settle(settle, again);
        }

        let selectors = marks.len();
        Steps::default().drop_all(marks).await;
        let (sequence, reach) = self.reach(number).await;
        if let Some(sequence) = sequence {
            observe::purged(sequence, selectors);
        }
        self.touch_in_time();
        let receipt = |receipts| Receipt::new(sequence, receipts).with_reach(reach);
        if !is_in_runtime() || reach == Some(Reach::Local) {
            // Nothing could render, nor wait: the next requests do. And what is not recorded is not
            // acknowledged, so nothing is rendered for it.
            return receipt(told(&planned, receipts).await);
        }

        let deadline = clock::now() + MAX_RECEIPT_WAIT;
        self.choose_spellings(&mut planned).await;
        let started = self.start(&planned, only_cached, number).await;
        started.report(&mut receipts, deadline).await;
        let receipts = told(&planned, receipts).await;
        Steps::default().drop_all(planned).await;
        receipt(receipts)
    }

    /// Waits until the store behind memory, if there is one, has recorded a purge. Returns the
    /// number of its receipt, and how far the purge got.
    async fn reach(&self, number: Sequence) -> (Option<u64>, Option<Reach>) {
        let Some(shelf) = &self.shelf else {
            return (Some(number.get()), None);
        };
        if !holds(Rule::Recorded) {
            return (Some(number.get()), Some(Reach::Recorded));
        }
        let recorded = shelf.recorded(number).await;
        let reach = recorded.map_or(Reach::Local, |_| Reach::Recorded);
        (recorded, Some(reach))
    }

    /// Raises all marks under one number, has them recorded, and publishes the number.
    async fn raise(&self, marks: &[(HeldMark, Strength)], stored: Vec<store::Mark>) -> Sequence {
        let purging = self.marks.begin_purge().await;
        let mut steps = Steps::default();
        for (mark, strength) in marks {
            purging.raise(mark, *strength);
            steps.next().await;
        }
        // In the order of the numbers, and before requests can see the purge: a page that is loaded
        // knows from then on that this one is not recorded.
        if let Some(shelf) = &self.shelf {
            shelf.note(purging.number(), stored);
        }
        purging.number()
    }

    /// Repeats the purge later, for a source whose replicas lag behind the write.
    fn settle(self: &Arc<Self>, settle: Duration, purge: Purge) {
        let again = Purge {
            settle: None,
            ..purge
        };
        // Weak: a purge that waits does not keep the layer.
        let core = Arc::downgrade(self);
        self.tasks.spawn_later(settle, async move {
            if let Some(core) = core.upgrade() {
                core.revalidate(again).await;
            }
        });
    }

    /// Starts the renders of each selector.
    async fn start(
        self: &Arc<Self>,
        planned: &[Planned],
        only_cached: bool,
        number: Sequence,
    ) -> Started {
        let mut targets = Targets::default();
        let mut paths = Vec::new();
        let mut steps = Steps::default();
        let mut parts = Vec::with_capacity(planned.len());

        for one in planned {
            parts.push(match one.rendered() {
                None => Part::Started(Progress::None),
                Some(SelectorTarget::Path { page, path }) if page.is_open() => {
                    targets.add_path(path);
                    paths.push((page.clone(), path.clone()));
                    Part::Path
                }
                Some(SelectorTarget::Path { page, path }) => {
                    let keys = self.keys_of(page, path);
                    let progress = self.render_path(page, path, keys, only_cached, number);
                    Part::Started(progress.await)
                }
                Some(target) => Part::Many(targets.add(target, &self.marks)),
            });
            steps.next().await;
        }

        let call = Arc::new(Call::new(targets.count()));
        let paths = (!targets.is_empty()).then(|| {
            self.render_many(ManyRenders {
                call: call.clone(),
                targets,
                paths,
                only_cached,
                number,
            })
        });
        let call = CloseOnDrop(call);
        Started { parts, call, paths }
    }

    /// Returns the keys at a path without variants that are cached or being rendered.
    fn keys_of(&self, page: &RegisteredPage, path: &str) -> Vec<Key> {
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

    /// Renders the recipes in their order, at most as many at once as the permits allow. A recipe
    /// is left out if `is_needed` says so when its turn comes, and a page that the store has fresh
    /// is not rendered. Begins no more once the results are dropped.
    pub(crate) fn render_all(
        self: &Arc<Self>,
        recipes: Vec<Recipe>,
        number: Sequence,
        is_needed: fn(&Self, &Recipe) -> bool,
    ) -> tokio::sync::mpsc::UnboundedReceiver<(Recipe, JobResult)> {
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

impl Started {
    /// Completes the receipt of each selector with the renders that end by `deadline`.
    async fn report(self, receipts: &mut [SelectorReceipt], deadline: Instant) {
        let Self { parts, call, paths } = self;
        let mut paths = match paths {
            Some(paths) => {
                let found = tokio::time::timeout_at(deadline, paths).await;
                found.map(Result::unwrap_or_default).unwrap_or_default()
            }
            None => Vec::new(),
        }
        .into_iter();

        let mut steps = Steps::default();
        for (receipt, part) in receipts.iter_mut().zip(parts) {
            let progress = match part {
                Part::Started(progress) => progress,
                Part::Path => paths.next().unwrap_or(Progress::Searching),
                Part::Many(target) => Progress::Many(call.0.clone(), target),
            };
            progress.report(receipt, deadline).await;
            steps.next().await;
        }
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Planned {
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
