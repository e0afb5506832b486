//! Validation: makes requests conditional, and updates the headers of an entry by a 304 (RFC 9111,
//! 4.3).

use http::header::{
    AGE, CACHE_STATUS, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use crate::deliver::{is_digest, remove_hop_by_hop};

/// Returns whether a response with these headers has a validator.
pub(super) fn can_validate(stored: &HeaderMap) -> bool {
    stored.contains_key(ETAG) || stored.contains_key(LAST_MODIFIED)
}

/// Makes a request conditional on the validators of a response with the headers `stored` (RFC
/// 9111, 4.3.1).
pub(super) fn ask_for_change(request: &mut HeaderMap, stored: &HeaderMap) {
    for (validator, condition) in [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)] {
        if let Some(value) = stored.get(validator) {
            request.insert(condition, value.clone());
        }
    }
}

/// Returns the headers `stored` as a 304 with the headers `new` updates them (RFC 9111, 3.2);
/// `None` if the 304 is about another response.
pub(super) fn updated(stored: &HeaderMap, new: &HeaderMap) -> Option<HeaderMap> {
    let mut new = new.clone();
    remove_hop_by_hop(&mut new);
    let tag = |headers: &HeaderMap| headers.get(ETAG).map(opaque);
    if tag(&new).is_some_and(|new| tag(stored) != Some(new)) {
        return None;
    }
    let mut updated = stored.clone();

    // These are about the stored response. A 304 without a `Date` is as old as its arrival (RFC
    // 9110, 6.6.1).
    for name in [AGE, CACHE_STATUS, DATE] {
        updated.remove(name);
    }
    for name in new.keys().filter(|name| !is_kept(name)) {
        updated.remove(name);
        for value in new.get_all(name) {
            updated.append(name, value.clone());
        }
    }
    Some(updated)
}

/// Returns whether a field describes the stored body, which a 304 does not replace.
fn is_kept(name: &HeaderName) -> bool {
    [
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_RANGE,
        CONTENT_TYPE,
        ETAG,
    ]
    .contains(name)
        || is_digest(name)
}

/// Returns an entity tag without its mark of weakness, for the weak comparison (RFC 9110, 8.8.3.2).
fn opaque(tag: &HeaderValue) -> Vec<u8> {
    let tag = tag.as_bytes();
    tag.strip_prefix(b"W/").unwrap_or(tag).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn both_validators_are_asked_with() {
        let mut request = map(&[("accept", "x")]);

        ask_for_change(
            &mut request,
            &map(&[("etag", "W/\"a\""), ("last-modified", "then")]),
        );

        let expected = [
            ("accept", "x"),
            ("if-none-match", "W/\"a\""),
            ("if-modified-since", "then"),
        ];
        assert_eq!(request, map(&expected));
    }

    #[test]
    fn a_304_updates_all_but_what_describes_the_body() {
        let stored = map(&[
            ("etag", "\"a\""),
            ("x", "1"),
            ("y", "1"),
            ("content-type", "a/b"),
            ("content-digest", "sha-256=:whole:"),
            ("y", "2"),
        ]);
        let new = [
            ("connection", "close, x-connection"),
            ("x-connection", "1"),
            ("etag", "W/\"a\""),
            ("y", "3"),
            ("content-length", "9"),
            ("content-type", "c/d"),
            ("content-digest", "sha-256=:nothing:"),
            ("te", "x"),
        ];

        let updated = updated(&stored, &map(&new)).unwrap();

        let expected = [
            ("etag", "\"a\""),
            ("x", "1"),
            ("y", "3"),
            ("content-type", "a/b"),
            ("content-digest", "sha-256=:whole:"),
        ];
        assert_eq!(updated, map(&expected));
    }

    #[test]
    fn a_304_that_speaks_of_another_answer_is_none() {
        assert_eq!(
            updated(&map(&[("etag", "\"a\"")]), &map(&[("etag", "\"b\"")])),
            None
        );
        assert_eq!(
            updated(
                &map(&[("last-modified", "then")]),
                &map(&[("etag", "\"b\"")])
            ),
            None
        );
        assert!(updated(&map(&[("etag", "\"a\"")]), &map(&[])).is_some());
    }
}
