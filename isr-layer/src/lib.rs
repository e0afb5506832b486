//! Incremental static regeneration (ISR) for every Tower service.
//!
//! A page is rendered once and served from memory. A stale page is still served while it is
//! rendered again in the background. When an authenticated call says that its content changed, the
//! page is rendered at once.
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
//! | to | look at |
//! |---|---|
//! | make a handler a page | [`static_page`], [`Page`], [`Policy`] |
//! | keep values that pages and routes share | [`static_data`], [`Cache::data`], [`guide::data`] |
//! | put the layer around an application | [`IsrLayer::wrap`], [`IsrLayer`], [`IsrLayerBuilder`] |
//! | say that something changed | [`Cache::revalidate`], [`Purge`], [`Mode`], [`Receipt`] |
//! | let a content system say it | [`IsrLayer::revalidate_service`], [`webhook`], [`auth`] |
//! | let a CDN keep pages | [`Downstream`], [`IsrLayerBuilder::downstream`] |
//! | show unpublished content | [`IsrLayerBuilder::draft`], [`draft`], [`context::is_draft`] |
//! | render pages before the first request | [`Cache::prerender`], [`prerender`], [`params`] |
//! | keep the responses of a gRPC method | [`Page::with_unary`], [`guide::grpc`] |
//! | tag a page during its render, or change its lifetime | [`context`] |
//! | put other layers into their places | [`guide::layers`] |
//! | keep pages across restarts, deploy, roll back | [`store`], [`guide::restarts`] |
//! | test pages, see each change at once, read the log | [`guide::testing`], [`guide::develop`] |
//!
//! # Modules
//!
//! The root has the names that a `main` function writes. The types that they take and return are in
//! modules: [`purge`] for receipts, [`body`] and [`future`] for services, [`inspect`] for figures.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `axum-0_8`, as `axum` | yes | [`IsrLayer::wrap`], [`routes!`], placement behind routers |
//! | `tonic-0_14`, as `tonic` | no | fits the layer to tonic's server |
//! | `macros` | yes | [`static_page`], [`static_data`] |
//! | `hmac` | yes | signatures: of webhooks in [`auth`], and of the cookie of draft mode |
//! | `compression` | yes | encodes pages with brotli and gzip |
//! | `zstd` | no | encodes pages with zstd, which is a C library |
//! | `disk` | no | `Disk` in [`store`]: pages and purges in a directory; needs Rust 1.90 |
//! | `testing` | no | [`testing`], the tests for a [`Store`](store::Store) of your own |
//! | `tracing` | yes | logs by `tracing`, to the target `isr` |
//!
//! Features only add. A number in the name of one is the major of that crate: its next major gets a
//! feature of its own.
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
    doc = "[`draft`]: https://docs.rs/isr-layer/latest/isr_layer/draft/index.html"
)]
#![cfg_attr(
    not(feature = "macros"),
    doc = "[`static_data`]: https://docs.rs/isr-layer/latest/isr_layer/attr.static_data.html",
    doc = "[`static_page`]: https://docs.rs/isr-layer/latest/isr_layer/attr.static_page.html"
)]
#![cfg_attr(
    not(feature = "testing"),
    doc = "[`testing`]: https://docs.rs/isr-layer/latest/isr_layer/testing/index.html"
)]
#![cfg_attr(
    not(all(feature = "axum-0_8", feature = "hmac", feature = "macros")),
    doc = "[`guide::data`]: https://docs.rs/isr-layer/latest/isr_layer/guide/data/index.html",
    doc = "[`guide::develop`]: https://docs.rs/isr-layer/latest/isr_layer/guide/develop/index.html",
    doc = "[`guide::grpc`]: https://docs.rs/isr-layer/latest/isr_layer/guide/grpc/index.html",
    doc = "[`guide::layers`]: https://docs.rs/isr-layer/latest/isr_layer/guide/layers/index.html",
    doc = "[`guide::restarts`]: https://docs.rs/isr-layer/latest/isr_layer/guide/restarts/index.html",
    doc = "[`guide::testing`]: https://docs.rs/isr-layer/latest/isr_layer/guide/testing/index.html"
)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod body;
mod cache;
mod catch_panic;
mod clock;
pub mod data;
mod deliver;
pub mod draft;
mod entry;
mod error;
mod grpc;
#[cfg(all(feature = "axum-0_8", feature = "hmac", feature = "macros"))]
pub mod guide;
mod header_mode;
mod hosts;
pub mod inspect;
mod invalidation;
mod middleware;
mod observe;
mod outcome;
mod page;
pub mod prerender;
mod render;
mod revalidate;
mod rules;
mod spawn;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod value;

