//! Sends requests to a service and reads the whole responses.

use std::fmt;
use std::io::Read;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

use crate::behind;

/// A response, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailers.
    pub trailers: Option<HeaderMap>,
}

/// Sends `request` to a clone of `service` and reads the whole response.
///
/// # Panics
///
/// If the service returns an error, or the body fails before its end.
pub async fn ask<S, Q, R>(service: &S, request: Request<Q>) -> Answer
where
    S: Service<Request<Q>, Response = Response<R>, Error: fmt::Debug> + Clone,
    R: Body<Error: fmt::Debug>,
{
    try_ask(service, request)
        .await
        .expect("the service answers")
}

/// Does the work of [`ask`], but returns an error of the service.
///
/// # Errors
///
/// The error of the service.
///
/// # Panics
///
/// If the body fails before its end.
pub async fn try_ask<S, Q, R>(service: &S, request: Request<Q>) -> Result<Answer, S::Error>
where
    S: Service<Request<Q>, Response = Response<R>> + Clone,
    R: Body<Error: fmt::Debug>,
{
    Ok(Answer::of(service.clone().oneshot(request).await?).await)
}

/// Returns the body of a response as text.
///
/// # Panics
///
/// If the body fails before its end or is not UTF-8.
pub async fn body_text<R: Body<Error: fmt::Debug>>(response: Response<R>) -> String {
    Answer::of(response).await.text().to_owned()
}

/// Runs all tasks as far as they can go, while no time passes.
pub async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

impl Answer {
    /// Reads a response to its end.
    ///
    /// # Panics
    ///
    /// If the body fails before its end.
    pub async fn of<R: Body<Error: fmt::Debug>>(response: Response<R>) -> Self {
        let (mut parts, body) = response.into_parts();
        behind::count(&mut parts.headers);
        let body = body.collect().await.expect("the body comes to its end");
        let trailers = body.trailers().cloned();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
            trailers,
        }
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// If the body is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as it was before it was encoded.
    ///
    /// # Panics
    ///
    /// If the body is not what `Content-Encoding` says, or that names a coding that nobody has
    /// asked for.
    pub fn decoded(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let read = match self.header("content-encoding") {
            "gzip" => flate2::read::GzDecoder::new(&*self.body).read_to_end(&mut plain),
            "br" => brotli::Decompressor::new(&*self.body, 4096).read_to_end(&mut plain),
            "zstd" => zstd::stream::copy_decode(&*self.body, &mut plain).map(|()| plain.len()),
            "" => return self.body.to_vec(),
            other => panic!("nobody asked for {other}"),
        };
        read.expect("the body is what its encoding says");
        plain
    }

    /// One header as text; empty if the header is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("the header is text"))
    }

    /// The header `Cache-Status` as text; empty if the header is missing.
    pub fn cache_status(&self) -> &str {
        self.header("cache-status")
    }
}
