//! Where the layer sits, without a router it knows: always in front of everything.

use http::{Extensions, Request};

/// Whether a router has chosen a route already.
pub(crate) fn is_routed(_: &Extensions) -> bool {
    false
}

/// The path as the client asked for it.
pub(crate) fn public_path<B>(request: &Request<B>) -> &str {
    request.uri().path()
}

/// Drops what belongs to the client's connection: extensions do not travel at all.
pub(crate) fn drop_connection(_: &mut Extensions) {}
