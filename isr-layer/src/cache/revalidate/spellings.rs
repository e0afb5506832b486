//! The two spellings of a path, with and without a last slash: which is rendered, and the one
//! receipt of both.

use super::plan::Planned;
use super::target::SelectorTarget;
use crate::cache::core::Core;
use crate::cache::steps::Steps;
use crate::invalidation::{Mode, SelectorReceipt};
use crate::render::Key;

impl Core {
    /// Chooses between the two spellings of a path that is rendered: what is cached is, and if
    /// nothing is, the spelling of the purge. Called when both are marked, so that a render which
    /// begins later is a new one, and when the purge holds no mark itself.
    pub(super) async fn choose_spellings(&self, planned: &mut [Planned]) {
        let mut steps = Steps::default();
        for other in 1..planned.len() {
            steps.next().await;
            let (before, rest) = planned.split_at_mut(other);
            let (Some(given), Some(other)) = (before.last_mut(), rest.first_mut()) else {
                continue;
            };
            if other.is_other && other.mode == Mode::Regenerate {
                other.is_told = self.is_cached(other);
                given.is_told = !other.is_told || self.is_cached(given);
            }
        }
    }

    /// True if a page at the path of a target is in memory or being rendered, or a variant of it
    /// may be: only a search of memory would tell.
    fn is_cached(&self, planned: &Planned) -> bool {
        match &planned.target {
            Ok(SelectorTarget::Path { page, .. }) if page.is_open() => true,
            Ok(SelectorTarget::Path { page, path }) => {
                let (memory, flights) = (&self.pages.memory, &self.pages.flights);
                let mut keys = Key::bare(page, path).into_iter();
                // Flights first: a render that completes in between is then in memory.
                keys.any(|key| flights.is_in_progress(&key) || memory.get_key(&key).is_some())
            }
            // A path at a host. Whatever was or is rendered there holds its mark.
            Ok(SelectorTarget::Tag(tag)) => {
                let mark = self.marks.tag(tag);
                mark.is_some_and(|mark| mark.is_held())
            }
            _ => false,
        }
    }
}

/// Returns one receipt for each selector, of one receipt for each target.
pub(super) async fn told(
    planned: &[Planned],
    receipts: Vec<SelectorReceipt>,
) -> Vec<SelectorReceipt> {
    if !planned.iter().any(|planned| planned.is_other) {
        return receipts;
    }

    let mut steps = Steps::default();
    let mut told = Vec::<SelectorReceipt>::with_capacity(receipts.len());
    let mut is_previous_told = true;
    for (planned, receipt) in planned.iter().zip(receipts) {
        let previous = if planned.is_other { told.pop() } else { None };
        told.push(match previous {
            Some(previous) => planned.joined(previous, is_previous_told, receipt),
            None => receipt,
        });
        is_previous_told = planned.is_told;
        steps.next().await;
    }

    told
}

impl Planned {
    /// Joins the receipts of the two spellings of a path: the worse one of those that are told,
    /// with the counts of both.
    fn joined(
        &self,
        previous: SelectorReceipt,
        is_previous_told: bool,
        mut receipt: SelectorReceipt,
    ) -> SelectorReceipt {
        let count = |of: fn(&SelectorReceipt) -> Option<u64>| {
            let counts = of(&previous).into_iter().chain(of(&receipt));
            counts.reduce(|one, other| one + other)
        };
        let matched = count(|receipt| receipt.matched);
        let regenerated = count(|receipt| receipt.regenerated);
        let failed = count(|receipt| receipt.failed);

        // The receipt shows the spelling that was sent, and not this one.
        if let Ok(SelectorTarget::Path { path, .. }) = &self.target {
            receipt.error = receipt.error.map(|error| error.or_at(path));
        }
        let told = match (is_previous_told, self.is_told) {
            (true, true) => previous.or_worse(receipt),
            (true, false) => previous,
            (false, _) => receipt,
        };
        SelectorReceipt {
            matched,
            regenerated,
            failed,
            ..told
        }
    }
}
