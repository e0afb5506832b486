//! Evaluates the byte range that a client asks of a stored page (RFC 9110, 14).

use std::ops::Range;
use std::time::{Duration, SystemTime};

use http::header::{DATE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE};

/// The part of a body that a request's `Range` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RangeRequest {
    /// All of the body: there is no `Range`, or it is ignored.
    Whole,
    /// These bytes of the body.
    Part(Range<usize>),
    /// No byte that the body has.
    Unsatisfiable,
}

/// Returns the part that a GET asks for, where the body has `length` bytes and the headers
/// `stored`.
///
/// Several ranges, other units and invalid ranges are ignored, as the RFC allows. So is a `Range`
/// whose `If-Range` names another representation.
pub(crate) fn evaluate(request: &HeaderMap, stored: &HeaderMap, length: usize) -> RangeRequest {
    let Some(range) =
        single(request, RANGE.as_str()).filter(|_| is_same_representation(request, stored))
    else {
        return RangeRequest::Whole;
    };
    let spec = range
        .as_bytes()
        .split_at_checked(6)
        .filter(|(unit, _)| unit.eq_ignore_ascii_case(b"bytes="));

    match spec
        .and_then(|(_, spec)| std::str::from_utf8(spec).ok())
        .and_then(|spec| part(spec.trim(), length))
    {
        None => RangeRequest::Whole,
        Some(part) if part.is_empty() => RangeRequest::Unsatisfiable,
        Some(part) => RangeRequest::Part(part),
    }
}

/// Returns the bytes that a single range names: empty if the body has none of them, `None` if
/// `spec` is not one valid range.
fn part(spec: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = spec.split_once('-')?;
    match (number(first)?, number(last)?) {
        (None, None) => None,
        // Satisfiable, but `Content-Range` cannot express an empty part: the range is ignored.
        (None, Some(1..)) if length == 0 => None,
        (None, Some(suffix)) => Some(length.saturating_sub(suffix)..length),
        (Some(first), None) => Some(first.min(length)..length),
        (Some(first), Some(last)) if first > last => None,
        (Some(first), Some(last)) => Some(first.min(length)..last.saturating_add(1).min(length)),
    }
}

/// Parses a position. `Some(None)` says that it is left out, `None` that it is invalid. A number
/// that does not fit counts as the largest.
fn number(text: &str) -> Option<Option<usize>> {
    if text.is_empty() {
        return Some(None);
    }
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| Some(text.parse().unwrap_or(usize::MAX)))
}

/// Returns whether `If-Range` allows a part (RFC 9110, 13.1.5). An entity tag is compared strongly,
/// a date exactly, and a date counts only if it is a strong validator.
fn is_same_representation(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if !request.contains_key(IF_RANGE) {
        return true;
    }

    let Some(condition) = single(request, IF_RANGE.as_str()) else {
        return false;
    };
    let condition = condition.as_bytes().trim_ascii();
    // A weak tag starts with `W/`: it is compared as a date below, and fails.
    if condition.starts_with(b"\"") {
        return stored
            .get(ETAG)
            .is_some_and(|tag| tag.as_bytes() == condition);
    }

    has_strong_date(stored, None)
        && stored
            .get(LAST_MODIFIED)
            .is_some_and(|date| date.as_bytes() == condition)
}

