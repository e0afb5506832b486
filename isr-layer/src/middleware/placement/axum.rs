//! Where the layer sits, told by what axum's router leaves in a request's extensions.

use std::any::TypeId;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, NestedPath, OriginalUri};
use axum::routing::Route;
use http::{Extensions, Request, Uri};

/// Whether a router has chosen a route already, or a service that is nested in it, of which it tells no route.
#[inline]
pub(crate) fn is_routed(extensions: &Extensions) -> bool {
    extensions.get::<MatchedPath>().is_some() || extensions.get::<NestedPath>().is_some()
}

/// The path as the client asked for it: a nested router has cut its prefix off the request's own. Of its index nothing is
/// left but a slash, which the client need not have sent.
pub(crate) fn public_path<B>(request: &Request<B>) -> &str {
    let original = request
        .extensions()
        .get::<OriginalUri>()
        .map(|original| original.0.path());
    let local = request.uri().path();
    original
        .filter(|original| local == "/" || original.ends_with(local))
        .unwrap_or(local)
}

/// Takes from a routed request's extensions what says more than the key does: the connection, and the URI as it was sent.
pub(crate) fn narrow(extensions: &mut Extensions, public: Uri) {
    extensions.remove::<ConnectInfo<SocketAddr>>();
    extensions.remove::<hyper::upgrade::OnUpgrade>();
    if extensions.remove::<OriginalUri>().is_some() {
        extensions.insert(OriginalUri(public));
    }
}

/// Whether that type is one route of a router, and so never the whole application. A router's fallback is one too, and gets
/// requests that no route was chosen for.
pub(crate) fn is_route(service: TypeId) -> bool {
    service == TypeId::of::<Route>()
}

/// Whether being ready holds nothing in that type: axum's services get ready inside their call.
pub(crate) fn is_always_ready(service: TypeId) -> bool {
    is_route(service) || service == TypeId::of::<Router>()
}
