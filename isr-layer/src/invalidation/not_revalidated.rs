//! The error made of the receipt of a failed purge.

use std::fmt;

use super::{Reach, Receipt};

/// The error of a purge that did not reach all of its selectors, made by [`Receipt::into_result`].
#[derive(Clone, Debug)]
pub struct NotRevalidated {
    receipt: Receipt,
}

impl NotRevalidated {
    pub(super) fn new(receipt: Receipt) -> Self {
        Self { receipt }
    }

    /// Returns the receipt of the purge.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Gives the receipt back.
    pub fn into_receipt(self) -> Receipt {
        self.receipt
    }
}

impl fmt::Display for NotRevalidated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A selector that succeeded would only hide those that failed.
        let failed = self
            .receipt
            .receipts()
            .iter()
            .filter(|one| !one.status().is_good());

        let mut separator = "not revalidated: ";
        for one in failed {
            write!(f, "{separator}the {} ({}", one.selector(), one.status())?;
            if let Some(error) = one.error() {
                write!(f, ": {error}")?;
            }
            f.write_str(")")?;
            separator = "; ";
        }

        if self.receipt.receipts().is_empty() {
            write!(f, "{separator}the purge has no selector")?;
        }
        if self.receipt.reach() == Some(Reach::Local) {
            write!(f, "{separator}the store did not record the purge")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotRevalidated {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::{Selector, SelectorErrorKind, SelectorReceipt, SelectorStatus};

    fn receipt(status: SelectorStatus, failed: Option<u64>) -> SelectorReceipt {
        SelectorReceipt {
            error: failed.map(|failed| SelectorErrorKind::Failures(failed).into()),
            ..SelectorReceipt::new(Selector::Tag("posts".to_owned()), status)
        }
    }

    #[test]
    fn a_receipt_of_nothing_is_no_success() {
        let empty = Receipt::new(None, Vec::new());

        assert!(!empty.is_revalidated());
        let error = empty.into_result().unwrap_err();
        assert_eq!(
            error.to_string(),
            "not revalidated: the purge has no selector"
        );
    }

    #[test]
    fn a_purge_that_was_not_recorded_is_no_success() {
        let receipts = vec![receipt(SelectorStatus::Marked, None)];

        let local = Receipt::new(None, receipts).with_reach(Some(Reach::Local));

        assert!(!local.is_revalidated());
        assert_eq!(
            local.into_result().unwrap_err().to_string(),
            "not revalidated: the store did not record the purge"
        );
    }

    #[test]
    fn the_error_names_what_failed_and_why_and_gives_the_receipt_back() {
        let receipts = vec![
            receipt(SelectorStatus::Regenerated, None),
            receipt(SelectorStatus::Failed, Some(2)),
            receipt(SelectorStatus::UnknownPath, None),
        ];

        let error = Receipt::new(Some(7), receipts).into_result().unwrap_err();

        assert_eq!(
            error.to_string(),
            "not revalidated: the tag `posts` (failed: 2 renders failed; the last good pages stay); the tag `posts` (unknown_path)"
        );
        assert_eq!(error.into_receipt().sequence(), Some(7));
    }
}
