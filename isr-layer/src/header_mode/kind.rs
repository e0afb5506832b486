//! Kind of a request: requests of one kind may share a fetch.

use http::header::{AUTHORIZATION, COOKIE, HeaderMap};

use super::vary::VaryKey;

/// Requests for one target that may get one response, as far as is known before it is there. They
/// have credentials in the same fields, and equal values in all fields that the `Vary` of a stored
/// response names.
///
/// The values of credentials are no part of it: a response that is for everybody is fetched once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RequestKind {
    is_authorized: bool,
    has_cookie: bool,
    vary_key: VaryKey,
}

impl RequestKind {
    /// Returns the kind of a request that has `vary_key` in the known `Vary` fields of its target.
    pub(super) fn of(request: &HeaderMap, vary_key: VaryKey) -> Self {
        Self {
            is_authorized: request.contains_key(AUTHORIZATION),
            has_cookie: request.contains_key(COOKIE),
            vary_key,
        }
    }
}
