//! Face 1, the middleware: recognises pages, responds from memory, and otherwise waits for the
//! engine.
//!
//! A request enters at [`Isr`], which [`IsrLayer`] puts around a service. A page that is not fresh
//! goes on as a [`page_request`]; a gRPC request is a [`grpc_request`] first, until its message is
//! read. [`shared`] holds the state that all clones of one [`Isr`] share.

mod alone;
mod builder;
mod future;
mod grpc_request;
mod inner;
mod layer;
mod looks;
mod not_found;
mod page_request;
#[cfg(feature = "axum-0_8")]
#[path = "placement/axum.rs"]
mod placement;
#[cfg(not(feature = "axum-0_8"))]
#[path = "placement/plain.rs"]
mod placement;
mod reply;
#[cfg(feature = "axum-0_8")]
mod routes;
mod service;
mod shared;
#[cfg(feature = "tonic-0_14")]
mod tonic;
#[cfg(feature = "axum-0_8")]
mod wrap;

pub use builder::IsrLayerBuilder;
pub use future::ResponseFuture;
pub use layer::IsrLayer;
pub use service::Isr;
#[cfg(feature = "axum-0_8")]
pub use wrap::{Wrapped, WrappedFuture};

pub(crate) use inner::{Inner, call, take_ready};
pub(crate) use placement::is_always_ready;
pub(crate) use shared::Shared;
