//! Seconds as header fields tell them (RFC 9111, 1.2.2).

use std::time::Duration;

use http::header::{AGE, HeaderMap};

/// The largest number of seconds that a cache has to count.
pub(crate) const MAX_SECONDS: u64 = 1 << 31;

/// Returns a time in whole seconds, at most [`MAX_SECONDS`].
pub(crate) fn told_seconds(time: Duration) -> u64 {
    time.as_secs().min(MAX_SECONDS)
}

/// Parses a number of seconds: digits only, [`MAX_SECONDS`] if it is larger.
pub(crate) fn seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = text.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(number.min(MAX_SECONDS))
}

/// Returns the seconds in the first member of `Age`; an invalid number is ignored (RFC 9111, 5.1).
pub(crate) fn stated_age(headers: &HeaderMap) -> u64 {
    let first = headers
        .get(AGE)
        .and_then(|age| age.as_bytes().split(|byte| *byte == b',').next());
    first.and_then(|age| seconds(age.trim_ascii())).unwrap_or(0)
}
