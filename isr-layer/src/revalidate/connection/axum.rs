//! Reads axum's extensions: [`ConnectInfo`] has the peer, [`OriginalUri`] the URI that the client
//! sent to a nested router.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, OriginalUri};
use http::{Extensions, Uri};

/// Returns the address of the client, if the server was set up to provide it.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip())
}

/// Returns the URI as it was before a nested router cut off its prefix.
pub(in crate::revalidate) fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri)
}

/// Makes a request come from `peer`, for tests.
#[cfg(test)]
pub(in crate::revalidate) fn set_peer(extensions: &mut Extensions, peer: SocketAddr) {
    extensions.insert(ConnectInfo(peer));
}
