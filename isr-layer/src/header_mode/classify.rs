//! What a request is to header mode.

use std::sync::Arc;

use http::header::{
    CONNECTION, HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE, UPGRADE,
};
use http::{Method, Request};
use http_body::Body;

use super::cache::{Found, HeaderCache};
use super::hit::Hit;
use super::target::{TargetUri, TargetUriRef};
use crate::cache::Core;
use crate::clock;
use crate::deliver::is_hop_by_hop;

/// What a request is to header mode.
pub(crate) enum RequestClass {
    /// None of its business.
    Untouched,
    /// Found fresh.
    Fresh(Hit),
    /// May change what its target answers (RFC 9111, 4.4).
    Unsafe {
        mode: Arc<HeaderCache>,
        target: TargetUri,
    },
    /// May be answered from what is stored; what it fetches may be stored only if it is `plain`.
    Cacheable {
        mode: Arc<HeaderCache>,
        target: TargetUri,
        is_plain: bool,
    },
}

/// Sorts a request whose public path is `path`. What a client that may see drafts reads is none of its business either; what
/// it changes is.
#[inline(never)]
pub(crate) fn classify<B: Body>(core: &Core, request: &Request<B>, path: &str) -> RequestClass {
    let headers = request.headers();
    let Some(mode) = &core.header_mode else {
        return RequestClass::Untouched;
    };
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if matches!(
        *request.method(),
        Method::OPTIONS | Method::TRACE | Method::CONNECT
    ) || is_read
        && (!request.body().is_end_stream()
            || is_for_the_origin(headers)
            || core.shows_draft(headers))
    {
        return RequestClass::Untouched;
    }
    let Some(target_ref) = TargetUriRef::of(request, path) else {
        return RequestClass::Untouched;
    };
    if !is_read {
        return RequestClass::Unsafe {
            mode: mode.clone(),
            target: TargetUri::new(target_ref),
        };
    }
    let now = clock::now();
    if let Found::Fresh(entry) = mode.look(target_ref, headers, &core.marks, now) {
        let kind = entry.kind(request.method(), headers);
        return RequestClass::Fresh(Hit {
            entry,
            kind,
            show_status: core.config.cache_status,
            now,
        });
    }
    if names_own_fields(headers) {
        return RequestClass::Untouched;
    }
    let is_plain = *request.method() == Method::GET && !asks_for_less(headers);
    RequestClass::Cacheable {
        mode: mode.clone(),
        target: TargetUri::new(target_ref),
        is_plain,
    }
}

/// Whether a request is for the origin alone: a cache does not judge `If-Match` (RFC 9111, 4.3.2), nor change protocols.
fn is_for_the_origin(headers: &HeaderMap) -> bool {
    [IF_MATCH, IF_UNMODIFIED_SINCE, UPGRADE]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// Whether `Connection` names fields of the request that are not the connection's anyway. A proxy behind us takes them away
/// (RFC 9110, 7.6.1), and what its origin then says of them, in `Vary` or by `Host`, is not for others who have them.
fn names_own_fields(headers: &HeaderMap) -> bool {
    let lines = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let names = lines.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
    names
        .filter(|name| !is_hop_by_hop(name))
        .any(|name| headers.contains_key(name))
}

/// Whether the answer to a request may be less than the whole.
fn asks_for_less(headers: &HeaderMap) -> bool {
    [IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE, IF_RANGE]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// Makes a request ask for the whole.
pub(super) fn ask_for_all(headers: &mut HeaderMap) {
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE, IF_RANGE] {
        headers.remove(name);
    }
}
