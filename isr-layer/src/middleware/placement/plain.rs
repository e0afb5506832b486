//! Assumes, without axum, that the layer is in front of the whole application.

use std::any::TypeId;

use http::{Extensions, Request, Uri};

/// Returns whether a router has chosen a route already.
pub(crate) fn is_routed(_: &Extensions) -> bool {
    false
}

/// Returns the path as the client requested it.
pub(crate) fn public_path<B>(request: &Request<B>) -> &str {
    request.uri().path()
}

/// Does nothing: [`is_routed`] is never true, so no extensions travel with a render.
pub(crate) fn narrow(_: &mut Extensions, _: Uri) {}

/// Returns whether a type is one route of a router.
pub(crate) fn is_route(_: TypeId) -> bool {
    false
}

/// Returns whether readiness holds nothing in a type. Of an unknown type we must assume that it
/// does.
pub(crate) fn is_always_ready(_: TypeId) -> bool {
    false
}

/// Returns nothing: no router is known.
pub(crate) fn parameters(_: &Extensions, _: Uri) -> Extensions {
    Extensions::new()
}
