//! Validation: makes requests conditional, and updates the headers of an entry by a 304 (RFC 9111,
//! 4.3).

use std::time::SystemTime;

use http::header::{
    AGE, CACHE_STATUS, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use crate::deliver::{has_strong_date, is_digest, remove_hop_by_hop};

/// Validators of a stored response that the origin may be asked with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usable {
    etag: bool,
    last_modified: bool,
}

impl Usable {
    /// Reads them off the headers of a response that was asked for at `sent`. A weak date does not
    /// count: a file may have changed once more within its second.
    pub(super) fn of(headers: &HeaderMap, sent: SystemTime) -> Self {
        Self {
            etag: headers.contains_key(ETAG),
            last_modified: has_strong_date(headers, Some(sent)),
        }
    }

    /// Returns whether there is any.
    pub(super) fn any(self) -> bool {
        self.etag || self.last_modified
    }

    /// Makes a request conditional on these validators of a response with the headers `stored`
    /// (RFC 9111, 4.3.1).
    pub(super) fn ask(self, request: &mut HeaderMap, stored: &HeaderMap) {
        for (is_usable, validator, condition) in [
            (self.etag, ETAG, IF_NONE_MATCH),
            (self.last_modified, LAST_MODIFIED, IF_MODIFIED_SINCE),
        ] {
            if let Some(value) = stored.get(validator).filter(|_| is_usable) {
                request.insert(condition, value.clone());
            }
        }
    }
}

/// Returns the headers `stored` as a 304 with the headers `new` updates them (RFC 9111, 3.2);
/// `None` if the 304 is about another response.
pub(super) fn updated(stored: &HeaderMap, new: &HeaderMap) -> Option<HeaderMap> {
    let mut new = new.clone();
    remove_hop_by_hop(&mut new);
    if !is_about(&new, stored) {
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

/// Returns whether a 304 with the headers `new` is about the response with the headers `stored`
/// (RFC 9111, 4.3.4). Its tag tells; without tags, its date does.
fn is_about(new: &HeaderMap, stored: &HeaderMap) -> bool {
    let tag = |headers: &HeaderMap| headers.get(ETAG).map(opaque);
    match (tag(new), tag(stored)) {
        (Some(new), stored) => Some(new) == stored,
        (None, Some(_)) => true,
        (None, None) => new
            .get(LAST_MODIFIED)
            .is_none_or(|date| Some(date) == stored.get(LAST_MODIFIED)),
    }
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
    use std::time::Duration;

    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    const SECOND: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NEXT: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn the_table_of_validators() {
        let sent = httpdate::parse_http_date(SECOND).unwrap() + Duration::from_millis(999);
        let modified = |date| ("last-modified", date);
        let earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
        let tag = ("etag", "W/\"a\"");
        for (stored, expected) in [
            (&[][..], &[][..]),
            (&[tag], &[("if-none-match", "W/\"a\"")]),
            (&[modified(earlier)], &[("if-modified-since", earlier)]),
            (&[modified(SECOND)], &[]),
            (&[modified(NEXT)], &[]),
            (&[modified("then")], &[]),
            (&[modified(SECOND), ("date", SECOND)], &[]),
            (
                &[modified(SECOND), ("date", NEXT)],
                &[("if-modified-since", SECOND)],
            ),
            (&[tag, modified(SECOND)], &[("if-none-match", "W/\"a\"")]),
            (
                &[tag, modified(earlier)],
                &[("if-none-match", "W/\"a\""), ("if-modified-since", earlier)],
            ),
        ] {
            let stored = map(stored);
            let usable = Usable::of(&stored, sent);
            let mut request = HeaderMap::new();

            usable.ask(&mut request, &stored);

            assert_eq!(request, map(expected), "{stored:?}");
            assert_eq!(usable.any(), !expected.is_empty());
        }
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
    fn the_table_of_304s_about_another_response() {
        let modified = |date| ("last-modified", date);
        let tag = |tag| ("etag", tag);
        for (stored, new, is_about) in [
            (&[tag("\"a\"")][..], &[][..], true),
            (&[tag("\"a\"")], &[tag("W/\"a\"")], true),
            (&[tag("\"a\"")], &[tag("\"b\"")], false),
            (&[tag("\"a-gzip\"")], &[tag("\"a\"")], false),
            (&[modified(SECOND)], &[tag("\"b\"")], false),
            (&[modified(SECOND)], &[modified(SECOND)], true),
            (&[modified(SECOND)], &[modified(NEXT)], false),
            (&[tag("\"a\""), modified(SECOND)], &[modified(NEXT)], true),
        ] {
            let updated = updated(&map(stored), &map(new));

            assert_eq!(updated.is_some(), is_about, "{stored:?} {new:?}");
        }
    }
}
