//! Where the layer sits, without a router it knows: always in front of everything.

use std::any::TypeId;

use http::{Extensions, Request, Uri};

/// Whether a router has chosen a route already.
pub(crate) fn is_routed(_: &Extensions) -> bool {
    false
}

/// The path as the client asked for it.
pub(crate) fn public_path<B>(request: &Request<B>) -> &str {
    request.uri().path()
}

/// Extensions do not travel at all.
pub(crate) fn narrow(_: &mut Extensions, _: Uri) {}

/// Whether that type is one route of a router.
pub(crate) fn is_route(_: TypeId) -> bool {
    false
}

/// Whether being ready holds nothing in that type.
pub(crate) fn is_always_ready(_: TypeId) -> bool {
    false
}
