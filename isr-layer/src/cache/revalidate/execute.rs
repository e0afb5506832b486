//! Executes a purge: raises all marks under one number, has them recorded, and then has the pages
//! rendered.

use std::sync::Arc;
use std::time::Duration;

use super::plan::Plan;
use super::spellings::told;
use crate::cache::core::Core;
use crate::cache::steps::Steps;
use crate::clock;
use crate::invalidation::{HeldMark, Purge, Reach, Receipt, Sequence, Strength};
use crate::observe;
use crate::render::context::is_in_render;
use crate::rules::{Rule, holds};
use crate::spawn::is_in_runtime;
use crate::store;

/// The time for which a call waits for its renders. A render that takes longer goes on, and its
/// receipt says `running`.
const MAX_RECEIPT_WAIT: Duration = Duration::from_secs(2);

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
}
