//! Detects the place of the layer in an axum application, by the extensions that routers add to a
//! request.

use std::any::TypeId;
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, NestedPath, OriginalUri};
use axum::routing::Route;
use http::{Extensions, Request, Response, Uri};
use tower_service::Service;

/// Returns whether a router has chosen a route already, or a nested service: for that one axum adds
/// only a [`NestedPath`], and no [`MatchedPath`].
#[inline]
pub(crate) fn is_routed(extensions: &Extensions) -> bool {
    extensions.get::<MatchedPath>().is_some() || extensions.get::<NestedPath>().is_some()
}

/// Returns the path as the client requested it: a nested router has cut its prefix off the
/// request's own path. Of the nested router's index only a slash is left, which the client need not
/// have sent.
pub(crate) fn public_path<B>(request: &Request<B>) -> &str {
    let original = request
        .extensions()
        .get::<OriginalUri>()
        .map(|original| original.0.path());
    let local = request.uri().path();

    // A path that was changed in any other way counts as it is now.
    original
        .filter(|original| local == "/" || original.ends_with(local))
        .unwrap_or(local)
}

/// Narrows the extensions of a routed request, which must not say more than its key does: removes
/// the connection, and replaces the URI that the client sent by `public`, the URI of the key.
pub(crate) fn narrow(extensions: &mut Extensions, public: Uri) {
    extensions.remove::<ConnectInfo<SocketAddr>>();
    extensions.remove::<hyper::upgrade::OnUpgrade>();
    if extensions.remove::<OriginalUri>().is_some() {
        extensions.insert(OriginalUri(public));
    }
}

/// Returns the extensions that axum itself gives a request for `public`, where the router has
/// chosen the route that `routed` names: the parameters of the path, and the pattern.
///
/// Their type is axum's own secret, so a router of this one route makes them anew.
pub(crate) fn parameters(routed: &Extensions, public: Uri) -> Extensions {
    let router = Router::new().without_v07_checks();
    let mut router = if let Some(pattern) = routed.get::<MatchedPath>() {
        router.route_service(pattern.as_str(), Echo)
    } else if let Some(prefix) = routed.get::<NestedPath>() {
        router.nest_service(prefix.as_str(), Echo)
    } else {
        router
    };

    let mut request = Request::new(Body::empty());
    *request.uri_mut() = public;
    // A router of one route has nothing to wait for.
    let response = pin!(router.call(request)).poll(&mut Context::from_waker(Waker::noop()));
    let mut extensions = match response {
        Poll::Ready(Ok(response)) => response.into_parts().0.extensions,
        _ => Extensions::new(),
    };
    if let Some(prefix) = routed.get::<NestedPath>() {
        extensions.insert(prefix.clone());
    }
    extensions
}

/// Returns the extensions of each request in its response.
#[derive(Clone)]
struct Echo;

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut response = Response::new(Body::empty());
        *response.extensions_mut() = request.into_parts().0.extensions;
        ready(Ok(response))
    }
}

/// Returns whether a type is one route of a router, and so never the whole application. A router's
/// fallback has this type too, and gets requests for which no route was chosen.
pub(crate) fn is_route(service: TypeId) -> bool {
    service == TypeId::of::<Route>()
}

/// Returns whether readiness holds nothing in a type, so that a hit need not give anything back:
/// axum's services get ready inside their call.
pub(crate) fn is_always_ready(service: TypeId) -> bool {
    is_route(service) || service == TypeId::of::<Router>()
}
