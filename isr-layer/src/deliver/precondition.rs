//! Preconditions, in the order RFC 9110, 13.2.2 gives.

use http::header::{ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

/// Whether the client has what is stored already, so that 304 is the answer.
pub(crate) fn is_not_modified(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let tag = stored.get(ETAG).map(HeaderValue::as_bytes);
        return request.get_all(IF_NONE_MATCH).iter().any(|list| names(list.as_bytes(), tag));
    }
    request.get(IF_MODIFIED_SINCE).is_some_and(|since| !is_modified(since, stored))
}

/// Whether a list of entity tags names `tag`, compared weakly (RFC 9110, 8.8.3.2); `*` names any.
fn names(list: &[u8], tag: Option<&[u8]>) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let Some(tag) = tag.map(opaque) else { return false };
    let mut rest = list;
    while let Some((candidate, after)) = next_tag(rest) {
        if candidate == tag {
            return true;
        }
        rest = after;
    }
    false
}

/// The next quoted tag of a list with its quotes, and what follows it. A comma inside the quotes is text.
fn next_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = list.iter().position(|byte| *byte == b'"')?;
    let length = list[start + 1..].iter().position(|byte| *byte == b'"')? + 2;
    Some(list[start..].split_at(length))
}

/// A tag without its mark of weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn is_modified(since: &HeaderValue, stored: &HeaderMap) -> bool {
    let date =
        |value: &HeaderValue| value.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok());
    match (date(since), stored.get(LAST_MODIFIED).and_then(date)) {
        (Some(since), Some(modified)) => modified > since,
        // An invalid date is ignored, and what has no date of change counts as changed.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_modified(if_none_match: &[&'static str], since: Option<&'static str>, etag: &'static str) -> bool {
        let mut stored = HeaderMap::new();
        stored.insert(ETAG, HeaderValue::from_static(etag));
        stored.insert(LAST_MODIFIED, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        let mut request = HeaderMap::new();
        for list in if_none_match {
            request.append(IF_NONE_MATCH, HeaderValue::from_static(list));
        }
        if let Some(since) = since {
            request.insert(IF_MODIFIED_SINCE, HeaderValue::from_static(since));
        }
        is_not_modified(&request, &stored)
    }

    #[test]
    fn if_none_match_compares_weakly_over_lists_and_lines() {
        for (lists, expected) in [
            (&["\"xyzzy\""][..], true),
            (&["W/\"xyzzy\""], true),
            (&["\"a\", \"xyzzy\" , \"c\""], true),
            (&["\"a\"", "\"xyzzy\""], true),
            (&["*"], true),
            (&["\"a,\\\"xyzzy\""], false),
            (&["xyzzy"], false),
            (&["\"xyzz\""], false),
            (&["\"xyzzy"], false),
            (&["\"x\",*"], false),
        ] {
            assert_eq!(not_modified(lists, None, "\"xyzzy\""), expected, "{lists:?}");
        }
        assert!(not_modified(&["\"xyzzy\""], None, "W/\"xyzzy\""));
    }

    #[test]
    fn if_none_match_takes_precedence_over_if_modified_since() {
        let after = Some("Sun, 06 Nov 1994 08:49:38 GMT");

        assert!(not_modified(&[], after, "\"a\""));
        assert!(!not_modified(&["\"b\""], after, "\"a\""));
        assert!(!not_modified(&[], Some("Sun, 06 Nov 1994 08:49:36 GMT"), "\"a\""));
        assert!(!not_modified(&[], Some("yesterday"), "\"a\""));
    }
}
