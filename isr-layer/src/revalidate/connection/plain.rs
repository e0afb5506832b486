//! Without axum: a bare `SocketAddr` among the extensions is the peer, and no router strips anything.

use std::net::{IpAddr, SocketAddr};

use http::{Extensions, Uri};

/// The address of the client, where the server was told to tell it.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

/// The URI as the client sent it, if it differs.
pub(in crate::revalidate) fn original_uri(_: &Extensions) -> Option<&Uri> {
    None
}

/// A request from `peer`, for tests.
#[cfg(test)]
pub(in crate::revalidate) fn set_peer(extensions: &mut Extensions, peer: SocketAddr) {
    extensions.insert(peer);
}
