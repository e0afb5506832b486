//! A failed response that everybody who waited for it gets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, SET_COOKIE,
};
use http::{Response, StatusCode, response};

use super::negative_cache::{NegativeKey, Remember};
use crate::body::IsrBody;
use crate::deliver::{describes_body, is_hop_by_hop, remove_all, size};
use crate::entry::undeclared_vary;
use crate::grpc;
use crate::invalidation::{Subject, TagMark};
use crate::outcome::Reason;
use crate::render::{Key, Recipe};

/// The largest body of a failure that is remembered. Requests that wait for the render get it
/// whole.
const MAX_KEPT_BODY: usize = 16 * 1024;
const NOT_RENDERED: &[u8] = b"the page could not be rendered\n";
const LOOP: &[u8] = b"the page includes itself, by a request that it waits for\n";
const NOT_FOUND: &[u8] = b"not found\n";
const NOT_STORED: &[u8] = b"nothing is stored that may be served\n";

/// A failed response that everybody who waited for it gets.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<Box<HeaderMap>>,
}

impl Failure {
    /// A failed response of the handler, without the fields that belong to one client.
    pub(crate) fn from_response(
        reason: Reason,
        parts: &response::Parts,
        body: Bytes,
        trailers: Option<Box<HeaderMap>>,
    ) -> Arc<Self> {
        let mut headers = parts.headers.clone();
        remove_all(&mut headers, |name| {
            is_hop_by_hop(name) || *name == SET_COOKIE || *name == CONTENT_LENGTH
        });
        let trailers = trailers.filter(|trailers| !trailers.contains_key(SET_COOKIE));
        Arc::new(Self {
            reason,
            status: parts.status,
            headers,
            body,
            trailers,
        })
    }

    /// A failed response whose body was not read. The fields that describe the body go.
    pub(crate) fn unread(reason: Reason, parts: &response::Parts) -> Arc<Self> {
        Self::from_response(reason, parts, Bytes::new(), None).without_body()
    }

    /// A failure without a response of the handler, in the words of the recipe's protocol.
    pub(crate) fn without_response(recipe: &Recipe, reason: Reason) -> Arc<Self> {
        if recipe.key.is_grpc() {
            Self::in_grpc(reason)
        } else {
            Self::in_http(reason)
        }
    }

    fn in_grpc(reason: Reason) -> Arc<Self> {
        let (head, ()) = grpc::failed(reason).into_parts();
        Arc::new(Self {
            reason,
            status: head.status,
            headers: head.headers,
            body: Bytes::new(),
            trailers: None,
        })
    }

    /// A failure without a response of the handler, in HTTP.
    pub(crate) fn in_http(reason: Reason) -> Arc<Self> {
        let status = match reason {
            Reason::Panic => StatusCode::INTERNAL_SERVER_ERROR,
            Reason::Timeout | Reason::OnlyIfCached => StatusCode::GATEWAY_TIMEOUT,
            Reason::NotInParams => StatusCode::NOT_FOUND,
            Reason::Loop => StatusCode::LOOP_DETECTED,
            _ => StatusCode::BAD_GATEWAY,
        };
        let body = match status {
            StatusCode::NOT_FOUND => NOT_FOUND,
            StatusCode::LOOP_DETECTED => LOOP,
            _ if reason == Reason::OnlyIfCached => NOT_STORED,
            _ => NOT_RENDERED,
        };
        let text = HeaderValue::from_static("text/plain; charset=utf-8");

        Arc::new(Self {
            reason,
            status,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, text)]),
            body: Bytes::from_static(body),
            trailers: None,
        })
    }

    /// Returns the headers that the response varies by though its page does not `declare` them.
    pub(crate) fn undeclared_vary(&self, declared: &[HeaderName]) -> Vec<String> {
        undeclared_vary(&self.headers, declared).collect()
    }

    /// True if the handler responded, though with a failure.
    pub(crate) fn is_from_handler(&self) -> bool {
        matches!(
            self.reason,
            Reason::FailedStatus | Reason::GrpcStatus | Reason::Empty
        )
    }

    /// Returns the response for one client. `retry` is the time for which the key is left alone.
    pub(crate) fn response<R>(&self, retry: Option<Duration>) -> Response<IsrBody<R>> {
        let body = IsrBody::stored(self.body.clone(), self.trailers.clone());
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();

        if let Some(retry) = retry {
            // Rounded up, so that a client that comes back on time is not early.
            let seconds = retry.as_millis().div_ceil(1000).max(1);
            let seconds = HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }

    fn without_body(&self) -> Arc<Self> {
        let mut headers = self.headers.clone();
        remove_all(&mut headers, describes_body);
        Arc::new(Self {
            headers,
            body: Bytes::new(),
            ..self.clone()
        })
    }
}

impl Remember for Arc<Failure> {
    fn remembered(&self) -> Self {
        if self.body.len() <= MAX_KEPT_BODY {
            self.clone()
        } else {
            self.without_body()
        }
    }

    fn size(&self) -> usize {
        let trailers = self.trailers.as_deref().map_or(0, size::fields);
        self.body.len() + size::fields(&self.headers) + trailers
    }
}

impl NegativeKey for Key {
    fn subject<'a>(&'a self, tags: &'a [Arc<TagMark>]) -> Subject<'a> {
        Subject::at(self.path(), tags)
    }

    fn size(&self) -> usize {
        Self::size(self)
    }
}
