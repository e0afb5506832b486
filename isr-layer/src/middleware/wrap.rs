//! The wrapper for axum: a service for `axum::serve` whose hits never enter a router.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::ServiceExt;
use axum::body::Body;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::routing::IntoMakeService;
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

/// An axum application behind the layer, made by [`IsrLayer::wrap`] and given to `axum::serve`.
///
/// It is a service for requests, and one for connections, which `axum::serve` asks for. Where a
/// call must know which of them is meant, use [`as_service`](Self::as_service).
pub struct Wrapped<S> {
    isr: Isr<S>,
}

impl IsrLayer {
    /// Puts the layer in front of an axum application, as a service for `axum::serve`.
    ///
    /// `Router::new().fallback_service(isr.layer(routes))` makes a `Router` instead.
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
        // So that a page can be rendered before its first request.
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
    /// Makes a service for `axum::serve` which gives the peer's address to handlers that are not
    /// pages, and to the rate limits of the revalidation endpoint and of draft mode.
    ///
    /// ```no_run
    /// use std::net::SocketAddr;
    ///
    /// use axum::Router;
    /// use isr_layer::IsrLayer;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = IsrLayer::builder().build()?.wrap(Router::new());
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_make_service_with_connect_info<A>(self) -> IntoMakeServiceWithConnectInfo<Self, A> {
        ServiceExt::<Request<Body>>::into_make_service_with_connect_info(self)
    }

    /// Makes a service that returns a clone of this one for each connection.
    pub fn into_make_service(self) -> IntoMakeService<Self> {
        ServiceExt::<Request<Body>>::into_make_service(self)
    }

    /// Borrows this as a service for requests alone, as `Router::as_service` does.
    ///
    /// Tower's `ready` and the like cannot tell which of the two services is meant.
    ///
    /// ```
    /// use axum::{Router, body::Body};
    /// use http::Request;
    /// use isr_layer::IsrLayer;
    /// use tower::{Service, ServiceExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut app = IsrLayer::builder().build()?.wrap(Router::new());
    ///
    /// let mut service = app.as_service();
    /// let response = service.ready().await?.call(Request::new(Body::empty())).await?;
    ///
    /// assert_eq!(response.status(), 404);
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_service(
        &mut self,
    ) -> impl Service<
        Request<Body>,
        Response = Response<Body>,
        Error = Infallible,
        Future = WrappedFuture<S::Future>,
    > {
        self
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

/// Passes a body of axum's own on unchanged, and makes axum's body of stored bytes: it costs less
/// than a box around ours.
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
