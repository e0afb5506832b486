//! Signatures over a time and the body: `t=1790000000,v1=4d27da…`.

use std::time::Duration;

use crate::revalidate::auth::encoding::parse_digits;

/// The default tolerance: the maximum difference between a stated time and ours.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The form of a header that states a time beside the signature, and the order in which time and
/// body are signed.
///
/// The header is a list of pairs separated by commas, `t=1790000000,v1=4d27da…`, and may have
/// several signatures. The signature covers the time, a full stop and the body, unless
/// [`body_then_time`](Self::body_then_time) is called.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it describes nothing until it is given to `Hmac::timed`"]
pub struct Timed {
    time: String,
    signature: String,
    order: Order,
    unit: Unit,
    tolerance: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    TimeDotBody,
    BodyThenTime,
    /// The body and then the time, or the body alone: Ghost changed from one to the other, and its
    /// header does not tell which.
    BodyThenTimeOrBody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// The content of a header, before anything of it is verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StatedTime<'a> {
    /// The text of the time, since the signature covers the text and not the number.
    pub(super) time: &'a str,
    pub(super) signatures: Vec<&'a str>,
}

impl Timed {
    /// Names the two pairs: one has the time, in seconds since the Unix epoch, the other the
    /// signature.
    pub fn pairs(time: impl Into<String>, signature: impl Into<String>) -> Self {
        let (time, signature) = (time.into(), signature.into());
        Self {
            time,
            signature,
            order: Order::TimeDotBody,
            unit: Unit::Seconds,
            tolerance: TOLERANCE,
        }
    }

    /// Reads the time as milliseconds.
    pub fn milliseconds(mut self) -> Self {
        self.unit = Unit::Milliseconds;
        self
    }

    /// Expects a signature over the body and the time after it, with nothing between them.
    pub fn body_then_time(mut self) -> Self {
        self.order = Order::BodyThenTime;
        self
    }

    /// Sets the maximum difference between the stated time and ours, in the past and in the future.
    /// The default is five minutes.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    pub(super) fn body_then_time_or_body(mut self) -> Self {
        self.order = Order::BodyThenTimeOrBody;
        self
    }

    pub(super) fn read<'a>(&self, header: &'a str) -> StatedTime<'a> {
        let mut stated = StatedTime {
            time: "",
            signatures: Vec::new(),
        };

        for (name, value) in header
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='))
        {
            if name == self.time {
                stated.time = value;
            } else if name == self.signature {
                stated.signatures.push(value);
            }
        }
        stated
    }

    /// Returns every message that the sender may have signed, each in parts.
    pub(super) fn messages<'a>(&self, time: &'a str, body: &'a [u8]) -> Vec<Vec<&'a [u8]>> {
        match self.order {
            Order::TimeDotBody => vec![vec![time.as_bytes(), b".", body]],
            Order::BodyThenTime => vec![vec![body, time.as_bytes()]],
            Order::BodyThenTimeOrBody => vec![vec![body, time.as_bytes()], vec![body]],
        }
    }

    pub(super) fn is_timely(&self, time: &str, now: Duration) -> bool {
        let Some(time) = parse_digits(time) else {
            return false;
        };
        let time = match self.unit {
            Unit::Seconds => Duration::from_secs(time),
            Unit::Milliseconds => Duration::from_millis(time),
        };
        now.abs_diff(time) <= self.tolerance
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_read_in_any_order_with_any_spaces() {
        let timed = Timed::pairs("t", "v1");

        let expected = StatedTime {
            time: "12",
            signatures: vec!["ab", "c=="],
        };
        assert_eq!(timed.read("t=12,v1=ab,v0=zz,v1=c=="), expected);
        assert_eq!(timed.read("v1=ab, v1=c== ,  t=12"), expected);
    }

    #[test]
    fn a_time_is_timely_within_the_tolerance_both_ways() {
        let timed = Timed::pairs("t", "v1");
        let now = Duration::from_secs(1_000_000);

        for (time, timely) in [
            ("999700", true),
            ("999699", false),
            ("1000300", true),
            ("1000301", false),
        ] {
            assert_eq!(timed.is_timely(time, now), timely, "{time}");
        }
        for time in [
            "",
            "x",
            "-1",
            "+1000000",
            " 1000000",
            "1e6",
            "99999999999999999999999",
        ] {
            assert!(!timed.is_timely(time, now), "{time}");
        }
    }

    #[test]
    fn milliseconds_are_milliseconds() {
        let timed = Timed::pairs("t", "v1")
            .milliseconds()
            .tolerance(Duration::from_millis(5));

        assert!(timed.is_timely("1000005", Duration::from_secs(1_000)));
        assert!(!timed.is_timely("1000006", Duration::from_secs(1_000)));
        assert!(!timed.is_timely("1000", Duration::from_secs(1_000)));
    }

    proptest! {
        #[test]
        fn any_header_is_answered(header in "[tv1=, a-f0-9]{0,60}|\\PC*", now in any::<u32>()) {
            let timed = Timed::pairs("t", "v1");
            let stated = timed.read(&header);
            let _ = timed.is_timely(stated.time, Duration::from_secs(now.into()));
        }

        #[test]
        fn what_was_written_is_read(
            time in any::<u64>(),
            signatures in proptest::collection::vec("[a-f0-9]{1,8}", 0..4)
        ) {
            let mut header = format!("t={time}");
            signatures.iter().for_each(|one| header.push_str(&format!(",v1={one}")));

            let written = time.to_string();
            let signatures: Vec<_> = signatures.iter().map(String::as_str).collect();
            prop_assert_eq!(
                Timed::pairs("t", "v1").read(&header),
                StatedTime { time: &written, signatures }
            );
        }
    }
}
