//! Incremental static regeneration (ISR) for every Tower service.
#![deny(missing_docs)]

mod body;
mod cache;
mod clock;
pub mod context;
mod deliver;
mod entry;
mod error;
mod future;
mod invalidation;
mod key;
mod layer;
mod observe;
mod outcome;
mod page;
#[cfg(feature = "axum")]
#[path = "placement/axum.rs"]
mod placement;
#[cfg(not(feature = "axum"))]
#[path = "placement/plain.rs"]
mod placement;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod recipe;
mod service;
mod spawn;
mod visit;
#[cfg(feature = "axum")]
mod wrap;

pub use body::{IsrBody, RenderBody, RequestBody};
pub use cache::{Cache, Explanation, Stats};
pub use error::{Error, ErrorKind};
pub use future::ResponseFuture;
pub use invalidation::{Mode, Purge, Receipt, Selector, SelectorReceipt, Status};
pub use layer::{IsrLayer, IsrLayerBuilder};
pub use page::{Fallback, Page, ParamSet, Params, ParamsFuture, Policy};
pub use service::Isr;
#[cfg(feature = "axum")]
pub use wrap::{Wrapped, WrappedFuture};

#[cfg(feature = "macros")]
pub use isr_layer_macros::static_page;
