//! Responses of upstreams that values are made of, judged by the rules of header mode: pure
//! functions of their heads.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, LAST_MODIFIED, VARY};

use super::cache_control;
use super::freshness::{Lifetime, initial_age};
use super::validate::{Usable, updated};
use super::vary;
use crate::clock::{self, Instant};
use crate::entry::Birth;
use crate::outcome::Reason;

/// The fields that are kept of a response, to validate it and to judge it anew.
const KEPT: [http::HeaderName; 7] = [AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, LAST_MODIFIED, VARY];

/// The judgement of a response.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) birth: Birth,
    /// The age up to which it is fresh, if it says so.
    pub(crate) fresh_for: Option<Duration>,
    /// The age from which it is not used while it is refreshed, if it says so.
    pub(crate) waits_after: Option<Duration>,
    /// The reason why nothing that is made of it may be kept.
    pub(crate) not_kept: Option<Reason>,
    /// True if it says that the upstream is in trouble: the value before it stays.
    pub(crate) is_failure: bool,
}

/// Judges a response with this head, which was asked for at `asked_at` (RFC 9111, 4.2; RFC 5861).
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, asked_at: Instant) -> Judged {
    let now = clock::now();
    let date = SystemTime::UNIX_EPOCH + clock::unix_time();
    let directives = cache_control::directives(headers, &[]);
    let lifetime = Lifetime::of(&directives, headers, date);
    let fresh_for = lifetime.map(|lifetime| lifetime.fresh);

    let window = directives.stale_while_revalidate.map(Duration::from_secs);
    let must_wait = directives.must_revalidate || directives.proxy_revalidate;
    let window = match must_wait {
        true => Some(Duration::ZERO),
        false => window,
    };
    let forbids = directives.no_store || directives.no_cache || directives.private;
    let not_kept = if forbids {
        Some(Reason::CacheControl)
    } else if !is_kept(status) {
        Some(Reason::Status)
    } else {
        vary::names(headers).is_none().then_some(Reason::Vary)
    };

    let delay = now.saturating_duration_since(asked_at);
    Judged {
        birth: Birth::aged(now, initial_age(headers, delay, date)),
        fresh_for,
        waits_after: fresh_for
            .zip(window)
            .map(|(fresh, window)| fresh.saturating_add(window)),
        not_kept,
        is_failure: status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429),
    }
}

/// True for a response that says something of the content: a value of it may be kept.
fn is_kept(status: StatusCode) -> bool {
    let is_whole = status.is_success() && status != StatusCode::PARTIAL_CONTENT;
    is_whole || matches!(status.as_u16(), 300 | 301 | 308 | 404 | 410)
}

/// Returns the fields of a response that are kept.
pub(crate) fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in &KEPT {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// Returns the fields by which the upstream is asked if a response is still valid that has these
/// headers and was asked for at `sent` (RFC 9111, 4.3.1).
pub(crate) fn conditions(stored: &HeaderMap, sent: SystemTime) -> HeaderMap {
    let mut conditions = HeaderMap::new();
    Usable::of(stored, sent).ask(&mut conditions, stored);
    conditions
}

/// Returns the headers of a response as a 304 updates them; `None` if the 304 is about another one
/// (RFC 9111, 4.3.4).
pub(crate) fn confirmed(stored: &HeaderMap, new: &HeaderMap) -> Option<HeaderMap> {
    updated(stored, new).map(|headers| kept(&headers))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn judged(status: u16, control: &'static str) -> (Option<u64>, Option<u64>, Option<Reason>) {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(control));
        let status = StatusCode::from_u16(status).unwrap();
        let judged = judge(status, &headers, clock::now());
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
        (
            seconds(judged.fresh_for),
            seconds(judged.waits_after),
            judged.not_kept,
        )
    }

    #[test]
    fn the_table_of_upstream_responses() {
        for (status, control, expected) in [
            (200, "", (None, None, None)),
            (200, "max-age=60", (Some(60), None, None)),
            (200, "max-age=60, s-maxage=10", (Some(10), None, None)),
            (
                200,
                "max-age=60, must-revalidate",
                (Some(60), Some(60), None),
            ),
            (
                200,
                "max-age=60, stale-while-revalidate=30",
                (Some(60), Some(90), None),
            ),
            (200, "no-store", (None, None, Some(Reason::CacheControl))),
            (
                200,
                "private, max-age=60",
                (Some(60), None, Some(Reason::CacheControl)),
            ),
            (404, "max-age=60", (Some(60), None, None)),
            (401, "max-age=60", (Some(60), None, Some(Reason::Status))),
        ] {
            assert_eq!(judged(status, control), expected, "{status}, {control}");
        }
    }
}
