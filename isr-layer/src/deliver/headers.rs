//! The headers we send: which of the handler's are kept, which are added when a page is stored, and
//! which once a second.

use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, AGE, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HOST, HeaderMap, HeaderName, HeaderValue, SET_COOKIE,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VARY,
};
use sha2::{Digest, Sha256};

use super::cache_status::{set_cache_status, take_earlier_caches};
use super::codec;
use crate::grpc::subtype;
use crate::outcome::CacheStatus;

/// The `Cache-Control` of a response that no cache may store.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The `Accept-Ranges` of a page that can be had in parts (RFC 9110, 14.3).
const BYTES: HeaderValue = HeaderValue::from_static("bytes");

/// Sets an entry's `Age`, unless the response was made for its request, and the `Cache-Status` of a
/// request; `status` is `None` if `Cache-Status` is turned off.
pub(super) fn set_age_and_status(
    headers: &mut HeaderMap,
    age: Option<u64>,
    status: Option<&CacheStatus>,
    earlier: Option<&str>,
) {
    match age {
        Some(age) => headers.insert(AGE, HeaderValue::from(age)),
        // A hit may have prepared the head meanwhile.
        None => headers.remove(AGE),
    };
    set_cache_status(headers, status, earlier);
    // Layers in front of us add headers, and every copy of a full map would have to grow for them.
    // If no room can be had, the copies grow.
    let _ = headers.try_reserve(2);
}

/// Removes every field whose name satisfies `is_one`.
pub(crate) fn remove_all(headers: &mut HeaderMap, is_one: impl Fn(&HeaderName) -> bool) {
    for name in headers
        .keys()
        .filter(|name| is_one(name))
        .cloned()
        .collect::<Vec<_>>()
    {
        headers.remove(name);
    }
}

/// Turns the headers of a rendered response into those of an entry. Returns the `Cache-Status`
/// members of caches behind us, and whether the body is worth encoding.
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
    copy_values(headers);

    let earlier = take_earlier_caches(headers);
    // Tags, `Vary` and encodings are for GET; a gRPC method is called by POST.
    if is_grpc(headers) {
        return (earlier, false);
    }

    let is_encodable =
        status == StatusCode::OK && codec::count() > 0 && is_encodable(headers, body);
    if status == StatusCode::OK {
        headers.entry(ACCEPT_RANGES).or_insert(BYTES);
    }
    // Preconditions are for successes alone (RFC 9110, 13.2.1): no other response has a use for a
    // tag.
    if status.is_success() {
        headers.entry(ETAG).or_insert_with(|| entity_tag(body));
    }

    add_vary(
        headers,
        vary.iter().chain(is_encodable.then_some(&ACCEPT_ENCODING)),
    );
    (earlier, is_encodable)
}

/// Copies every value. A value that was read from a connection is a small part of a large buffer,
/// which would be kept with it and which no limit counts.
fn copy_values(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
    }
}

/// Returns whether encoding the body is worth it and allowed: text of some length, not encoded
/// already, and without `no-transform` (RFC 9111, 5.2.2.6).
fn is_encodable(headers: &HeaderMap, body: &Bytes) -> bool {
    const MIN_BYTES: usize = 1024;
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    body.len() > MIN_BYTES
        && !members(headers, CACHE_CONTROL).any(|word| word.eq_ignore_ascii_case("no-transform"))
        && !headers.contains_key(CONTENT_ENCODING)
        && is_text(content_type)
}

/// Returns whether a body of this media type gets smaller by encoding.
fn is_text(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();

    let is_one = |kind: &str| essence == kind;
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || [
            "application/json",
            "application/xml",
            "application/javascript",
            "application/wasm",
        ]
        .into_iter()
        .any(is_one)
        || [
            "application/x-javascript",
            "application/x-ndjson",
            "image/bmp",
            "font/ttf",
        ]
        .into_iter()
        .any(is_one)
}

/// Turns the headers of a route that is no page into those of a stored response, for
/// [header mode](crate::header_mode). The origin's headers are kept, and nothing is added but the
/// `Date` that a response must have (RFC 9110, 6.6.1).
pub(crate) fn prepare_header_mode(
    headers: &mut HeaderMap,
    received: SystemTime,
) -> Option<Box<str>> {
    remove_hop_by_hop(headers);
    for name in [
        CONTENT_LENGTH,
        AGE,
        HeaderName::from_static("proxy-authentication-info"),
    ] {
        headers.remove(name);
    }

    copy_values(headers);
    let earlier = take_earlier_caches(headers);

    let date = HeaderValue::try_from(httpdate::fmt_http_date(received)).ok();
    if let Some(date) = date.filter(|_| !headers.contains_key(DATE)) {
        headers.insert(DATE, date);
    }
    earlier
}

/// Adds our `Cache-Status` to a response that is not stored, and forbids other caches to store it
/// by accident, unless its handler said how to cache it.
pub(crate) fn mark_unstored(headers: &mut HeaderMap, status: Option<&CacheStatus>) {
    if !is_grpc(headers) && !says_how_to_cache(headers) {
        headers.insert(CACHE_CONTROL, NO_STORE);
    }
    let earlier = take_earlier_caches(headers);
    set_cache_status(headers, status, earlier.as_deref());
}

/// Adds the page's declared headers to the `Vary` of a response that is not stored: the response
/// was made from them all the same.
pub(crate) fn name_declared(headers: &mut HeaderMap, vary: &[HeaderName]) {
    add_vary(headers, vary.iter());
}

