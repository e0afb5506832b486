//! Under axum: `ConnectInfo<SocketAddr>` is the peer, and `OriginalUri` what the client sent to a nested router.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, OriginalUri};
use http::{Extensions, Uri};

/// The address of the client, where the server was told to tell it.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip())
}

/// The URI before a router stripped the prefix of a nest.
pub(in crate::revalidate) fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri)
}

/// A request from `peer`, for tests.
#[cfg(test)]
pub(in crate::revalidate) fn set_peer(extensions: &mut Extensions, peer: SocketAddr) {
    extensions.insert(ConnectInfo(peer));
}
