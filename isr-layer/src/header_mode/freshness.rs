//! Freshness: a pure function of a response's headers, its age and the marks (RFC 9111, 4.2; RFC
//! 5861).

use std::time::{Duration, SystemTime};

use http::header::{DATE, EXPIRES, HeaderMap, HeaderName, HeaderValue};

use super::directives::Directives;
use crate::entry::stated_age;
use crate::invalidation::Validity;
use crate::outcome::Staleness;

/// Lifetime of a response: ages up to which it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// Age up to which the response is fresh.
    pub(super) fresh: Duration,
    /// Age up to which the response may be served while it is refreshed.
    pub(super) while_revalidate: Duration,
    /// Age up to which the response may be served in place of an error.
    pub(super) if_error: Duration,
}

/// Use that may be made of an entry now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Serve it.
    Fresh,
    /// Serve it, and refresh it in the background.
    Stale(Staleness),
    /// Fetch while the client waits.
    MustFetch,
}

impl Lifetime {
    /// Reads the lifetime of a response that arrived at `received`; `None` if it is not explicit,
    /// since we make none up.
    pub(super) fn of(
        directives: &Directives,
        headers: &HeaderMap,
        received: SystemTime,
    ) -> Option<Self> {
        let explicit = directives
            .s_maxage
            .or(directives.max_age)
            .map(Duration::from_secs);
        let otherwise = || {
            (!directives.is_targeted)
                .then(|| expires_after(headers, received))
                .flatten()
        };
        let fresh = explicit.or_else(otherwise)?;

        // `s-maxage` implies `proxy-revalidate` (RFC 9111, 5.2.2.10). An explicit window goes
        // before that, but never before an explicit demand to revalidate.
        let must_revalidate = directives.must_revalidate || directives.proxy_revalidate;
        let window = |seconds: Option<u64>| {
            Duration::from_secs(seconds.filter(|_| !must_revalidate).unwrap_or(0))
        };

        Some(Self {
            fresh,
            while_revalidate: fresh + window(directives.stale_while_revalidate),
            if_error: fresh + window(directives.stale_if_error),
        })
    }

    /// Ends the time for which the response may be served in place of an error with its freshness,
    /// if the response `is_error` itself.
    pub(super) fn without_error_window_if(self, is_error: bool) -> Self {
        let if_error = if is_error { self.fresh } else { self.if_error };
        Self { if_error, ..self }
    }

    /// Judges a response of that age. A soft purge ends its freshness; a hard one also forbids to
    /// serve it while it is refreshed.
    pub(super) fn freshness(&self, age: Duration, marks: Validity) -> Freshness {
        match marks {
            Validity::Valid if age < self.fresh => Freshness::Fresh,
            Validity::Valid if self.allows_while_revalidate(age) => {
                Freshness::Stale(Staleness::Time)
            }
            Validity::Soft if self.allows_while_revalidate(age) => {
                Freshness::Stale(Staleness::Mark)
            }
            _ => Freshness::MustFetch,
        }
    }

    /// Returns whether a response of that age may be served in place of an error.
    pub(super) fn allows_if_error(&self, age: Duration) -> bool {
        self.if_error > self.fresh && age < self.if_error
    }

    /// Returns whether a response of that age is of any use, now or later.
    pub(super) fn is_useful(&self, age: Duration) -> bool {
        age < self.fresh.max(self.while_revalidate).max(self.if_error)
    }

    fn allows_while_revalidate(&self, age: Duration) -> bool {
        self.while_revalidate > self.fresh && age < self.while_revalidate
    }
}

/// Returns `Expires` minus `Date`. An invalid date, or several that differ, has expired (RFC 9111,
/// 5.3).
fn expires_after(headers: &HeaderMap, received: SystemTime) -> Option<Duration> {
    let mut lines = headers.get_all(EXPIRES).iter();
    let first = lines.next()?;
    let expires = date_of(first).filter(|_| lines.all(|line| line == first));
    let date = date(headers, &DATE).unwrap_or(received);
    Some(
        expires
            .and_then(|expires| expires.duration_since(date).ok())
            .unwrap_or_default(),
    )
}

/// Returns the age of a response that was asked for `delay` ago and arrived at `received` (RFC
/// 9111, 4.2.3). The difference between the origin's clock and ours counts in whole seconds, as
/// dates do.
pub(super) fn initial_age(headers: &HeaderMap, delay: Duration, received: SystemTime) -> Duration {
    let apparent = date(headers, &DATE)
        .and_then(|date| received.duration_since(date).ok())
        .unwrap_or_default();
    let apparent = Duration::from_secs(apparent.as_secs());
    apparent.max(Duration::from_secs(stated_age(headers)) + delay)
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    headers.get(name).and_then(date_of)
}

/// Parses a date in any case: a cache must accept that (RFC 9111, 4.2).
fn date_of(value: &HeaderValue) -> Option<SystemTime> {
    let text = value.to_str().ok()?;
    httpdate::parse_http_date(text)
        .or_else(|_| httpdate::parse_http_date(&in_usual_case(text)))
        .ok()
}

/// Writes a date with its names in the case of RFC 9110, 5.6.7, which the parser expects.
fn in_usual_case(text: &str) -> String {
    let mut is_inside_name = false;
    let usual = text.chars().map(|char| {
        let usual = if is_inside_name {
            char.to_ascii_lowercase()
        } else {
            char.to_ascii_uppercase()
        };
        is_inside_name = char.is_ascii_alphabetic();
        usual
    });
    usual.collect::<String>().replace("Gmt", "GMT")
}

