//! Where the layer sits, told by what axum's router leaves in a request's extensions.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use http::{Extensions, Request};

/// Whether a router has chosen a route already.
pub(crate) fn is_routed(extensions: &Extensions) -> bool {
    extensions.get::<MatchedPath>().is_some()
}

/// The path as the client asked for it: a nested router has cut its prefix off the request's own.
pub(crate) fn public_path<B>(request: &Request<B>) -> &str {
    let original = request.extensions().get::<OriginalUri>().map(|original| original.0.path());
    let local = request.uri().path();
    original.filter(|original| original.ends_with(local)).unwrap_or(local)
}

/// Drops what belongs to the client's connection.
pub(crate) fn drop_connection(extensions: &mut Extensions) {
    extensions.remove::<ConnectInfo<SocketAddr>>();
    extensions.remove::<hyper::upgrade::OnUpgrade>();
}
