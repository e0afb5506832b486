//! Progress: how the renders of a revalidation go, and what its receipts say of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use tokio::sync::oneshot;

use crate::cache::flight::{CompletedFlight, RenderOutcome};
use crate::clock::Instant;
use crate::entry::Entry;
use crate::invalidation::{SelectorReceipt, Status};

/// What became of one render.
pub(crate) enum JobResult {
    Completed(Arc<CompletedFlight>),
    /// Nothing is known that could render it: it is marked, and the next request does.
    Marked,
}

/// A render on its way, and what was stored before it.
pub(super) struct Job {
    /// Where it is for one of several hosts.
    pub(super) host: Option<String>,
    pub(super) before: Option<Arc<Entry>>,
    pub(super) rendered: oneshot::Receiver<JobResult>,
}

/// How the renders of one selector go.
pub(super) enum Progress {
    /// Nothing was to be rendered.
    None,
    /// One path: a job for each variant.
    Path(Vec<Job>),
    /// Many pages, counted.
    Many(Arc<Counts>, oneshot::Receiver<()>),
}

/// How many renders of one selector have ended, and how.
#[derive(Default)]
pub(super) struct Counts {
    regenerated: AtomicU64,
    failed: AtomicU64,
    marked: AtomicU64,
}

impl Progress {
    /// Completes a receipt with what has ended by `deadline`.
    pub(super) async fn report(
        self,
        mut receipt: SelectorReceipt,
        deadline: Instant,
    ) -> SelectorReceipt {
        match self {
            Self::None => {}
            Self::Path(jobs) if jobs.is_empty() => receipt.status = Status::NotCached,
            Self::Path(jobs) => {
                let mut worst = None::<SelectorReceipt>;
                for job in jobs {
                    let one = job.report(receipt.clone(), deadline).await;
                    worst = Some(worst.map_or(one.clone(), |worst| worst.or_worse(one)));
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
    async fn report(self, mut receipt: SelectorReceipt, deadline: Instant) -> SelectorReceipt {
        receipt.previous_etag = self.before.as_ref().and_then(|entry| entry.etag());
        match tokio::time::timeout_at(deadline, self.rendered).await {
            Err(_) => receipt.status = Status::Running,
            Ok(Err(_) | Ok(JobResult::Marked)) => receipt.status = Status::Marked,
            Ok(Ok(JobResult::Completed(landed))) => {
                let was_good = self.before.is_some_and(|entry| entry.is_good());
                landed.report(&mut receipt, was_good);
            }
        }
        if let (Some(host), Some(error)) = (self.host, &mut receipt.error) {
            *error = format!("at `{host}`: {error}");
        }
        receipt
    }
}

impl CompletedFlight {
    fn report(&self, receipt: &mut SelectorReceipt, was_good: bool) {
        receipt.render = Some(self.took);
        match &self.outcome {
            RenderOutcome::Stored(entry) => {
                receipt.http = Some(entry.status);
                receipt.etag = entry.etag();
                receipt.status = if entry.is_good() || was_good {
                    Status::Regenerated
                } else {
                    Status::UnknownPath
                };
            }
            RenderOutcome::Failed(failure) => {
                receipt.status = Status::Failed;
                receipt.http = failure.was_answered().then_some(failure.status);
                receipt.error = Some(format!(
                    "the render failed ({}); the last good page stays",
                    failure.reason.as_str()
                ));
            }
            RenderOutcome::Refused(reason, http) => {
                receipt.status = Status::Failed;
                receipt.http = *http;
                receipt.error = Some(format!(
                    "the response may not be stored ({})",
                    reason.as_str()
                ));
            }
            RenderOutcome::NotListed => {
                receipt.http = Some(StatusCode::NOT_FOUND);
                receipt.status = if was_good {
                    Status::Regenerated
                } else {
                    Status::UnknownPath
                };
                receipt.error =
                    (!was_good).then(|| "the page's `params` do not list this path".to_owned());
            }
        }
    }
}

impl Counts {
    pub(super) fn count(&self, rendered: &JobResult) {
        let counter = match rendered {
            JobResult::Completed(landed) => match &landed.outcome {
                RenderOutcome::Stored(_) | RenderOutcome::NotListed => &self.regenerated,
                _ => &self.failed,
            },
            JobResult::Marked => &self.marked,
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
