//! Incremental static regeneration (ISR) for every Tower service.
#![deny(missing_docs)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod clock;
pub mod context;
mod error;
mod invalidation;
mod observe;
mod page;
mod revalidate;

pub use error::{Error, ErrorKind};
pub use invalidation::{Mode, Purge, Receipt, Selector, SelectorReceipt, Status};
pub use page::{Fallback, Page, ParamSet, Params, ParamsFuture, Policy};
pub use revalidate::{Delivery, RevalidateService, Unprocessable, Webhook, auth};

#[cfg(feature = "macros")]
pub use isr_layer_macros::static_page;

/// A cheap handle to the cache, for handlers and jobs.
#[derive(Clone, Debug, Default)]
pub struct Cache {}

impl Cache {
    /// Invalidates what `purge` names and says what happened to each selector.
    pub async fn revalidate(&self, purge: Purge) -> Receipt {
        let _ = purge;
        Receipt::new(None, Vec::new())
    }
}
