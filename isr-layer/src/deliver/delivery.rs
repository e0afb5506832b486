//! What belongs to the client: how *this* request wants a page, taken off it once.

use http::header::HeaderMap;
use http::{Method, Request};

use super::choice::choose;
use super::response_kind::Choice;
use crate::entry::Entry;

/// How one client wants its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// A HEAD request: GET's answer without the body.
    pub(crate) head: bool,
    headers: HeaderMap,
}

impl Delivery {
    /// Takes what is the client's out of a request.
    pub(crate) fn take<B>(request: &mut Request<B>) -> Self {
        Self {
            head: is_head(request),
            headers: std::mem::take(request.headers_mut()),
        }
    }

    /// The headers of the request.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// What the client gets of an entry.
    pub(crate) fn choose(&self, entry: &Entry) -> Choice {
        choose(entry, self.head, &self.headers)
    }
}

/// Whether a request asks for all but the body.
#[inline]
pub(crate) fn is_head<B>(request: &Request<B>) -> bool {
    *request.method() == Method::HEAD
}
