//! Reads the extensions without axum: a bare [`SocketAddr`] is the peer, and no router cuts off a
//! prefix.

use std::net::{IpAddr, SocketAddr};

use http::{Extensions, Uri};

/// Returns the address of the client, if the server was set up to provide it.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

/// Returns the URI as the client sent it, if it differs: without a router it never does.
pub(in crate::revalidate) fn original_uri(_: &Extensions) -> Option<&Uri> {
    None
}

/// Makes a request come from `peer`, for tests.
#[cfg(test)]
pub(in crate::revalidate) fn set_peer(extensions: &mut Extensions, peer: SocketAddr) {
    extensions.insert(peer);
}
