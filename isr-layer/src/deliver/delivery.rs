//! What belongs to the client: how *this* request wants a page, read off it once.

use http::header::HeaderMap;
use http::{Method, Request, StatusCode};

use super::precondition::has_preconditions;
use super::stamp::Form;
use crate::entry::Entry;

/// How one client wants its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// A HEAD request: GET's answer without the body.
    pub(crate) head: bool,
    /// The request's headers, taken when there are preconditions among them (RFC 9110, 13.1); most requests have none.
    conditions: Option<HeaderMap>,
}

impl Delivery {
    /// Takes what is the client's out of a request.
    pub(crate) fn take<B>(request: &mut Request<B>) -> Self {
        let head = *request.method() == Method::HEAD;
        let conditions = has_preconditions(request.headers()).then(|| std::mem::take(request.headers_mut()));
        Self { head, conditions }
    }

    /// What the client gets of an entry.
    pub(crate) fn form(&self, entry: &Entry) -> Form {
        form_of(entry, self.head, self.conditions.as_ref())
    }
}

/// What the client of a request gets of an entry there is already.
#[inline]
pub(crate) fn form<B>(entry: &Entry, request: &Request<B>) -> Form {
    let conditions = Some(request.headers()).filter(|headers| has_preconditions(headers));
    form_of(entry, *request.method() == Method::HEAD, conditions)
}

#[inline]
fn form_of(entry: &Entry, head: bool, conditions: Option<&HeaderMap>) -> Form {
    // RFC 9110, 13.2.1: preconditions are ignored unless the answer without them would be a success.
    let conditions = conditions.filter(|_| entry.status == StatusCode::OK);
    if conditions.is_some_and(|conditions| entry.validators.is_not_modified(conditions)) {
        Form::NotModified
    } else if head {
        Form::Head
    } else {
        Form::Whole
    }
}
