//! Preconditions, in the order RFC 9110, 13.2.2 gives.

use std::time::SystemTime;

use http::header::{HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

use super::etag::EntityTag;

/// What a stored page is compared by, read off its headers once.
#[derive(Clone, Debug)]
pub(crate) struct Validators {
    etag: Option<EntityTag>,
    modified: Option<SystemTime>,
}

/// Whether a request has a precondition: most have none.
#[inline]
pub(crate) fn has_preconditions(request: &HeaderMap) -> bool {
    // One pass over the few names there are costs less than asking for each, and their lengths tell most of them apart.
    request.keys().any(|name| matches!(name.as_str().len(), 13 | 17) && is_precondition(name))
}

fn is_precondition(name: &HeaderName) -> bool {
    *name == IF_NONE_MATCH || *name == IF_MODIFIED_SINCE
}

impl Validators {
    pub(crate) fn of(stored: &HeaderMap) -> Self {
        Self { etag: EntityTag::of(stored), modified: stored.get(LAST_MODIFIED).and_then(date) }
    }

    /// Whether the client has what is stored already, so that 304 is the answer.
    pub(crate) fn is_not_modified(&self, request: &HeaderMap) -> bool {
        let (mut names_tags, mut since) = (false, None);
        for (name, value) in request {
            if *name == IF_NONE_MATCH {
                if self.is_named(value.as_bytes()) {
                    return true;
                }
                names_tags = true;
            } else if *name == IF_MODIFIED_SINCE {
                since = since.or(Some(value));
            }
        }
        !names_tags && since.is_some_and(|since| !self.is_modified(since))
    }

    /// Whether a list of entity tags names the page's; `*` names any.
    fn is_named(&self, list: &[u8]) -> bool {
        self.etag.as_ref().is_some_and(|tag| tag.is_in(list)) || list.trim_ascii() == b"*"
    }

    fn is_modified(&self, since: &HeaderValue) -> bool {
        match (date(since), self.modified) {
            (Some(since), Some(modified)) => modified > since,
            // An invalid date is ignored, and what has no date of change counts as changed.
            _ => true,
        }
    }
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    value.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok())
}

#[cfg(test)]
mod tests {
    use http::header::ETAG;

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
        Validators::of(&stored).is_not_modified(&request)
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
