//! Reports a purge: from the ends of its renders to its receipt.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::mpsc::{UnboundedReceiver, error::TryRecvError};

use super::call::Call;
use super::job_result::JobResult;
use super::plan::Planned;
use super::target::SelectorTarget;
use super::targets::TargetId;
use crate::cache::core::Core;
use crate::cache::page_flight::{CompletedFlight, RenderOutcome};
use crate::cache::steps::Steps;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::invalidation::{Selector, SelectorErrorKind, SelectorReceipt, SelectorStatus};
use crate::outcome::Reason;

/// The renders of one selector on their way.
pub(super) enum Progress {
    /// Nothing was to be rendered.
    None,
    /// One path: the variants, and the results by their positions.
    Path(Vec<Variant>, UnboundedReceiver<(usize, JobResult)>),
    /// One path whose variants had not all been found in time.
    Searching,
    /// Many pages, which are only counted.
    Many(Arc<Call>, TargetId),
}

/// One variant of a path.
pub(super) struct Variant {
    /// The listed host, if hosts are listed.
    host: Option<String>,
    /// The entry before the render.
    before: Option<Arc<Entry>>,
}

/// The next result of renders.
enum Next<T> {
    Result(T),
    AllEnded,
    /// The deadline has passed and some renders go on.
    Running,
}

impl Core {
    /// Returns the receipt of one selector before anything is rendered for it.
    pub(super) fn receipt_of(&self, selector: Selector, planned: &Planned) -> SelectorReceipt {
        let mut receipt = SelectorReceipt::new(selector, SelectorStatus::Marked);

        match &planned.target {
            Ok(target) => {
                receipt.matched = target.entry_count(&self.marks);
                if let (Selector::Path(_), SelectorTarget::Path { page, .. }) =
                    (&receipt.selector, target)
                {
                    receipt.page = Some(page.page.path().to_owned());
                }
            }
            Err(error) => {
                receipt.status = match error {
                    SelectorErrorKind::Mistake(_) | SelectorErrorKind::UnknownHost => {
                        SelectorStatus::Refused
                    }
                    _ => SelectorStatus::NotAPage,
                };
                receipt.error = Some(error.clone().into());
            }
        }
        receipt
    }
}

impl Progress {
    /// Completes a receipt with the renders that end by `deadline`.
    pub(super) async fn report(self, receipt: &mut SelectorReceipt, deadline: Instant) {
        match self {
            Self::None => {}
            Self::Path(variants, results) => {
                let reported = report_path(receipt.clone(), variants, results, deadline);
                *receipt = reported.await;
            }
            Self::Searching => receipt.status = SelectorStatus::Running,
            Self::Many(call, target) => call.report(target, receipt, deadline).await,
        }
    }
}

/// Returns the worst receipt of the variants of one path.
async fn report_path(
    mut receipt: SelectorReceipt,
    variants: Vec<Variant>,
    mut results: UnboundedReceiver<(usize, JobResult)>,
    deadline: Instant,
) -> SelectorReceipt {
    if variants.is_empty() {
        receipt.status = SelectorStatus::NotCached;
        return receipt;
    }

    let mut ended = variants.iter().map(|_| None).collect::<Vec<_>>();
    let missing = loop {
        match next(&mut results, deadline).await {
            Next::Result((at, result)) => ended[at] = Some(result),
            // A task that ended without a result renders no more.
            Next::AllEnded => break Some(JobResult::GaveUp),
            Next::Running => break None,
        }
    };

    let mut worst = None;
    let mut steps = Steps::default();
    for (variant, ended) in variants.into_iter().zip(ended) {
        let ended = ended.as_ref().or(missing.as_ref());
        let report = variant.report(receipt.clone(), ended);
        worst = Some(match worst {
            Some(worst) => SelectorReceipt::or_worse(worst, report),
            None => report,
        });
        steps.next().await;
    }
    worst.unwrap_or(receipt)
}

