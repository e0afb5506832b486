//! The request of every scenario, and how it is sent: the reference row counts this work, and every
//! other row contains it.

use std::hint::black_box;
use std::pin::pin;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use crate::BoxError;

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (HOST, HeaderValue::from_static("blog.example.com")),
    (
        USER_AGENT,
        HeaderValue::from_static(
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
    ),
    (
        ACCEPT,
        HeaderValue::from_static("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ),
    (
        ACCEPT_LANGUAGE,
        HeaderValue::from_static("en-GB,en;q=0.7,de;q=0.3"),
    ),
    (
        COOKIE,
        HeaderValue::from_static("theme=dark; session=6f1d0a5c9be04b6c8f0e"),
    ),
];

/// A template of which each request is made.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) headers: HeaderMap,
}

impl Template {
    /// Makes a GET as a browser sends it.
    pub(crate) fn browser_get(path: &'static str) -> Self {
        Self {
            method: Method::GET,
            path,
            headers: HeaderMap::from_iter(HEADERS),
        }
    }

    /// Makes one request with an empty body: parses the path and copies the headers.
    pub(crate) fn make<B: Default>(&self) -> Request<B> {
        let mut request = Request::new(B::default());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from_static(self.path);
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Sends one request like a server: waits until the service is ready, then calls it.
pub(crate) async fn send<B, S, R>(
    service: &mut S,
    request: &Template,
) -> Result<Response<R>, BoxError>
where
    B: Default,
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    let ready = service.ready().await.map_err(Into::into)?;
    ready.call(request.make()).await.map_err(Into::into)
}

/// Reads a body to its end and returns its length.
pub(crate) async fn read<R>(body: R) -> Result<usize, BoxError>
where
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Into::into)?.into_data() {
            length += black_box(data).len();
        }
    }
    Ok(length)
}
