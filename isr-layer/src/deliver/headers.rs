//! The headers we emit: which of the handler's are kept, which are added at store time, and which once a second.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, AGE, CACHE_CONTROL, CACHE_STATUS, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE, VARY,
};
use sha2::{Digest, Sha256};

use super::codec;
use super::downstream;
use super::stamp::Stamp;
use crate::call::subtype;
use crate::clock::Instant;
use crate::outcome::CacheStatus;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `stamp` with an entry's age and what happened to a request; `status` is `None` where it is turned off.
pub(crate) fn stamped(
    stamp: &Stamp,
    (age, until): (u64, Instant),
    status: Option<&CacheStatus>,
    earlier: Option<&str>,
) -> Stamp {
    let mut head = stamp.head.clone();
    head.headers_mut().insert(AGE, HeaderValue::from(age));
    set_cache_status(head.headers_mut(), status, earlier);
    Stamp { until: Some(until), head }
}

/// Removes every field whose name is one of those.
pub(crate) fn remove_all(headers: &mut HeaderMap, is_one: impl Fn(&HeaderName) -> bool) {
    for name in headers.keys().filter(|name| is_one(name)).cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// Turns the headers of a rendered answer into those of an entry. Gives the `Cache-Status` of caches behind us, and whether
/// the body is worth encoding.
pub(crate) fn prepare(
    status: StatusCode,
    headers: &mut HeaderMap,
    body: &Bytes,
    vary: &[HeaderName],
) -> (Option<Box<str>>, bool) {
    remove_hop_by_hop(headers);
    for name in [CONTENT_LENGTH, AGE, SET_COOKIE] {
        headers.remove(name);
    }
    let earlier = take_earlier_caches(headers);
    if is_of_call(headers) {
        return (earlier, false);
    }
    let is_encodable = status == StatusCode::OK && codec::can_encode() && is_encodable(headers, body);
    if status == StatusCode::OK {
        headers.entry(ETAG).or_insert_with(|| entity_tag(body));
    }
    add_vary(headers, vary.iter().chain(is_encodable.then_some(&ACCEPT_ENCODING)));
    (earlier, is_encodable)
}

/// Whether encoding a body is worth it and allowed: text of some length that is not encoded already, and that nobody
/// forbade to transform (RFC 9111, 5.2.2.6).
fn is_encodable(headers: &HeaderMap, body: &Bytes) -> bool {
    const AT_LEAST: usize = 1024;
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_fixed =
        text(CACHE_CONTROL).split(',').any(|word| word.trim().eq_ignore_ascii_case("no-transform"));
    body.len() > AT_LEAST
        && !is_fixed
        && !headers.contains_key(CONTENT_ENCODING)
        && is_text(text(CONTENT_TYPE))
}

/// Whether a media type is one that gets smaller.
fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_one = |kind: &str| essence == kind;
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || ["application/json", "application/xml", "application/javascript", "application/wasm"]
            .into_iter()
            .any(is_one)
        || ["application/x-javascript", "application/x-ndjson", "image/bmp", "font/ttf"]
            .into_iter()
            .any(is_one)
}

/// Marks an answer that is not stored: nobody else may store it by accident either.
pub(crate) fn mark_unstored(headers: &mut HeaderMap, status: Option<&CacheStatus>) {
    if !is_of_call(headers) {
        headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    }
    let earlier = take_earlier_caches(headers);
    set_cache_status(headers, status, earlier.as_deref());
}

/// Marks an answer that shows a draft: nobody keeps it, whatever the handler said.
pub(crate) fn mark_draft(headers: &mut HeaderMap, status: Option<&CacheStatus>) {
    downstream::keep_private(headers);
    mark_unstored(headers, status);
}

/// Whether they are a gRPC answer's: what follows from the method GET has no meaning there, for a POST.
pub(super) fn is_of_call(headers: &HeaderMap) -> bool {
    subtype(headers).is_some()
}

/// Whether a field belongs to one connection (RFC 9110, 7.6.1).
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TE
        || *name == TRAILER
        || *name == TRANSFER_ENCODING
        || *name == UPGRADE
        || matches!(
            name.as_str(),
            "keep-alive" | "proxy-authenticate" | "proxy-authorization" | "proxy-connection"
        )
}

/// Whether a 304 leaves it out: it describes a body that is not sent (RFC 9110, 15.4.5).
pub(crate) fn describes_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
        && !matches!(name.as_str(), "content-location" | "content-security-policy")
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = lines
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect::<Vec<_>>();
    remove_all(headers, |name| is_hop_by_hop(name) || named.iter().any(|other| other == name.as_str()));
}

fn take_earlier_caches(headers: &mut HeaderMap) -> Option<Box<str>> {
    let lines =
        headers.get_all(CACHE_STATUS).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>();
    let earlier = (!lines.is_empty()).then(|| lines.join(", ").into());
    headers.remove(CACHE_STATUS);
    earlier
}

/// Our member is the last: each cache appends its own (RFC 9211, 2).
fn set_cache_status(headers: &mut HeaderMap, status: Option<&CacheStatus>, earlier: Option<&str>) {
    let text = match (earlier, status) {
        (None, None) => return,
        (None, Some(ours)) => ours.to_string(),
        (Some(earlier), None) => earlier.to_owned(),
        (Some(earlier), Some(ours)) => format!("{earlier}, {ours}"),
    };
    // Ours is ASCII, and the earlier ones were a header value before.
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(CACHE_STATUS, value);
    }
}

/// A strong entity tag: equal bodies keep theirs over regenerations, also of other processes.
fn entity_tag(body: &Bytes) -> HeaderValue {
    let digest = Sha256::digest(body);
    let text = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Names each declared header once; a `Vary` the handler sent stays.
fn add_vary<'a>(headers: &mut HeaderMap, declared: impl Iterator<Item = &'a HeaderName>) {
    let said =
        headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(", ");
    let is_said =
        |name: &HeaderName| said.split(',').any(|member| member.trim().eq_ignore_ascii_case(name.as_str()));
    let missing = declared.filter(|name| !is_said(name)).map(HeaderName::as_str).collect::<Vec<_>>();
    if missing.is_empty() {
        return;
    }
    let all = if said.is_empty() { missing.join(", ") } else { format!("{said}, {}", missing.join(", ")) };
    let value = match all.as_str() {
        // What nearly every page says costs less to copy when it is not counted.
        "accept-encoding" => Ok(HeaderValue::from_static("accept-encoding")),
        all => HeaderValue::from_str(all),
    };
    if let Ok(value) = value {
        headers.insert(VARY, value);
    }
}