/// Returns whether the handler said how to cache its response. A `Cache-Control` without members
/// says nothing (RFC 9110, 5.6.1.2).
pub(super) fn says_how_to_cache(headers: &HeaderMap) -> bool {
    let is_member = |byte: &u8| !b" \t,".contains(byte);
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .any(|line| line.as_bytes().iter().any(is_member))
}

/// Returns whether these are the headers of a gRPC response. The rules for GET have no meaning
/// there, because a method is called by POST.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    subtype(headers).is_some()
}

/// Returns whether a field belongs to one connection (RFC 9110, 7.6.1).
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

/// Returns whether a response of this status may have content (RFC 9110, 6.4.1). Other responses do
/// not state its length.
pub(super) fn may_have_content(status: StatusCode) -> bool {
    let is_without = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    !is_without && !status.is_informational()
}

/// Returns whether a 304 leaves the field out, because it describes a body that is not sent
/// (RFC 9110, 15.4.5).
pub(crate) fn describes_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
        && !matches!(
            name.as_str(),
            "content-location" | "content-security-policy"
        )
}

/// Returns whether the field is a digest of the bytes as rendered (RFC 9530), which is wrong for
/// another encoding.
pub(crate) fn is_digest(name: &HeaderName) -> bool {
    is_digest_of_content(name) || matches!(name.as_str(), "repr-digest" | "digest")
}

/// Returns whether the field is a digest of the content of one message, which is wrong for a part.
pub(crate) fn is_digest_of_content(name: &HeaderName) -> bool {
    matches!(name.as_str(), "content-digest" | "content-md5")
}

/// Forbids every cache to store the response, and removes the fields that allow it.
pub(crate) fn forbid_storing(headers: &mut HeaderMap) {
    remove_all(headers, is_for_caches);
    headers.insert(CACHE_CONTROL, NO_STORE);
}

/// Returns whether the field, beside `Cache-Control`, tells caches how long they may keep the
/// response. Several CDNs have a `CDN-Cache-Control` of their own (RFC 9213), and nginx, Akamai and
/// LiteSpeed obey their fields before `Cache-Control`.
pub(super) fn is_for_caches(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("cdn-cache-control")
        || matches!(name, "surrogate-control" | "expires" | "pragma")
        || matches!(
            name,
            "x-accel-expires" | "edge-control" | "x-litespeed-cache-control"
        )
}

/// Iterates over the members of all lines of a list, without white space around them and without
/// empty ones.
fn members(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|member| !member.is_empty())
}

/// Removes the fields that belong to one connection, including those that `Connection` names.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named = members(headers, CONNECTION)
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>();
    remove_all(headers, |name| {
        is_hop_by_hop(name) || named.iter().any(|other| other == name.as_str())
    });
}

/// Makes a strong entity tag. It is a digest, so equal bodies keep their tag over regenerations and
/// in other processes.
fn entity_tag(body: &Bytes) -> HeaderValue {
    let digest = Sha256::digest(body);
    let text = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Adds each declared header to `Vary` once; the handler's members stay. Nothing is added beside
/// `*`, which names all. `Host` is never added for being part of the key: every cache has the host
/// in its own key, with the target (RFC 9111, 2).
fn add_vary<'a>(headers: &mut HeaderMap, declared: impl Iterator<Item = &'a HeaderName>) {
    let mut all = members(headers, VARY).collect::<Vec<_>>();
    let handlers_count = all.len();
    if all.contains(&"*") {
        return;
    }

    for name in declared
        .filter(|name| **name != HOST)
        .map(HeaderName::as_str)
    {
        if !all.iter().any(|member| member.eq_ignore_ascii_case(name)) {
            all.push(name);
        }
    }

    if all.len() == handlers_count {
        return;
    }
    let value = match all.join(", ").as_str() {
        // Nearly every page has this value: a static one is copied without a reference count.
        "accept-encoding" => Ok(HeaderValue::from_static("accept-encoding")),
        all => HeaderValue::from_str(all),
    };
    if let Ok(value) = value {
        headers.insert(VARY, value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 4] = ["accept-encoding", "accept-language", "origin", "x-theme"];

    fn lower(text: &str) -> String {
        text.trim().to_ascii_lowercase()
    }

    proptest! {
        /// A second implementation: `Vary` is a set of names whose case does not matter.
        #[test]
        fn vary_names_what_the_handler_said_and_what_is_declared_once_each(
            members_sent in prop::collection::btree_set(
                "(accept-encoding|Accept-Language|ORIGIN|x-Other)",
                0..4
            ),
            comma in prop::sample::select(vec![",", ", ", " ,\t", ",,"]),
            two_lines in any::<bool>(),
            declared in prop::collection::vec(prop::sample::select(&NAMES[..]), 0..5),
        ) {
            let members_sent = members_sent.into_iter().collect::<Vec<_>>();
            let (one, other) = members_sent.split_at(if two_lines { members_sent.len() / 2 } else { 0 });
            let mut headers = HeaderMap::new();
            for line in [one, other].into_iter().filter(|line| !line.is_empty()) {
                headers.append(VARY, line.join(comma).parse().unwrap());
            }
            let declared = declared.into_iter().map(HeaderName::from_static).collect::<Vec<_>>();

            add_vary(&mut headers, declared.iter());

            let names = members(&headers, VARY).map(lower).collect::<Vec<_>>();
            let expected = members_sent
                .iter()
                .map(|name| lower(name))
                .chain(declared.iter().map(|name| name.to_string()));
            let expected = expected.collect::<BTreeSet<_>>();
            prop_assert_eq!(names.len(), expected.len(), "named once: {:?}", &names);
            prop_assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}
