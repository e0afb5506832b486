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
//! | feature | default | adds |
//! |---|---|---|
//! | `axum-0_8`, as `axum` | yes | [`IsrLayer::wrap`], [`routes!`], placement behind routers |
//! | `tonic-0_14`, as `tonic` | no | fits the layer to tonic's server |
//! | `macros` | yes | [`static_page`] |
//! | `hmac` | yes | signatures: of webhooks in [`auth`], and of the cookie of draft mode |
//! | `compression` | yes | encodes pages with brotli and gzip |
//! | `zstd` | no | encodes pages with zstd, which is a C library |
//! | `tracing` | yes | logs by `tracing` |
//!
//! Features only add. A number in the name of one is the major of that crate: its next major gets a feature of its own.
//!
// Links above to an item whose feature is off lead to docs.rs.
#![cfg_attr(
    not(feature = "axum-0_8"),
    doc = "[`IsrLayer::wrap`]: https://docs.rs/isr-layer/latest/isr_layer/struct.IsrLayer.html#method.wrap",
    doc = "[`routes!`]: https://docs.rs/isr-layer/latest/isr_layer/macro.routes.html"
)]
#![cfg_attr(
    not(feature = "hmac"),
    doc = "[`IsrLayerBuilder::draft`]: https://docs.rs/isr-layer/latest/isr_layer/struct.IsrLayerBuilder.html#method.draft",
    doc = "[`DraftService`]: https://docs.rs/isr-layer/latest/isr_layer/struct.DraftService.html"
)]
#![cfg_attr(
    not(feature = "macros"),
    doc = "[`static_page`]: https://docs.rs/isr-layer/latest/isr_layer/attr.static_page.html"
)]
#![cfg_attr(
    not(all(feature = "axum-0_8", feature = "hmac", feature = "macros")),
    doc = "[`guide::grpc`]: https://docs.rs/isr-layer/latest/isr_layer/guide/grpc/index.html"
)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod body;
mod cache;
mod clock;
mod deliver;
mod draft;
mod entry;
mod error;
mod grpc;
#[cfg(all(feature = "axum-0_8", feature = "hmac", feature = "macros"))]
pub mod guide;
mod header_mode;
mod hosts;
mod invalidation;
mod middleware;
mod observe;
mod outcome;
mod page;
mod prerender;
mod render;
mod revalidate;
mod spawn;

pub use body::{IsrBody, RenderBody, RequestBody};
pub use cache::{Cache, Explanation, HostExplanation, Stats};
pub use deliver::Downstream;
#[cfg(feature = "hmac")]
pub use draft::DraftService;
pub use error::{Error, ErrorKind};
pub use grpc::RewoundBody;
pub use invalidation::{Mode, Purge, Receipt, Selector, SelectorReceipt, Status};
pub use middleware::{Isr, IsrLayer, IsrLayerBuilder, ResponseFuture};
#[cfg(feature = "axum-0_8")]
pub use middleware::{Wrapped, WrappedFuture};
pub use page::{Fallback, Page, ParamSet, Params, ParamsFuture, Policy};
pub use prerender::PrerenderReport;
pub use render::context;
pub use revalidate::{RevalidateService, Unprocessable, Webhook, WebhookEvent, auth};

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