#[cfg(test)]
mod tests {
    use super::super::cache_control::directives;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            })
    }

    fn lifetime(lines: &[(&'static str, &str)]) -> Option<Lifetime> {
        let headers = headers(lines);
        Lifetime::of(
            &directives(&headers, &[]),
            &headers,
            at("Sun, 06 Nov 1994 08:49:37 GMT"),
        )
    }

    fn at(text: &str) -> SystemTime {
        httpdate::parse_http_date(text).unwrap()
    }

    fn secs(fresh: u32, while_revalidate: u32, if_error: u32) -> Option<Lifetime> {
        let (while_revalidate, if_error) = (while_revalidate * SECOND, if_error * SECOND);
        Some(Lifetime {
            fresh: fresh * SECOND,
            while_revalidate,
            if_error,
        })
    }

    #[test]
    fn the_table_of_lifetimes_by_cache_control() {
        for (cache_control, expected) in [
            ("public", None),
            ("s-maxage=5, max-age=60", secs(5, 5, 5)),
            ("max-age=60, s-maxage=0", secs(0, 0, 0)),
            (
                "max-age=5, stale-while-revalidate=10, stale-if-error=20",
                secs(5, 15, 25),
            ),
            ("s-maxage=5, stale-while-revalidate=10", secs(5, 15, 5)),
            (
                "max-age=5, stale-if-error=20, must-revalidate",
                secs(5, 5, 5),
            ),
            (
                "max-age=5, stale-while-revalidate=20, proxy-revalidate",
                secs(5, 5, 5),
            ),
            ("stale-while-revalidate=20", None),
        ] {
            let lines = [("cache-control", cache_control)];
            assert_eq!(lifetime(&lines), expected, "{cache_control}");
        }
    }

    #[test]
    fn the_table_of_lifetimes_by_expires() {
        let expires = |date| ("expires", date);
        let date = |date| ("date", date);
        let control = |value| ("cache-control", value);
        let later = expires("Sun, 06 Nov 1994 08:50:37 GMT");
        let half_a_minute = date("Sun, 06 Nov 1994 08:50:07 GMT");
        let past = date("Sun, 06 Nov 1994 08:51:07 GMT");

        for (lines, expected) in [
            (&[][..], None),
            (&[later], secs(60, 60, 60)),
            (&[control("max-age=5"), later], secs(5, 5, 5)),
            (&[control("max-age=x"), later], secs(0, 0, 0)),
            (&[later, half_a_minute], secs(30, 30, 30)),
            (&[later, past], secs(0, 0, 0)),
            (&[later, expires("0")], secs(0, 0, 0)),
        ] {
            assert_eq!(lifetime(lines), expected, "{lines:?}");
        }
        for (spelling, expected) in [
            ("SUN, 06 nov 1994 08:50:37 gMT", secs(60, 60, 60)),
            ("sunday, 06-NOV-94 08:50:37 GMT", secs(60, 60, 60)),
            ("sun nov  6 08:50:37 1994", secs(60, 60, 60)),
            ("Sun, 06 Nov 1994 08:50:37 EST", secs(0, 0, 0)),
            ("Mon, 06 Nov 1994 08:50:37 GMT", secs(0, 0, 0)),
            ("0", secs(0, 0, 0)),
        ] {
            assert_eq!(lifetime(&[expires(spelling)]), expected, "{spelling}");
        }
    }

    #[test]
    fn the_age_is_the_greatest_of_what_date_and_age_say() {
        let received = at("Sun, 06 Nov 1994 08:49:37 GMT");
        for (lines, expected) in [
            (&[][..], 2),
            (&[("age", "10")], 12),
            (&[("age", "10, 20")], 12),
            (&[("age", "10"), ("age", "20")], 12),
            (&[("age", "old")], 2),
            (&[("age", "-1")], 2),
            (&[("age", "1.5")], 2),
            (&[("date", "Sun, 06 Nov 1994 08:49:07 GMT")], 30),
            (
                &[("date", "Sun, 06 Nov 1994 08:49:07 GMT"), ("age", "40")],
                42,
            ),
            (&[("date", "Sun, 06 Nov 1994 08:50:07 GMT")], 2),
        ] {
            let age = initial_age(&headers(lines), 2 * SECOND, received);
            assert_eq!(age, expected * SECOND, "{lines:?}");
        }
    }

    #[test]
    fn the_strictest_of_age_and_marks_wins() {
        let lifetime = secs(10, 20, 30).unwrap();
        for (age, marks, expected) in [
            (9, Validity::Valid, Freshness::Fresh),
            (10, Validity::Valid, Freshness::Stale(Staleness::Time)),
            (20, Validity::Valid, Freshness::MustFetch),
            (0, Validity::Soft, Freshness::Stale(Staleness::Mark)),
            (20, Validity::Soft, Freshness::MustFetch),
            (0, Validity::Hard, Freshness::MustFetch),
        ] {
            assert_eq!(
                lifetime.freshness(age * SECOND, marks),
                expected,
                "age {age} s, {marks:?}"
            );
        }
        let strict = secs(10, 10, 10).unwrap();
        assert_eq!(
            strict.freshness(Duration::ZERO, Validity::Soft),
            Freshness::MustFetch,
            "there is no default window"
        );
        assert!(lifetime.allows_if_error(29 * SECOND) && !lifetime.allows_if_error(30 * SECOND));
        assert!(!strict.allows_if_error(Duration::ZERO));
    }
}
