//! The client's part of a request, taken off the request once. The page's part is the
//! [`Recipe`](crate::render::Recipe).

use http::header::{
    HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{Method, Request};

use super::choice::choose;
use super::response_kind::Choice;
use crate::entry::Entry;

/// The response that one client wants: HEAD, preconditions, range, accepted encodings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// True for a HEAD request: the response is GET's without the body.
    pub(crate) head: bool,
    headers: HeaderMap,
}

impl Delivery {
    /// Takes the client's part out of `request`, which has no headers afterwards.
    pub(crate) fn take<B>(request: &mut Request<B>) -> Self {
        Self {
            head: is_head(request),
            headers: std::mem::take(request.headers_mut()),
        }
    }

    /// Makes the client ask for the whole response, whatever it has.
    pub(crate) fn without_conditions(mut self) -> Self {
        for name in [
            IF_MATCH,
            IF_NONE_MATCH,
            IF_MODIFIED_SINCE,
            IF_UNMODIFIED_SINCE,
            IF_RANGE,
            RANGE,
        ] {
            self.headers.remove(name);
        }
        self
    }

    /// Returns a copy of the request's headers.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// Chooses the encoding and the [`ResponseKind`](super::ResponseKind) that the client gets of
    /// `entry`.
    pub(crate) fn choose(&self, entry: &Entry) -> Choice {
        choose(entry, self.head, &self.headers)
    }
}

/// Returns whether the method is HEAD.
#[inline]
pub(crate) fn is_head<B>(request: &Request<B>) -> bool {
    *request.method() == Method::HEAD
}
