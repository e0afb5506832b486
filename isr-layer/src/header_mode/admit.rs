//! Admission: judges by the head whether a response may be stored (RFC 9111, 3). A pure function.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, COOKIE, HeaderMap, HeaderName, SET_COOKIE,
};

use super::cache_control;
use super::directives::Directives;
use super::freshness::{Lifetime, initial_age};
use super::vary::{self, VaryKey};
use crate::clock::Instant;
use crate::entry::Birth;
use crate::outcome::Reason;

/// Properties of a response that may be stored.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub(super) lifetime: Lifetime,
    pub(super) birth: Birth,
    pub(super) vary_key: VaryKey,
    /// True if the response is also for requests with `Authorization`, and may be stored if it is a
    /// response to one (RFC 9111, 3.5).
    pub(super) is_for_authorized: bool,
    /// True if the response is also for requests with `Cookie`, and may be stored if it is a
    /// response to one. The RFC does not ask for that, but origins that say no more than `max-age`
    /// to their users mean their browsers.
    pub(super) is_for_cookies: bool,
}

/// Arrival of a response's head by both clocks, and its delay after the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) at: Instant,
    pub(super) date: SystemTime,
    pub(super) delay: Duration,
}

impl Received {
    /// Returns the time at which the response was asked for.
    pub(super) fn sent(self) -> SystemTime {
        self.date.checked_sub(self.delay).unwrap_or(self.date)
    }
}

/// Judges the head of a response to a GET with the headers `request`. The fields `targets` go
/// before `Cache-Control`. The lifetime must be explicit: there is no heuristic (RFC 9111, 4.2.2).
pub(super) fn admit(
    request: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
    targets: &[HeaderName],
    received: Received,
) -> Result<Admitted, Reason> {
    let directives = cache_control::directives(headers, targets);
    check_reuse(&directives, status, headers)?;
    let is_for_cookies = directives.public || directives.s_maxage.is_some();
    let is_for_authorized = is_for_cookies || directives.must_revalidate;
    if request.contains_key(AUTHORIZATION) && !is_for_authorized
        || request.contains_key(COOKIE) && !is_for_cookies
    {
        return Err(Reason::Authorization);
    }

    let vary_key = vary::names(headers)
        .filter(|names| !is_encoded(headers) || names.contains(&ACCEPT_ENCODING))
        .map(|names| VaryKey::of(names, request))
        .ok_or(Reason::Vary)?;
    let aged = initial_age(headers, received.delay, received.date);
    let lifetime = Lifetime::of(&directives, headers, received.date)
        // An error stands in for no other error.
        .map(|lifetime| lifetime.without_error_window_if(status.is_server_error()))
        .filter(|lifetime| lifetime.is_useful(aged));
    lifetime
        .map(|lifetime| Admitted {
            lifetime,
            birth: Birth::aged(received.at, aged),
            vary_key,
            is_for_authorized,
            is_for_cookies,
        })
        .ok_or(Reason::Lifetime)
}

/// Checks that a response may serve further requests at all: by its status, by its directives, and
/// by its cookies.
fn check_reuse(
    directives: &Directives,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), Reason> {
    if !is_storable(status) || directives.must_understand && !is_understood(status) {
        return Err(Reason::Status);
    }
    // Beside `must-understand`, `no-store` is for caches that do not know the status (RFC 9111,
    // 5.2.2.3).
    let no_store = directives.no_store && !directives.must_understand;
    if no_store || directives.no_cache || directives.private {
        return Err(Reason::CacheControl);
    }
    // The RFC allows it, but no origin means to hand one client's cookie to all.
    if headers.contains_key(SET_COOKIE) {
        return Err(Reason::SetCookie);
    }
    Ok(())
}

/// Returns whether a body has a registered content coding. Without `Vary: Accept-Encoding`, it
/// would go to clients that cannot read it.
fn is_encoded(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    codings
        .map(|coding| coding.trim_ascii().to_ascii_lowercase())
        .any(|coding| CODINGS.contains(&&coding[..]))
}

/// The content codings that IANA has registered, less `identity`. No client negotiates any other.
const CODINGS: [&[u8]; 12] = [
    b"aes128gcm",
    b"br",
    b"compress",
    b"dcb",
    b"dcz",
    b"deflate",
    b"exi",
    b"gzip",
    b"pack200-gzip",
    b"x-compress",
    b"x-gzip",
    b"zstd",
];

/// Returns whether a status says that the origin is in trouble, so that `stale-if-error` applies
/// (RFC 5861, 4).
pub(super) fn is_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// Returns whether a status is final, and its response complete by itself (RFC 9111, 3.3): a 206 is
/// a part, and a 304 needs an entry of ours.
fn is_storable(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status.as_u16(), 206 | 304)
}

