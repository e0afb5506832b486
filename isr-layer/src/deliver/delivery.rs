//! What belongs to the client: how *this* request wants a page, read off it once.

use http::header::{HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{Method, Request};

/// How one client wants its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// A HEAD request: GET's answer without the body.
    pub(crate) head: bool,
    /// Preconditions; most requests have none.
    pub(crate) conditions: Option<Box<Conditions>>,
}

/// The preconditions of a request (RFC 9110, 13.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_none_match: Vec<HeaderValue>,
    pub(crate) if_modified_since: Option<HeaderValue>,
}

impl Delivery {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        Self { head: *request.method() == Method::HEAD, conditions: Conditions::of(request.headers()) }
    }
}

impl Conditions {
    fn of(headers: &HeaderMap) -> Option<Box<Self>> {
        let mut conditions = None::<Box<Self>>;
        // One pass over the few headers there are costs less than asking for each name.
        for (name, value) in headers {
            if name == IF_NONE_MATCH {
                conditions.get_or_insert_default().if_none_match.push(value.clone());
            } else if name == IF_MODIFIED_SINCE {
                conditions.get_or_insert_default().if_modified_since = Some(value.clone());
            }
        }
        conditions
    }
}
