//! Constraints: the limits that a request itself sets to the use of the cache.

use http::Method;
use http::header::HeaderMap;

use super::cache_control::{RequestDirectives, request_directives};
use super::partial::asks_for_less;

/// Limits that a request sets. All other directives of a request force nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constraints {
    is_whole_get: bool,
    directives: RequestDirectives,
}

impl Constraints {
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        Self {
            is_whole_get: *method == Method::GET && !asks_for_less(headers),
            directives: request_directives(headers),
        }
    }

    /// Returns whether the response to the request may be stored as it is, for others too (RFC
    /// 9111, 5.2.1.5).
    pub(super) fn allows_to_store(self) -> bool {
        self.is_whole_get && !self.directives.no_store
    }

    /// Returns whether the request may start a refresh, which asks for the whole and is stored.
    pub(super) fn allows_to_refresh(self) -> bool {
        !self.directives.no_store
    }

    /// Returns whether the origin may be asked while the client waits (RFC 9111, 5.2.1.7).
    pub(super) fn allows_to_forward(self) -> bool {
        !self.directives.only_if_cached
    }
}