/// Returns whether we know all that a status demands of a cache: those of RFC 9110 and RFC 7725
/// demand nothing more.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=205 | 300..=303 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 429 | 451 | 500..=505
    )
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;
    use crate::clock;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        headers
    }

    fn verdict(
        request: &[(&'static str, &'static str)],
        status: u16,
        response: &[(&'static str, &'static str)],
    ) -> Option<Reason> {
        let received = Received {
            at: clock::now(),
            date: SystemTime::UNIX_EPOCH,
            delay: Duration::ZERO,
        };
        admit(
            &map(request),
            StatusCode::from_u16(status).unwrap(),
            &map(response),
            &[],
            received,
        )
        .err()
    }

    #[test]
    fn the_table_of_directives() {
        for (cache_control, expected) in [
            ("max-age=60", None),
            ("s-maxage=60", None),
            ("max-age=60, public", None),
            ("max-age=0", Some(Reason::Lifetime)),
            ("public", Some(Reason::Lifetime)),
            ("max-age=0, stale-while-revalidate=10", None),
            ("max-age=0, stale-if-error=10", None),
            (
                "max-age=0, stale-if-error=10, must-revalidate",
                Some(Reason::Lifetime),
            ),
            ("max-age=60, no-store", Some(Reason::CacheControl)),
            ("max-age=60, no-store, must-understand", None),
            ("max-age=60, no-cache", Some(Reason::CacheControl)),
            ("max-age=60, no-cache=\"x\"", Some(Reason::CacheControl)),
            ("max-age=60, private", Some(Reason::CacheControl)),
            ("max-age=60, private=\"x\"", Some(Reason::CacheControl)),
            ("max-age=60, s-maxage=0", Some(Reason::Lifetime)),
        ] {
            assert_eq!(
                verdict(&[], 200, &[("cache-control", cache_control)]),
                expected,
                "{cache_control}"
            );
        }
        assert_eq!(verdict(&[], 200, &[]), Some(Reason::Lifetime));
    }

    #[test]
    fn the_table_of_statuses() {
        for status in [
            200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 503, 599,
        ] {
            assert_eq!(
                verdict(&[], status, &[("cache-control", "max-age=60")]),
                None,
                "{status}"
            );
            assert_eq!(
                verdict(&[], status, &[]),
                Some(Reason::Lifetime),
                "{status}"
            );
        }
        for status in [100, 103, 206, 304] {
            assert_eq!(
                verdict(&[], status, &[("cache-control", "max-age=60")]),
                Some(Reason::Status)
            );
        }
        for (status, expected) in [
            (200, None),
            (404, None),
            (299, Some(Reason::Status)),
            (599, Some(Reason::Status)),
        ] {
            let response = [("cache-control", "max-age=60, no-store, must-understand")];
            assert_eq!(verdict(&[], status, &response), expected, "{status}");
        }
    }

    #[test]
    fn the_table_of_authorization_and_cookies() {
        let (authorization, cookie) = (("authorization", "Basic x"), ("cookie", "a=b"));
        for (cache_control, is_for_authorized, is_for_cookies) in [
            ("max-age=60", false, false),
            ("max-age=60, proxy-revalidate", false, false),
            ("max-age=60, public", true, true),
            ("max-age=60, must-revalidate", true, false),
            ("s-maxage=60", true, true),
        ] {
            for (request, is_stored) in [
                (&[authorization][..], is_for_authorized),
                (&[cookie], is_for_cookies),
                (
                    &[authorization, cookie],
                    is_for_authorized && is_for_cookies,
                ),
            ] {
                assert_eq!(
                    verdict(request, 200, &[("cache-control", cache_control)]),
                    (!is_stored).then_some(Reason::Authorization),
                    "{cache_control} {request:?}"
                );
            }
        }
    }

    #[test]
    fn cookies_stars_and_what_was_too_old_already_are_not_kept() {
        let fresh = ("cache-control", "max-age=60");

        assert_eq!(
            verdict(&[], 200, &[fresh, ("set-cookie", "a=b")]),
            Some(Reason::SetCookie)
        );
        assert_eq!(
            verdict(&[], 200, &[fresh, ("vary", "accept, *")]),
            Some(Reason::Vary)
        );
        assert_eq!(
            verdict(&[], 200, &[fresh, ("age", "60")]),
            Some(Reason::Lifetime)
        );
        assert_eq!(verdict(&[], 200, &[fresh, ("age", "59")]), None);
    }
}
