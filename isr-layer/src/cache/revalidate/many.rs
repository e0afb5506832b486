//! Renders many pages for one call, off the request path: what the search finds goes into the
//! queue, and a few workers render it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::call::{Call, Ended, Want};
use super::job_result::JobResult;
use super::queue::{Job, Rank};
use super::report::Progress;
use super::search::{AtPath, Found, Pages, PendingMatch};
use super::targets::Targets;
use crate::cache::core::Core;
use crate::cache::page_flight::Start;
use crate::cache::steps::Steps;
use crate::clock::{self, Instant};
use crate::invalidation::Sequence;
use crate::page::RegisteredPage;
use crate::render::Recipe;

/// The time for which a call waits for renders in progress that may yet add the purged tag.
const MAX_PENDING_WAIT: Duration = Duration::from_millis(250);

/// A path whose variants have to be searched for, with its page.
pub(super) type PathToSearch = (Arc<RegisteredPage>, String);

/// The renders of one call that have to be searched for.
pub(super) struct ManyRenders {
    pub(super) call: Arc<Call>,
    pub(super) targets: Targets,
    /// One for each selector.
    pub(super) paths: Vec<PathToSearch>,
    pub(super) only_cached: bool,
    pub(super) number: Sequence,
}

impl Core {
    /// Starts the search for the renders of a call on a task of its own, so that they come whether
    /// the caller waits or not. Returns the renders of the paths once they are found.
    pub(super) fn render_many(
        self: &Arc<Self>,
        many: ManyRenders,
    ) -> oneshot::Receiver<Vec<Progress>> {
        let (found, receiver) = oneshot::channel();
        if !many.targets.may_be_stored() && self.pages.flights.is_empty() {
            many.call.end_search();
            return receiver;
        }

        let core = self.clone();
        self.tasks.spawn(async move {
            let pending_until = clock::now() + MAX_PENDING_WAIT;
            let search = core.search(&many.targets, &many.call, many.number);
            let Found {
                pages,
                pending,
                paths,
            } = search.await;

            core.queue_pages(&many, pages).await;
            let paths = core.render_found_paths(&many, &paths).await;
            // The caller may have left.
            let _ = found.send(paths);
            core.wait_for_pending(&many, pending, pending_until).await;
            many.call.end_search();
        });
        receiver
    }

    /// Lets pages wait to be rendered.
    async fn queue_pages(self: &Arc<Self>, many: &ManyRenders, pages: Pages) {
        let mut steps = Steps::default();
        let reached = pages.len();
        for page in pages.drain() {
            let rank = Rank::new(reached, page.uses);
            many.call.expect(&page.targets);
            let want = many.want(page.targets);
            self.queue.add(page.key, rank, many.number, want);
            steps.next().await;
        }
        self.start_workers();
    }

    /// Renders the variants of each path that was searched for.
    async fn render_found_paths(
        self: &Arc<Self>,
        many: &ManyRenders,
        found: &HashMap<String, AtPath>,
    ) -> Vec<Progress> {
        let nothing = AtPath::default();
        let mut started = Vec::with_capacity(many.paths.len());
        for (page, path) in &many.paths {
            let keys = found.get(path).unwrap_or(&nothing).keys().await;
            started.push(
                self.render_path(page, path, keys, many.only_cached, many.number)
                    .await,
            );
        }
        started
    }

    /// Waits for renders in progress, and renders those pages again that got a purged tag.
    async fn wait_for_pending(
        self: &Arc<Self>,
        many: &ManyRenders,
        pending: Vec<PendingMatch>,
        until: Instant,
    ) {
        let mut reached = Vec::new();
        let mut unmarked = many.targets.tag_ids().collect::<Vec<_>>();
        let mut steps = Steps::default();

        for pending in pending {
            let certain = pending.certain.clone();
            match tokio::time::timeout_at(until, pending.stored()).await {
                Ok(Some(entry)) if entry.as_of() < many.number => {
                    many.targets
                        .reach(&entry.key, entry.tags().as_slice(), &mut reached);
                    reached.retain(|target| !certain.contains(target));
                    if !reached.is_empty() {
                        many.call.expect(&reached);
                        let (rank, want) = (Rank::new(1, entry.uses()), many.want(&*reached));
                        self.queue.add(entry.key.clone(), rank, many.number, want);
                        self.start_workers();
                    }
                }
                Ok(_) => {}
                // Should the render add a tag in the end, its page is marked.
                Err(_) => {
                    let (others, marked) = unmarked
                        .into_iter()
                        .partition::<Vec<_>, _>(|target| certain.contains(target));
                    many.call.count(&marked, Ended::Marked);
                    unmarked = others;
                }
            }
            steps.next().await;
        }
    }

    fn start_workers(self: &Arc<Self>) {
        while let Some(mut worker) = self.queue.worker() {
            let core = self.clone();
            self.tasks.spawn(async move {
                let mut steps = Steps::default();
                while let Some(turn) = worker.next() {
                    let result = core.render_job(&turn.job).await;
                    turn.end(result.into());
                    // Pages that are gone or new already take no time.
                    steps.next().await;
                }
            });
        }
    }

    /// Renders a page that waited, unless it is gone from memory: nothing is old there.
    async fn render_job(self: &Arc<Self>, job: &Job) -> JobResult {
        // Flights first: a render that completes between the two looks is in memory.
        let is_there = self.pages.flights.is_in_progress(&job.key)
            || self.pages.memory.get_key(&job.key).is_some();
        let page = self.registry.by_id(job.key.page()).filter(|_| is_there);
        match page {
            Some(page) => {
                let recipe = Recipe::of(page.clone(), job.key.clone());
                let start = Start {
                    asks_store: false,
                    is_known: true,
                };
                self.render(&recipe, job.number, start).await
            }
            None => JobResult::NotReached,
        }
    }
}

impl ManyRenders {
    fn want(&self, targets: impl Into<Arc<[u32]>>) -> Want {
        Want {
            call: self.call.clone(),
            targets: targets.into(),
        }
    }
}
