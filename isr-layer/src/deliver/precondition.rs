//! Evaluates preconditions, in the order of RFC 9110, 13.2.2.

use std::time::SystemTime;

use http::header::{
    HeaderMap, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE,
    LAST_MODIFIED,
};

use super::etag::EntityTag;

/// The validators of a stored page, read off its headers once.
#[derive(Clone, Debug)]
pub(crate) struct Validators {
    etag: Option<EntityTag>,
    modified: Option<SystemTime>,
}

/// The result of a request's preconditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PreconditionResult {
    /// The request is handled as if it had none.
    Proceed,
    /// 304: the client already has the stored page.
    NotModified,
    /// 412: the stored page is not the one that the client wants.
    Failed,
}

impl Validators {
    pub(crate) fn of(stored: &HeaderMap) -> Self {
        Self {
            etag: EntityTag::of(stored),
            modified: stored.get(LAST_MODIFIED).and_then(date),
        }
    }

    /// Returns whether the list is the page's own tag and nothing else.
    pub(crate) fn has_tag(&self, list: &HeaderValue) -> bool {
        self.etag.as_ref().is_some_and(|tag| tag.is(list))
    }

    /// Evaluates the preconditions of a request, in one pass over its headers.
    pub(crate) fn evaluate(&self, request: &HeaderMap) -> PreconditionResult {
        let (mut if_match, mut if_none_match) = (None, None);
        let (mut unmodified_since, mut modified_since) = (None, None);
        for (name, value) in request {
            // The length alone rules out most headers.
            match name.as_str().len() {
                8 if *name == IF_MATCH => {
                    if_match = Some(if_match == Some(true) || self.is_strongly_named(value))
                }
                13 if *name == IF_NONE_MATCH => {
                    if_none_match = Some(if_none_match == Some(true) || self.is_named(value))
                }
                17 if *name == IF_MODIFIED_SINCE => modified_since = Some(value),
                19 if *name == IF_UNMODIFIED_SINCE => unmodified_since = Some(value),
                _ => {}
            }
        }

        // A date counts only if the request has no list of tags.
        let is_matched = if_match
            .unwrap_or_else(|| !unmodified_since.is_some_and(|since| self.was_modified(since)));
        let is_unchanged = if_none_match
            .unwrap_or_else(|| modified_since.is_some_and(|since| !self.is_modified(since)));

        match (is_matched, is_unchanged) {
            (false, _) => PreconditionResult::Failed,
            (true, true) => PreconditionResult::NotModified,
            (true, false) => PreconditionResult::Proceed,
        }
    }

    /// Returns whether a list contains the page's tag, by weak comparison; `*` matches every page.
    #[inline]
    fn is_named(&self, list: &HeaderValue) -> bool {
        let list = list.as_bytes();
        self.etag.as_ref().is_some_and(|tag| tag.is_in(list)) || list.trim_ascii() == b"*"
    }

    /// Returns whether a list contains the page's tag, by strong comparison; `*` matches every
    /// page.
    fn is_strongly_named(&self, list: &HeaderValue) -> bool {
        let list = list.as_bytes();
        self.etag
            .as_ref()
            .is_some_and(|tag| tag.is_strongly_in(list))
            || list.trim_ascii() == b"*"
    }

    /// Evaluates `If-Modified-Since`. An invalid date is ignored, and a page without
    /// `Last-Modified` counts as modified.
    fn is_modified(&self, since: &HeaderValue) -> bool {
        match (date(since), self.modified) {
            (Some(since), Some(modified)) => modified > since,
            _ => true,
        }
    }

    /// Evaluates `If-Unmodified-Since`. The page counts as modified only if both dates are there to
    /// say so.
    fn was_modified(&self, since: &HeaderValue) -> bool {
        date(since)
            .zip(self.modified)
            .is_some_and(|(since, modified)| modified > since)
    }
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    value
        .to_str()
        .ok()
        .and_then(|text| httpdate::parse_http_date(text).ok())
}

#[cfg(test)]
mod tests {
    use http::header::ETAG;
    use proptest::prelude::*;

    use super::*;

    fn not_modified(
        if_none_match: &[&'static str],
        since: Option<&'static str>,
        etag: &'static str,
    ) -> bool {
        let mut stored = HeaderMap::new();
        stored.insert(ETAG, HeaderValue::from_static(etag));
        stored.insert(
            LAST_MODIFIED,
            HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"),
        );
        let mut request = HeaderMap::new();
        for list in if_none_match {
            request.append(IF_NONE_MATCH, HeaderValue::from_static(list));
        }
        if let Some(since) = since {
            request.insert(IF_MODIFIED_SINCE, HeaderValue::from_static(since));
        }
        Validators::of(&stored).evaluate(&request) == PreconditionResult::NotModified
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
            assert_eq!(
                not_modified(lists, None, "\"xyzzy\""),
                expected,
                "{lists:?}"
            );
        }
        assert!(not_modified(&["\"xyzzy\""], None, "W/\"xyzzy\""));
    }

