//! Where the layer sits, without a router it knows: always in front of everything.

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

/// Whether `S` is one route of a router.
pub(crate) fn is_route<S: 'static>() -> bool {
    false
}

/// Whether being ready holds nothing in `S`.
pub(crate) fn is_always_ready<S: 'static>() -> bool {
    false
}
