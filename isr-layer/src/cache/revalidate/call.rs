//! The renders of one call, as the call sees them: it counts their ends for each of its targets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::job_result::JobResult;
use super::report::is_error;
use super::targets::TargetId;
use crate::cache::page_flight::RenderOutcome;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::invalidation::{SelectorErrorKind, SelectorReceipt, SelectorStatus};

/// The renders of one call, counted for each target. Dropped by the call, it counts no more.
#[derive(Debug)]
pub(super) struct Call {
    counts: Mutex<Vec<Counts>>,
    /// True while somebody waits for the counts.
    is_open: AtomicBool,
    /// Notified whenever all renders of a target have ended.
    ended: Notify,
}

/// The end of one of many renders. Smaller than a [`JobResult`]: it keeps no entry until it is
/// counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Regenerated,
    Failed,
    Uncacheable,
    Marked,
    NotReached,
}

/// The renders of one target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// The renders that have not ended, and the search for them.
    outstanding: u64,
    regenerated: u64,
    failed: u64,
    uncacheable: u64,
    marked: u64,
}

/// The place of a call among those who wait for one render.
#[derive(Clone, Debug)]
pub(super) struct Want {
    pub(super) call: std::sync::Arc<Call>,
    /// The targets of the call that reach the page.
    pub(super) targets: std::sync::Arc<[TargetId]>,
}

impl Call {
    /// Opens a call with that number of targets, whose renders are being searched for.
    pub(super) fn new(targets: usize) -> Self {
        let searched = Counts {
            outstanding: 1,
            regenerated: 0,
            failed: 0,
            uncacheable: 0,
            marked: 0,
        };
        Self {
            counts: Mutex::new(vec![searched; targets]),
            is_open: AtomicBool::new(true),
            ended: Notify::new(),
        }
    }

    /// Counts a render that has yet to end.
    pub(super) fn expect(&self, targets: &[TargetId]) {
        self.change(targets, |counts| counts.outstanding += 1);
    }

    /// Counts the end of a render that was [expected](Self::expect).
    pub(super) fn end(&self, targets: &[TargetId], ended: Ended) {
        self.change(targets, |counts| {
            counts.outstanding = counts.outstanding.saturating_sub(1);
            counts.count(ended);
        });
    }

    /// Counts a page without a render.
    pub(super) fn count(&self, targets: &[TargetId], ended: Ended) {
        self.change(targets, |counts| counts.count(ended));
    }

    /// Ends the search for renders.
    pub(super) fn end_search(&self) {
        let mut counts = self.lock();
        for counts in counts.iter_mut() {
            counts.outstanding = counts.outstanding.saturating_sub(1);
        }
        drop(counts);
        self.ended.notify_one();
    }

    /// True while somebody waits for the counts.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Completes the receipt of a target with the renders that end by `deadline`. One task waits at
    /// a time.
    pub(super) async fn report(
        &self,
        target: TargetId,
        receipt: &mut SelectorReceipt,
        deadline: Instant,
    ) {
        let all_ended = async {
            while self.counts(target).outstanding > 0 {
                self.ended.notified().await;
            }
        };
        let in_time = tokio::time::timeout_at(deadline, all_ended).await.is_ok();

        let counts = self.counts(target);
        counts.report(receipt, in_time || counts.outstanding == 0);
    }

    /// Ends the counting.
    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::Relaxed);
    }

    fn change(&self, targets: &[TargetId], change: impl Fn(&mut Counts)) {
        let mut has_ended = false;
        let mut counts = self.lock();
        for target in targets {
            if let Some(counts) = counts.get_mut(*target as usize) {
                change(counts);
                has_ended |= counts.outstanding == 0;
            }
        }
        drop(counts);
        if has_ended {
            self.ended.notify_one();
        }
    }

    fn counts(&self, target: TargetId) -> Counts {
        self.lock()[target as usize]
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Counts>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn count(&mut self, ended: Ended) {
        match ended {
            Ended::Regenerated => self.regenerated += 1,
            Ended::Failed => self.failed += 1,
            Ended::Uncacheable => self.uncacheable += 1,
            Ended::Marked => self.marked += 1,
            Ended::NotReached => {}
        }
    }

    fn report(&self, receipt: &mut SelectorReceipt, is_done: bool) {
        receipt.regenerated = Some(self.regenerated);
        receipt.failed = Some(self.failed);
        receipt.status = match self {
            _ if !is_done => SelectorStatus::Running,
            Self { failed: 1.., .. } => SelectorStatus::Failed,
            Self { marked: 1.., .. } => SelectorStatus::Marked,
            Self {
                uncacheable: 1.., ..
            } => SelectorStatus::Uncacheable,
            // A purge that reached nothing must not pass for new content.
            Self { regenerated: 0, .. } => SelectorStatus::Marked,
            Self { .. } => SelectorStatus::Regenerated,
        };

        if self.failed > 0 {
            receipt.error = Some(SelectorErrorKind::Failures(self.failed).into());
        }
    }
}

impl Ended {
    /// Returns the end of a render by the entry that it stored.
    pub(super) fn of(entry: &Entry) -> Self {
        match entry.uses_old_values() {
            true => Self::Failed,
            false => Self::Regenerated,
        }
    }
}

impl From<JobResult> for Ended {
    fn from(result: JobResult) -> Self {
        match result {
            JobResult::Completed(flight) => match &flight.outcome {
                RenderOutcome::Stored(entry, _) => Self::of(entry),
                RenderOutcome::NotListed => Self::Regenerated,
                RenderOutcome::OverLimit(_)
                | RenderOutcome::Loaded(_)
                | RenderOutcome::NotLoaded => Self::Marked,
                RenderOutcome::NotKept(_) => Self::Uncacheable,
                RenderOutcome::Refused(_, http) if !is_error(*http) => Self::Uncacheable,
                RenderOutcome::Failed(_) | RenderOutcome::Refused(..) => Self::Failed,
            },
            JobResult::Stored(entry) | JobResult::Loaded(entry) => Self::of(&entry),
            JobResult::NoApplication | JobResult::GaveUp => Self::Marked,
            JobResult::NotReached => Self::NotReached,
        }
    }
}
