//! The axum convenience: a service that `axum::serve` takes as it is, whose hits never enter a router.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::ServiceExt;
use axum::body::Body;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::future::ResponseFuture;
use super::layer::IsrLayer;
use super::service::Isr;
use super::shared::Shared;
use crate::body::{IsrBody, Kind, RenderBody};
use crate::grpc::RewoundBody;

impl RenderBody for Body {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::from(bytes)
    }

    fn from_rewound(body: RewoundBody<Self>) -> Self {
        Self::new(body)
    }
}

/// An axum application behind the layer. Made by [`IsrLayer::wrap`]; give it to `axum::serve`.
pub struct Wrapped<S> {
    isr: Isr<S>,
}

impl IsrLayer {
    /// Puts the layer in front of an axum application, as a service that `axum::serve` takes.
    ///
    /// Who needs a `Router` again writes `Router::new().fallback_service(isr.layer(routes))`.
    ///
    /// ```no_run
    /// use axum::{Router, routing::get};
    /// use isr_layer::{IsrLayer, Page};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let isr = IsrLayer::builder().pages([Page::new("/")]).build()?;
    /// let routes = Router::new().route("/", get(|| async { "a page" }));
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// axum::serve(listener, isr.wrap(routes)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wrap<S>(&self, application: S) -> Wrapped<S>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
    {
        let isr = Isr::new(application, self.core.clone(), true);
        Shared::register::<Body>(&isr.shared);
        Wrapped { isr }
    }
}

impl<S> Wrapped<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    /// Makes the peer's address available to handlers that are no pages, and to the revalidation endpoint's rate limit:
    /// `axum::serve(listener, isr.wrap(routes).with_connect_info::<SocketAddr>())`.
    pub fn with_connect_info<A>(self) -> IntoMakeServiceWithConnectInfo<Self, A> {
        ServiceExt::<Request<Body>>::into_make_service_with_connect_info(self)
    }
}

impl<S> Service<Request<Body>> for Wrapped<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = WrappedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.isr.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        WrappedFuture {
            future: self.isr.call(request),
        }
    }
}

impl<S, L> Service<IncomingStream<'_, L>> for Wrapped<S>
where
    S: Clone,
    L: Listener,
{
    type Response = Self;
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: IncomingStream<'_, L>) -> Self::Future {
        ready(Ok(self.clone()))
    }
}

impl<S: Clone> Clone for Wrapped<S> {
    fn clone(&self) -> Self {
        Self {
            isr: self.isr.clone(),
        }
    }
}

impl<S> fmt::Debug for Wrapped<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Wrapped`].
    pub struct WrappedFuture<F> {
        #[pin]
        future: ResponseFuture<F, Body, Infallible>,
    }
}

impl<F> Future for WrappedFuture<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll_into(cx, axum_body)
    }
}

impl<F> fmt::Debug for WrappedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedFuture").finish_non_exhaustive()
    }
}

/// A body of axum's own goes on as it is, and stored bytes as the kind axum makes of bytes, which costs less than ours.
#[inline]
fn axum_body(body: IsrBody<Body>) -> Body {
    match body.kind {
        Kind::Inner { body } => body,
        Kind::Stored {
            bytes: None,
            trailers: None,
        } => Body::empty(),
        Kind::Stored {
            bytes: Some(bytes),
            trailers: None,
        } => Body::from(bytes),
        kind => Body::new(IsrBody { kind }),
    }
}
