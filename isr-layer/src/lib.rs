//! Incremental static regeneration (ISR) for every Tower service.
#![deny(missing_docs)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod body;
mod cache;
mod clock;
pub mod context;
mod deliver;
mod entry;
mod error;
mod future;
mod inner;
mod invalidation;
mod key;
mod layer;
mod leak;
mod observe;
mod outcome;
mod page;
#[cfg(feature = "axum")]
#[path = "placement/axum.rs"]
mod placement;
#[cfg(not(feature = "axum"))]
#[path = "placement/plain.rs"]
mod placement;
mod recipe;
mod revalidate;
#[cfg(feature = "axum")]
mod routes;
mod service;
mod spawn;
mod visit;
#[cfg(feature = "axum")]
mod wrap;

pub use body::{IsrBody, RenderBody, RequestBody};
pub use cache::{Cache, Explanation, PrerenderReport, Stats};
pub use error::{Error, ErrorKind};
pub use future::ResponseFuture;
pub use invalidation::{Mode, Purge, Receipt, Selector, SelectorReceipt, Status};
pub use layer::{IsrLayer, IsrLayerBuilder};
pub use page::{Fallback, Page, ParamSet, Params, ParamsFuture, Policy};
pub use revalidate::{RevalidateService, Unprocessable, Webhook, WebhookEvent, auth};
pub use service::Isr;
#[cfg(feature = "axum")]
pub use wrap::{Wrapped, WrappedFuture};

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
