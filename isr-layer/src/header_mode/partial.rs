//! Partial requests: those whose response may be less than the whole (RFC 9110, 13 and 14).

use http::header::{HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};

const FIELDS: [HeaderName; 4] = [IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE, IF_RANGE];

/// Returns whether the response may be a 304 or a 206.
pub(super) fn asks_for_less(headers: &HeaderMap) -> bool {
    FIELDS.iter().any(|name| headers.contains_key(name))
}

/// Returns whether a field asks for less than the whole response.
pub(super) fn asks_for_part(name: &HeaderName) -> bool {
    FIELDS.contains(name)
}

/// Makes a request ask for the whole response.
pub(super) fn ask_for_all(headers: &mut HeaderMap) {
    for name in FIELDS {
        headers.remove(name);
    }
}