/// Returns whether `Last-Modified` is a strong validator (RFC 9110, 8.8.2.2). A page that was
/// modified in the second in which it was made may have been modified once more in that second,
/// under an equal date. Without `Date`, the response was made at `made` or later.
pub(crate) fn has_strong_date(stored: &HeaderMap, made: Option<SystemTime>) -> bool {
    let date = |name| {
        let text = stored
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())?;
        httpdate::parse_http_date(text).ok()
    };
    let since = date(LAST_MODIFIED)
        .zip(date(DATE).or(made))
        .and_then(|(modified, made)| made.duration_since(modified).ok());
    since.is_some_and(|since| since >= Duration::from_secs(1))
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(range: &str, if_range: Option<&str>) -> RangeRequest {
        let mut request = HeaderMap::new();
        request.insert(RANGE, HeaderValue::from_str(range).unwrap());
        if let Some(condition) = if_range {
            request.insert(IF_RANGE, HeaderValue::from_str(condition).unwrap());
        }
        let mut stored = HeaderMap::new();
        stored.insert(ETAG, HeaderValue::from_static("\"a\""));
        stored.insert(
            LAST_MODIFIED,
            HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"),
        );
        stored.insert(
            DATE,
            HeaderValue::from_static("Sun, 06 Nov 1994 08:49:38 GMT"),
        );
        evaluate(&request, &stored, 10_000)
    }

    #[test]
    fn the_examples_of_rfc_9110() {
        for (range, expected) in [
            ("bytes=0-499", RangeRequest::Part(0..500)),
            ("bytes=500-999", RangeRequest::Part(500..1000)),
            ("bytes=-500", RangeRequest::Part(9_500..10_000)),
            ("bytes=9500-", RangeRequest::Part(9_500..10_000)),
            ("bytes=0-0", RangeRequest::Part(0..1)),
            ("Bytes=0-0", RangeRequest::Part(0..1)),
            ("bytes=0-99999", RangeRequest::Part(0..10_000)),
            ("bytes=-99999", RangeRequest::Part(0..10_000)),
            (
                "bytes=0-99999999999999999999999999",
                RangeRequest::Part(0..10_000),
            ),
            ("bytes=10000-", RangeRequest::Unsatisfiable),
            ("bytes=-0", RangeRequest::Unsatisfiable),
            (
                "bytes=99999999999999999999999-",
                RangeRequest::Unsatisfiable,
            ),
            ("bytes=0-0,-1", RangeRequest::Whole),
            ("bytes=500-400", RangeRequest::Whole),
            ("bytes=-", RangeRequest::Whole),
            ("bytes=a-b", RangeRequest::Whole),
            ("bytes=+1-2", RangeRequest::Whole),
            ("lines=1-2", RangeRequest::Whole),
            ("bytes", RangeRequest::Whole),
        ] {
            assert_eq!(of(range, None), expected, "{range}");
        }
    }

    #[test]
    fn if_range_compares_tags_strongly_and_dates_exactly() {
        let part = RangeRequest::Part(0..1);
        for (condition, expected) in [
            ("\"a\"", &part),
            ("\"b\"", &RangeRequest::Whole),
            ("W/\"a\"", &RangeRequest::Whole),
            ("Sun, 06 Nov 1994 08:49:37 GMT", &part),
            ("Sun, 06 Nov 1994 08:49:38 GMT", &RangeRequest::Whole),
        ] {
            assert_eq!(of("bytes=0-0", Some(condition)), *expected, "{condition}");
        }
    }

    /// A second implementation: looks at the bytes one by one.
    fn reference(first: Option<u64>, last: Option<u64>, length: usize) -> RangeRequest {
        let is_asked_for = |at: usize| {
            let from_end = (length - at) as u64;
            match (first, last) {
                (None, suffix) => suffix.is_some_and(|suffix| from_end <= suffix),
                (Some(first), last) => {
                    at as u64 >= first && last.is_none_or(|last| at as u64 <= last)
                }
            }
        };
        let asked_for = (0..length)
            .filter(|at| is_asked_for(*at))
            .collect::<Vec<_>>();
        match (first, last, &*asked_for) {
            (None, None, _) => RangeRequest::Whole,
            (Some(first), Some(last), _) if last < first => RangeRequest::Whole,
            (None, Some(1..), []) => RangeRequest::Whole,
            (_, _, []) => RangeRequest::Unsatisfiable,
            (_, _, [first, ..]) => RangeRequest::Part(*first..first + asked_for.len()),
        }
    }

    fn number() -> impl Strategy<Value = Option<u64>> {
        prop::option::of(prop_oneof![8 => 0..60_u64, 1 => Just(u64::MAX)])
    }

    proptest! {
        #[test]
        fn a_second_implementation_agrees(
            first in number(),
            last in number(),
            length in 0..50_usize
        ) {
            let text =
                |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
            let mut request = HeaderMap::new();
            let range = format!("bytes={}-{}", text(first), text(last));
            request.insert(RANGE, HeaderValue::from_str(&range).unwrap());

            prop_assert_eq!(
                evaluate(&request, &HeaderMap::new(), length),
                reference(first, last, length)
            );
        }

        #[test]
        fn a_part_lies_inside_the_body(range in "bytes=[0-9]{0,6}-[0-9]{0,6}") {
            if let RangeRequest::Part(part) = of(&range, None) {
                prop_assert!(part.start < part.end && part.end <= 10_000);
            }
        }

        #[test]
        fn no_input_panics(range in "[ -~]{0,40}") {
            of(&range, None);
        }
    }
}
