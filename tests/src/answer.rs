//! Answers, read whole, and the patience to get them.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

/// An answer, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its trailers.
    pub trailers: Option<HeaderMap>,
}

/// Asks a clone of `service` and reads the answer whole.
///
/// # Panics
///
/// When the service gives an error, or the body fails midway.
pub async fn ask<S, Q, R>(service: &S, request: Request<Q>) -> Answer
where
    S: Service<Request<Q>, Response = Response<R>, Error: fmt::Debug> + Clone,
    R: Body<Error: fmt::Debug>,
{
    try_ask(service, request)
        .await
        .expect("the service answers")
}

/// The same; an error of the service is the result.
///
/// # Errors
///
/// The service's own.
///
/// # Panics
///
/// When the body fails midway.
pub async fn try_ask<S, Q, R>(service: &S, request: Request<Q>) -> Result<Answer, S::Error>
where
    S: Service<Request<Q>, Response = Response<R>> + Clone,
    R: Body<Error: fmt::Debug>,
{
    Ok(Answer::of(service.clone().oneshot(request).await?).await)
}

/// The body of a response as text.
///
/// # Panics
///
/// When the body fails midway or is no UTF-8.
pub async fn body_text<R: Body<Error: fmt::Debug>>(response: Response<R>) -> String {
    Answer::of(response).await.text().to_owned()
}

/// Lets every task that can go on go on, without any time passing.
pub async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

impl Answer {
    /// Reads a response whole.
    ///
    /// # Panics
    ///
    /// When its body fails midway.
    pub async fn of<R: Body<Error: fmt::Debug>>(response: Response<R>) -> Self {
        let (parts, body) = response.into_parts();
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
    /// When it is no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// One header as text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("the header is text"))
    }

    /// `Cache-Status`; empty where there is none.
    pub fn cache_status(&self) -> &str {
        self.header("cache-status")
    }
}
