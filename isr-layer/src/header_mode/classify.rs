//! Classifies requests for header mode, and looks up those that memory may serve.

use std::sync::Arc;

use http::header::{CONNECTION, HeaderMap, HeaderName, IF_MATCH, IF_UNMODIFIED_SINCE, UPGRADE};
use http::{Method, Request};
use http_body::Body;

use super::cache::HeaderCache;
use super::constraints::Constraints;
use super::decide::Lookup;
use super::hit::Hit;
use super::target::{TargetUri, TargetUriRef};
use crate::cache::Core;
use crate::clock;
use crate::deliver::is_hop_by_hop;

/// Class of a request.
pub(crate) enum RequestClass {
    /// Passed on untouched.
    Untouched,
    /// Served from memory at once.
    Fresh(Hit),
    /// May change the target's responses (RFC 9111, 4.4).
    Unsafe {
        cache: Arc<HeaderCache>,
        target: TargetUri,
    },
    /// May be served from memory.
    Cacheable(Cacheable),
}

/// A request that memory may serve, and the state in which it was found.
pub(crate) struct Cacheable {
    pub(super) cache: Arc<HeaderCache>,
    pub(super) target: TargetUri,
    pub(super) constraints: Constraints,
    pub(super) lookup: Lookup,
}

/// Classifies a request whose public path is `path`.
///
/// Not inlined: the hit path of pages stays small.
#[inline(never)]
pub(crate) fn classify<B: Body>(core: &Core, request: &Request<B>, path: &str) -> RequestClass {
    let (method, headers) = (request.method(), request.headers());
    let Some(cache) = &core.header_mode else {
        return RequestClass::Untouched;
    };
    if is_untouched(core, request) {
        return RequestClass::Untouched;
    }
    let Some(target_ref) = TargetUriRef::of(request, path) else {
        return RequestClass::Untouched;
    };
    if !is_read(method) {
        return RequestClass::Unsafe {
            cache: cache.clone(),
            target: TargetUri::new(target_ref),
        };
    }

    let now = clock::now();
    let lookup = cache.lookup(target_ref, headers, &core.marks, now);
    if let Lookup::Fresh(entry) = lookup {
        let kind = entry.kind(method, headers);
        return RequestClass::Fresh(Hit {
            entry,
            kind,
            cache_name: core.config.cache_name,
            now,
        });
    }

    // After the lookup: memory may serve such a request, but the response must not be stored.
    if names_own_fields(headers) {
        return RequestClass::Untouched;
    }
    RequestClass::Cacheable(Cacheable {
        cache: cache.clone(),
        target: TargetUri::new(target_ref),
        constraints: Constraints::of(method, headers),
        lookup,
    })
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Returns whether memory neither serves a request nor is changed by it. A client that may see
/// drafts must not read from memory, but its changes invalidate targets as those of any client.
fn is_untouched<B: Body>(core: &Core, request: &Request<B>) -> bool {
    match *request.method() {
        Method::OPTIONS | Method::TRACE | Method::CONNECT => true,
        Method::GET | Method::HEAD => {
            !request.body().is_end_stream()
                || is_for_origin(request.headers())
                || core.shows_draft(request.headers())
        }
        _ => false,
    }
}

/// Returns whether only the origin can handle a request: a cache does not evaluate `If-Match`
/// (RFC 9111, 4.3.2), nor change protocols.
fn is_for_origin(headers: &HeaderMap) -> bool {
    [IF_MATCH, IF_UNMODIFIED_SINCE, UPGRADE]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// Returns whether `Connection` names fields of the request that are not hop-by-hop anyway. A proxy
/// behind us removes them (RFC 9110, 7.6.1), so its origin may reply with a response that is wrong
/// for other requests with these fields.
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
