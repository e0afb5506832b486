//! What belongs to the client: how *this* request wants a page, read off it once.

use http::header::{HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{Method, Request};

/// How one client wants its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// A HEAD request: GET's answer without the body.
    pub(crate) head: bool,
    /// The request's headers, taken when there are preconditions among them (RFC 9110, 13.1); most requests have none.
    pub(crate) conditions: Option<HeaderMap>,
}

impl Delivery {
    /// Takes what is the client's out of a request.
    #[inline]
    pub(crate) fn take<B>(request: &mut Request<B>) -> Self {
        let head = *request.method() == Method::HEAD;
        // One pass over the few headers there are costs less than asking for each name.
        let has_conditions =
            request.headers().keys().any(|name| *name == IF_NONE_MATCH || *name == IF_MODIFIED_SINCE);
        let conditions = has_conditions.then(|| std::mem::take(request.headers_mut()));
        Self { head, conditions }
    }
}