async fn next<T>(results: &mut UnboundedReceiver<T>, deadline: Instant) -> Next<T> {
    match results.try_recv() {
        Ok(result) => Next::Result(result),
        Err(TryRecvError::Disconnected) => Next::AllEnded,
        Err(TryRecvError::Empty) => match tokio::time::timeout_at(deadline, results.recv()).await {
            Ok(Some(result)) => Next::Result(result),
            Ok(None) => Next::AllEnded,
            Err(_) => Next::Running,
        },
    }
}

impl Variant {
    pub(super) fn new(host: Option<String>, before: Option<Arc<Entry>>) -> Self {
        Self { host, before }
    }

    fn report(self, mut receipt: SelectorReceipt, ended: Option<&JobResult>) -> SelectorReceipt {
        let was_good = self.before.as_ref().is_some_and(|entry| entry.is_good());
        receipt.previous_etag = self.before.and_then(|entry| entry.etag());
        match ended {
            None => receipt.status = SelectorStatus::Running,
            Some(JobResult::NoApplication | JobResult::GaveUp | JobResult::NotReached) => {
                receipt.status = SelectorStatus::Marked;
            }
            Some(JobResult::Stored(entry) | JobResult::Loaded(entry)) => {
                report_entry(entry, &mut receipt, was_good);
            }
            Some(JobResult::Completed(flight)) => report_flight(flight, &mut receipt, was_good),
        }
        receipt.error = receipt.error.map(|error| error.at(self.host));
        receipt
    }
}

fn report_flight(flight: &CompletedFlight, receipt: &mut SelectorReceipt, was_good: bool) {
    receipt.render = Some(flight.took);

    match &flight.outcome {
        RenderOutcome::Stored(entry, _) => report_entry(entry, receipt, was_good),
        RenderOutcome::OverLimit(_) | RenderOutcome::Loaded(_) | RenderOutcome::NotLoaded => {
            receipt.status = SelectorStatus::Marked;
        }
        RenderOutcome::Failed(failure) => {
            receipt.status = SelectorStatus::Failed;
            receipt.http = failure.is_from_handler().then_some(failure.status);
            receipt.error = Some(SelectorErrorKind::RenderFailed(failure.reason).into());
        }
        RenderOutcome::Refused(reason, http) if is_error(*http) => {
            receipt.status = SelectorStatus::Failed;
            receipt.http = *http;
            receipt.error = Some(SelectorErrorKind::NotStored(*reason).into());
        }
        // No error: the purge took effect. The log and `Cache-Status` have the reason.
        RenderOutcome::Refused(_, http) => {
            receipt.status = SelectorStatus::Uncacheable;
            receipt.http = *http;
        }
        RenderOutcome::NotKept(entry) => {
            receipt.status = SelectorStatus::Uncacheable;
            receipt.http = Some(entry.status);
        }
        RenderOutcome::NotListed => {
            receipt.http = Some(StatusCode::NOT_FOUND);
            receipt.status = regenerated_or_unknown(was_good);
            receipt.error = (!was_good).then(|| SelectorErrorKind::NotListed.into());
        }
    }
}

fn report_entry(entry: &Entry, receipt: &mut SelectorReceipt, was_good: bool) {
    receipt.http = Some(match entry.status {
        // The code that stands for a gRPC method's NOT_FOUND.
        StatusCode::OK if !entry.is_good() => StatusCode::NOT_FOUND,
        status => status,
    });
    receipt.etag = entry.etag();
    if entry.uses_old_values() {
        receipt.status = SelectorStatus::Failed;
        receipt.error = Some(SelectorErrorKind::RenderFailed(Reason::DataFailed).into());
        return;
    }
    receipt.status = regenerated_or_unknown(entry.is_good() || was_good);
}

/// True if a response that may not be stored is an error or a panic, of the page or not.
pub(super) fn is_error(http: Option<StatusCode>) -> bool {
    http.is_none_or(|status| status.is_server_error())
}

fn regenerated_or_unknown(is_known: bool) -> SelectorStatus {
    match is_known {
        true => SelectorStatus::Regenerated,
        false => SelectorStatus::UnknownPath,
    }
}
