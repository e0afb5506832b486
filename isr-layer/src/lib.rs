//! Incremental static regeneration (ISR) for every Tower service.
//!
//! A page is rendered once and served from memory. When it is stale it is served as it is and rendered anew in the
//! background; when an authenticated call says that its content changed, it is rendered at once.
//!
//! ```standalone_crate
//! use axum::{body::Body, extract::Path};
//! use http::Request;
//! use isr_layer::{IsrLayer, Purge, routes, static_page};
//! use tower::ServiceExt;
//!
//! #[static_page("/posts/{slug}", revalidate = 60, tags = ["posts"])]
//! async fn post(Path(slug): Path<String>) -> String {
//!     format!("the post {slug}")
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let isr = IsrLayer::builder().build()?;
//! let app = isr.wrap(routes![post]);
//! let get = || Request::get("/posts/a").body(Body::empty());
//!
//! let first = app.clone().oneshot(get()?).await?;
//! assert_eq!(first.headers()["cache-status"], "isr; fwd=uri-miss; stored");
//! let second = app.clone().oneshot(get()?).await?;
//! assert_eq!(second.headers()["cache-status"], "isr; hit; ttl=60");
//!
//! let receipt = isr.cache().revalidate(Purge::path("/posts/a")).await;
//! assert!(receipt.is_revalidated());
//! # Ok(())
//! # }
//! ```
//!
//! # The map
//!
//! | you want to | look at |
//! |---|---|
//! | make a handler a page | [`static_page`], [`Page`], [`Policy`] |
//! | put the layer in its place | [`IsrLayer::wrap`], [`IsrLayer`], [`IsrLayerBuilder`] |
//! | say that something changed, from code | [`Cache::revalidate`], [`Purge`], [`Mode`], [`Receipt`] |
//! | let a CDN keep pages | [`Downstream`], [`IsrLayerBuilder::downstream`] |
//! | show editors what is not published yet | [`IsrLayerBuilder::draft`], [`DraftService`], [`context::is_draft`] |
//! | keep the answers of a gRPC method | [`Page::with_unary`], [`guide::grpc`] |
//! | let a content system say it | [`IsrLayer::revalidate_service`], [`RevalidateService`], [`auth`] |
//! | tag a page while it is rendered, or change its lifetime | [`context`] |
//!
//! # Features
//!
//! `macros` (the attribute), `axum` ([`IsrLayer::wrap`], [`routes!`], placement behind routers) and `tracing` are on by
//! default. `tonic` makes the layer fit tonic's server. Features only add.
#![deny(missing_docs)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod body;
mod cache;
mod call;
mod caller;
mod clock;
pub mod context;
mod deliver;
mod draft;
mod entry;
mod error;
mod future;
pub mod guide;
mod header_mode;
mod hosts;
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
#[cfg(doctest)]
mod readme;
mod recipe;
mod revalidate;
#[cfg(feature = "axum")]
mod routes;
mod service;
mod slot;
mod spawn;
#[cfg(feature = "tonic")]
mod tonic;
mod visit;
#[cfg(feature = "axum")]
mod wrap;

pub use body::{IsrBody, RenderBody, RequestBody};
pub use cache::{Cache, Explanation, HostExplanation, PrerenderReport, Stats};
pub use call::Resumed;
pub use deliver::Downstream;
pub use draft::DraftService;
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
