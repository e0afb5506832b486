//! The headers we emit: which of the handler's are kept, which are added at store time, and which once a second.

use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, AGE, CACHE_CONTROL, CACHE_STATUS, CONNECTION, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, EXPIRES, HOST, HeaderMap, HeaderName, HeaderValue,
    SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VARY,
};
use sha2::{Digest, Sha256};

use super::codec;
use crate::grpc::subtype;
use crate::outcome::CacheStatus;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Sets an entry's age and what happened to a request; `status` is `None` where it is turned off.
pub(super) fn set_age_and_status(
    headers: &mut HeaderMap,
    age: u64,
    status: Option<&CacheStatus>,
    earlier: Option<&str>,
) {
    headers.insert(AGE, HeaderValue::from(age));
    set_cache_status(headers, status, earlier);
    // Room for what layers in front add: copies would have to grow for that each time. Without it they still may.
    let _ = headers.try_reserve(2);
}

/// Removes every field whose name is one of those.
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
    copy_values(headers);
    let earlier = take_earlier_caches(headers);
    if is_grpc(headers) {
        return (earlier, false);
    }
    let is_encodable =
        status == StatusCode::OK && codec::count() > 0 && is_encodable(headers, body);
    // Preconditions are for successes alone (RFC 9110, 13.2.1): no other answer has a use for a tag.
    if status.is_success() {
        headers.entry(ETAG).or_insert_with(|| entity_tag(body));
    }
    add_vary(
        headers,
        vary.iter().chain(is_encodable.then_some(&ACCEPT_ENCODING)),
    );
    (earlier, is_encodable)
}

/// Copies every value: one that was read from a connection is a small part of a large buffer, which would be kept with it
/// and counted by nobody.
fn copy_values(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
    }
}

/// Whether encoding a body is worth it and allowed: text of some length that is not encoded already, and that nobody
/// forbade to transform (RFC 9111, 5.2.2.6).
fn is_encodable(headers: &HeaderMap, body: &Bytes) -> bool {
    const AT_LEAST: usize = 1024;
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    body.len() > AT_LEAST
        && !members(headers, CACHE_CONTROL).any(|word| word.eq_ignore_ascii_case("no-transform"))
        && !headers.contains_key(CONTENT_ENCODING)
        && is_text(content_type)
}

/// Whether a media type is one that gets smaller.
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

/// The same for the answer of a route that is no page: what its origin said is kept, and nothing added but the `Date` it has
/// to have (RFC 9110, 6.6.1).
pub(crate) fn prepare_foreign(headers: &mut HeaderMap, received: SystemTime) -> Option<Box<str>> {
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

/// Says what happened to an answer that goes on as it came.
pub(crate) fn note_status(headers: &mut HeaderMap, status: &CacheStatus) {
    let earlier = take_earlier_caches(headers);
    set_cache_status(headers, Some(status), earlier.as_deref());
}

/// Marks an answer that is not stored: nobody else may store it by accident either.
pub(crate) fn mark_unstored(headers: &mut HeaderMap, status: Option<&CacheStatus>) {
    if !is_grpc(headers) && !says_how_to_cache(headers) {
        headers.insert(CACHE_CONTROL, NO_STORE);
    }
    let earlier = take_earlier_caches(headers);
    set_cache_status(headers, status, earlier.as_deref());
}

/// Names the headers a page declares in an answer of it that is not stored: it was made of them all the same.
pub(crate) fn name_declared(headers: &mut HeaderMap, vary: &[HeaderName]) {
    add_vary(headers, vary.iter());
}

/// Whether the handler said how its answer is to be cached. A list without members says nothing (RFC 9110, 5.6.1.2).
pub(super) fn says_how_to_cache(headers: &HeaderMap) -> bool {
    let is_member = |byte: &u8| !b" \t,".contains(byte);
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .any(|line| line.as_bytes().iter().any(is_member))
}

/// Whether they are a gRPC answer's: what follows from the method GET has no meaning there, for a POST.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
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

/// Whether an answer of that status may have content (RFC 9110, 6.4.1): others state no length of it.
pub(super) fn may_have_content(status: StatusCode) -> bool {
    let is_without = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    !is_without && !status.is_informational()
}

/// Whether a 304 leaves it out: it describes a body that is not sent (RFC 9110, 15.4.5).
pub(crate) fn describes_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
        && !matches!(
            name.as_str(),
            "content-location" | "content-security-policy"
        )
}

