//! A reverse proxy that caches by its origin's response headers (RFC 9111), without any declared
//! page.
//!
//! `PROXY_ORIGIN=http://127.0.0.1:3000 cargo run -p proxy-example`, then send requests to
//! 127.0.0.1:3001 (`PROXY_ADDR`).

mod headers;
mod hops;

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::error_handling::HandleError;
use axum::middleware::map_request;
use http::header::HOST;
use http::uri::{PathAndQuery, Scheme, Uri};
use http::{HeaderName, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use isr_layer::IsrLayer;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

/// Time that an idle connection is kept: shorter than the five seconds or more of usual origins.
const IDLE: Duration = Duration::from_secs(4);

/// The origin, and the clients that send requests to it.
#[derive(Clone, Debug)]
struct Origin {
    base: Uri,
    /// Keeps its connections, for requests without a body.
    pooled: Client<HttpConnector, Body>,
    /// Opens a connection for each request, for those with a body.
    unpooled: Client<HttpConnector, Body>,
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let origin = Origin::from_env()?;
    let addr = env::var("PROXY_ADDR").unwrap_or_else(|_| "127.0.0.1:3001".to_owned());
    let listener = TcpListener::bind(&addr).await.with_context(|| {
        format!("cannot listen on {addr}; choose another address with PROXY_ADDR, for example PROXY_ADDR=127.0.0.1:3002")
    })?;
    println!("http://{} caches {}", listener.local_addr()?, origin.base);

    // A field for CDNs is for this proxy too (RFC 9213).
    let cdn = HeaderName::from_static("cdn-cache-control");
    let isr = IsrLayer::builder()
        .cache_by_headers(true)
        .targeted_cache_control([cdn])
        .build()?;
    let pass = service_fn(move |request| origin.clone().pass(request));
    // The layer sees connection errors, so that a stale response can stand in. Only after the layer
    // they become a 502.
    let cached = HandleError::new(isr.layer(pass), async |_: Error| StatusCode::BAD_GATEWAY);
    // Runs before the layer, since an origin may name the proxy's own fields in `Vary`.
    let app = Router::new()
        .fallback_service(cached)
        .layer(map_request(receive));
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await?;
    Ok(())
}

/// Responds to a request that goes no further than this proxy, and prepares any other.
async fn receive(mut request: Request<Body>) -> Result<Request<Body>, Response<Body>> {
    if let Some(response) = hops::respond(&mut request) {
        return Err(response);
    }
    headers::forward(&mut request);
    Ok(request)
}

impl Origin {
    fn from_env() -> Result<Self> {
        let given = env::var("PROXY_ORIGIN").context(
            "PROXY_ORIGIN is not set: name the origin, for example PROXY_ORIGIN=http://127.0.0.1:3000",
        )?;
        let base = given
            .parse::<Uri>()
            .with_context(|| format!("PROXY_ORIGIN {given:?} is not a URL"))?;
        let is_origin =
            base.scheme() == Some(&Scheme::HTTP) && base.path() == "/" && base.query().is_none();
        ensure!(
            is_origin,
            "PROXY_ORIGIN {given:?} is not like http://host:port, without a path"
        );
        // A request that was not sent because its idle connection had ended is sent on a new one.
        // No other request is sent twice.
        let pooled = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .build_http();
        let unpooled = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        Ok(Self {
            base,
            pooled,
            unpooled,
        })
    }

    /// Sends a request to the origin and returns the response.
    async fn pass(self, mut request: Request<Body>) -> Result<Response<Incoming>, Error> {
        // The client sets the origin's host instead.
        request.headers_mut().remove(HOST);
        let mut uri = self.base.into_parts();
        let path = request.uri().path_and_query().cloned();
        uri.path_and_query = path.or(Some(PathAndQuery::from_static("/")));
        // Scheme, authority and path are all present, so the parts always make a URI.
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.version_mut() = Version::HTTP_11;

        // An origin may respond to a request without having read its body, and close the connection
        // after that without having said so. Another client's request on it would fail.
        let client = if request.body().is_end_stream() {
            self.pooled
        } else {
            self.unpooled
        };
        let mut response = client.request(request).await?;

        let received = response.version();
        headers::remove_hop_by_hop(response.headers_mut());
        headers::add_via(response.headers_mut(), received);
        Ok(response)
    }
}
