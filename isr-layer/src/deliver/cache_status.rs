//! The field `Cache-Status` (RFC 9211): our member after those of the caches behind us.

use http::header::{CACHE_STATUS, HeaderMap, HeaderValue};
use sfv::{List, Parser};

use crate::outcome::CacheStatus;

/// Adds our `Cache-Status` to a response that is passed on as it came.
pub(crate) fn note_status(headers: &mut HeaderMap, status: &CacheStatus) {
    let earlier = take_earlier_caches(headers);
    set_cache_status(headers, Some(status), earlier.as_deref());
}

/// Puts another `Cache-Status` of ours in place of the one that a response has from us.
pub(crate) fn replace_status(headers: &mut HeaderMap, status: Option<&CacheStatus>) {
    let all = take_earlier_caches(headers);
    let earlier = match status {
        // Ours is the last member (RFC 9211, 2), and has no comma.
        Some(_) => all.and_then(|all| Some(all.rsplit_once(", ")?.0.into())),
        None => all,
    };
    set_cache_status(headers, status, earlier.as_deref());
}

/// Takes out the members of the caches behind us; `None` if there are none.
pub(super) fn take_earlier_caches(headers: &mut HeaderMap) -> Option<Box<str>> {
    let lines = headers
        .get_all(CACHE_STATUS)
        .iter()
        .filter_map(|value| value.to_str().ok());
    // A line that is no list makes the whole field invalid, and so does an empty member (RFC 9651,
    // 4.2.1). Lines are trimmed and not split, because a comma may stand inside quotes.
    let is_list = |line: &str| Parser::new(line).parse::<List>().is_ok();
    let lines = lines
        .map(|line| line.trim_matches([' ', '\t', ',']))
        .filter(|line| !line.is_empty() && is_list(line));
    let lines = lines.collect::<Vec<_>>();
    let earlier = (!lines.is_empty()).then(|| lines.join(", ").into());
    headers.remove(CACHE_STATUS);
    earlier
}

/// Sets `Cache-Status` with our member last: each cache appends its own (RFC 9211, 2).
pub(super) fn set_cache_status(
    headers: &mut HeaderMap,
    status: Option<&CacheStatus>,
    earlier: Option<&str>,
) {
    let text = match (earlier, status) {
        (None, None) => return,
        (None, Some(ours)) => ours.to_string(),
        (Some(earlier), None) => earlier.to_owned(),
        (Some(earlier), Some(ours)) => format!("{earlier}, {ours}"),
    };
    // Our member is ASCII, and the earlier members were a valid value before: this cannot fail.
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(CACHE_STATUS, value);
    }
}