/// Whether it is a digest of the very bytes that were rendered (RFC 9530), which another encoding does not have.
pub(crate) fn is_digest(name: &HeaderName) -> bool {
    is_digest_of_content(name) || matches!(name.as_str(), "repr-digest" | "digest")
}

/// Whether it is a digest of what one message carries, which a part of it does not have.
pub(crate) fn is_digest_of_content(name: &HeaderName) -> bool {
    matches!(name.as_str(), "content-digest" | "content-md5")
}

/// Says that nobody may store the answer, and takes back whatever said otherwise.
pub(crate) fn forbid_storing(headers: &mut HeaderMap) {
    remove_all(headers, |name| {
        *name == EXPIRES || matches!(name.as_str(), "cdn-cache-control" | "surrogate-control")
    });
    headers.insert(CACHE_CONTROL, NO_STORE);
}

/// The members of all lines of a list, without white space around them and without empty ones.
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

/// Removes the fields that belong to one connection, those that it names itself included.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named = members(headers, CONNECTION)
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>();
    remove_all(headers, |name| {
        is_hop_by_hop(name) || named.iter().any(|other| other == name.as_str())
    });
}

fn take_earlier_caches(headers: &mut HeaderMap) -> Option<Box<str>> {
    let lines = headers
        .get_all(CACHE_STATUS)
        .iter()
        .filter_map(|value| value.to_str().ok());
    // An empty member would spoil the whole list (RFC 8941, 4.2.1). A comma may stand inside quotes, too.
    let lines = lines
        .map(|line| line.trim_matches([' ', '\t', ',']))
        .filter(|line| !line.is_empty());
    let lines = lines.collect::<Vec<_>>();
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

/// Names each declared header once; a `Vary` the handler sent stays. Nothing is named beside `*`, which names all. The host
/// is never named for being part of the key: every cache has it in its own, with the target (RFC 9111, 2).
fn add_vary<'a>(headers: &mut HeaderMap, declared: impl Iterator<Item = &'a HeaderName>) {
    let mut all = members(headers, VARY).collect::<Vec<_>>();
    let said = all.len();
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
    if all.len() == said {
        return;
    }
    let value = match all.join(", ").as_str() {
        // What nearly every page says costs less to copy when it is not counted.
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
        /// A second implementation: `Vary` is a set of names without case.
        #[test]
        fn vary_names_what_the_handler_said_and_what_is_declared_once_each(
            said in prop::collection::btree_set("(accept-encoding|Accept-Language|ORIGIN|x-Other)", 0..4),
            comma in prop::sample::select(vec![",", ", ", " ,\t", ",,"]),
            two_lines in any::<bool>(),
            declared in prop::collection::vec(prop::sample::select(&NAMES[..]), 0..5),
        ) {
            let said = said.into_iter().collect::<Vec<_>>();
            let (one, other) = said.split_at(if two_lines { said.len() / 2 } else { 0 });
            let mut headers = HeaderMap::new();
            for line in [one, other].into_iter().filter(|line| !line.is_empty()) {
                headers.append(VARY, line.join(comma).parse().unwrap());
            }
            let declared = declared.into_iter().map(HeaderName::from_static).collect::<Vec<_>>();

            add_vary(&mut headers, declared.iter());

            let names = members(&headers, VARY).map(lower).collect::<Vec<_>>();
            let expected = said.iter().map(|name| lower(name)).chain(declared.iter().map(|name| name.to_string()));
            let expected = expected.collect::<BTreeSet<_>>();
            prop_assert_eq!(names.len(), expected.len(), "named once: {:?}", &names);
            prop_assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}