pub use cache::Cache;
pub use deliver::Downstream;
pub use error::{Error, ErrorKind};
pub use invalidation::{Mode, Purge, Receipt};
#[cfg(feature = "axum-0_8")]
pub use middleware::Wrapped;
pub use middleware::{Isr, IsrLayer, IsrLayerBuilder};
pub use page::{Fallback, Page, ParamSet, Policy};
pub use render::context;
pub use revalidate::auth;

/// The futures of [`Isr`] and of the wrapper for axum.
pub mod future {
    pub use crate::middleware::ResponseFuture;
    #[cfg(feature = "axum-0_8")]
    pub use crate::middleware::WrappedFuture;
}

/// The lists that `params` functions return.
pub mod params {
    pub use crate::page::{IntoParamSet, ParamList, Params, ParamsFuture};
}

/// The parts of a [`Purge`] and of its [`Receipt`].
pub mod purge {
    pub use crate::invalidation::{
        NotRevalidated, Reach, Selector, SelectorError, SelectorReceipt, SelectorStatus,
    };
}

/// The revalidation endpoint, and the mapping from a content system's webhooks to a [`Purge`].
pub mod webhook {
    pub use crate::revalidate::{RevalidateService, Unprocessable, Webhook, WebhookEvent};
}

/// Makes a handler a page: rendered once, stored, and rendered again when its content changed.
///
/// ```standalone_crate
/// use isr_layer::static_page;
///
/// #[static_page(
///     "/posts/{slug}",
///     revalidate = "10m",
///     expire = "7d",
///     tags = ["posts", "post:{slug}"],
///     params = all_slugs
/// )]
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

/// Keeps what a function loads: a value that pages and plain routes share, loaded once, with the
/// lifetimes, tags and purges of pages.
///
/// ```standalone_crate
/// use isr_layer::{IsrLayer, Purge, static_data};
///
/// #[static_data(revalidate = "60s", tags = ["posts", "post:{slug}"], skip = [db])]
/// async fn post(db: &Db, slug: &str) -> Result<Option<String>, std::io::Error> {
///     db.post(slug).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let isr = IsrLayer::builder().build()?;
/// let db = Db::default();
///
/// // In a page, a route behind the layer, or a job with a cache:
/// let read = isr.cache().scope(async {
///     let first = post(&db, "a").await?;
///     assert_eq!(first.as_deref(), Some("the post a, loaded 1 times"));
///     assert_eq!(post(&db, "a").await?, first);
///     Ok::<_, std::io::Error>(())
/// });
/// read.await?;
///
/// let receipt = isr.cache().revalidate(Purge::tag("post:a")).await;
/// assert!(receipt.is_revalidated());
/// assert_eq!(post::DATA.name(), "post");
/// # Ok(())
/// # }
/// # #[derive(Clone, Default)]
/// # struct Db(std::sync::Arc<std::sync::atomic::AtomicUsize>);
/// # impl Db {
/// #     async fn post(&self, slug: &str) -> Result<Option<String>, std::io::Error> {
/// #         let loads = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
/// #         Ok(Some(format!("the post {slug}, loaded {loads} times")))
/// #     }
/// # }
/// ```
///
/// A page that reads a value waits for a fresh one, and takes over its tags and its ends. Any other
/// reader gets a stale value at once, while one load refreshes it. If a load fails, the last value
/// stays. Where no cache is in reach, the function loads each time, and one warning names it.
///
/// Without the attribute, [`Cache::data`] does the same.
///
#[cfg(feature = "macros")]
pub use isr_layer_macros::static_data;