    #[test]
    fn if_none_match_takes_precedence_over_if_modified_since() {
        let after = Some("Sun, 06 Nov 1994 08:49:38 GMT");

        assert!(not_modified(&[], after, "\"a\""));
        assert!(!not_modified(&["\"b\""], after, "\"a\""));
        assert!(!not_modified(
            &[],
            Some("Sun, 06 Nov 1994 08:49:36 GMT"),
            "\"a\""
        ));
        assert!(!not_modified(&[], Some("yesterday"), "\"a\""));
    }

    #[test]
    fn if_match_compares_strongly_and_takes_precedence_over_if_unmodified_since() {
        let (before, after) = (
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Sun, 06 Nov 1994 08:49:38 GMT",
        );
        let mut stored = HeaderMap::new();
        stored.insert(ETAG, HeaderValue::from_static("\"a\""));
        stored.insert(
            LAST_MODIFIED,
            HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"),
        );
        let validators = Validators::of(&stored);
        for (conditions, expected) in [
            (&[(IF_MATCH, "\"a\"")][..], PreconditionResult::Proceed),
            (&[(IF_MATCH, "\"b\", \"a\"")], PreconditionResult::Proceed),
            (&[(IF_MATCH, "*")], PreconditionResult::Proceed),
            (&[(IF_MATCH, "W/\"a\"")], PreconditionResult::Failed),
            (&[(IF_MATCH, "\"b\"")], PreconditionResult::Failed),
            (
                &[(IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, before)],
                PreconditionResult::Proceed,
            ),
            (&[(IF_UNMODIFIED_SINCE, before)], PreconditionResult::Failed),
            (&[(IF_UNMODIFIED_SINCE, after)], PreconditionResult::Proceed),
            (
                &[(IF_UNMODIFIED_SINCE, "never")],
                PreconditionResult::Proceed,
            ),
            (
                &[(IF_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")],
                PreconditionResult::Failed,
            ),
            (
                &[(IF_MATCH, "\"a\""), (IF_NONE_MATCH, "\"a\"")],
                PreconditionResult::NotModified,
            ),
        ] {
            let request = conditions
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            let request = request.collect::<HeaderMap>();

            assert_eq!(validators.evaluate(&request), expected, "{conditions:?}");
        }
    }

    /// Generates a tag before it is written: whether it is weak, and the text between its quotes.
    fn tag() -> impl Strategy<Value = (bool, String)> {
        (any::<bool>(), "[abW/,*]{0,2}")
    }

    fn written((is_weak, opaque): &(bool, String)) -> String {
        format!("{}\"{opaque}\"", if *is_weak { "W/" } else { "" })
    }

    proptest! {
        /// A second implementation has nothing to parse: it compares the tags that were written
        /// into the list.
        #[test]
        fn lists_of_tags_mean_what_was_written_into_them(
            stored in tag(),
            lines in prop::collection::vec(prop::collection::vec(tag(), 0..4), 1..3),
            comma in prop::sample::select(vec![",", ", ", " ,", "\t,  ", ",,"]),
        ) {
            let mut page = HeaderMap::new();
            page.insert(ETAG, written(&stored).parse().unwrap());
            let validators = Validators::of(&page);
            let evaluate = |name: &http::HeaderName| {
                let line = |tags: &Vec<_>| tags.iter().map(written).collect::<Vec<_>>().join(comma);
                let lines = lines.iter().map(|tags| (name.clone(), line(tags).parse().unwrap()));
                validators.evaluate(&lines.collect())
            };

            let is_unchanged = lines.iter().flatten().any(|(_, opaque)| *opaque == stored.1);
            let is_matched = lines.iter().flatten().any(|tag| !tag.0 && *tag == stored);

            prop_assert_eq!(evaluate(&IF_NONE_MATCH) == PreconditionResult::NotModified, is_unchanged);
            prop_assert_eq!(evaluate(&IF_MATCH) == PreconditionResult::Proceed, is_matched);
        }

        #[test]
        fn no_list_panics(etag in "[ -~]{0,12}", list in "[ -~]{0,40}") {
            let mut page = HeaderMap::new();
            page.insert(ETAG, etag.parse().unwrap());
            for name in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
                Validators::of(&page)
                    .evaluate(&HeaderMap::from_iter([(name, list.parse().unwrap())]));
            }
        }
    }
}
