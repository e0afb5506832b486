//! The options of a request: the [`Mode`] of its purge, `settle` and `wait`.

use std::time::Duration;

use super::members::malformed;
use crate::invalidation::{Mode, Purge};
use crate::revalidate::response::Refusal;

/// The longest time in seconds after which a purge may be repeated.
const MAX_SETTLE: f64 = 3_600.0;

/// Options that apply to every selector of a request.
#[derive(Debug)]
pub(super) struct Options {
    mode: Option<Mode>,
    settle: Option<Duration>,
}

pub(super) fn parse(
    mode: Option<&str>,
    settle: Option<f64>,
    wait: Option<&str>,
) -> Result<Options, Refusal> {
    // A single node has applied a purge before it acknowledges it, so `all` changes nothing.
    match wait {
        None | Some("all") => {}
        Some(_) => return Err(malformed("unknown `wait`: the only accepted value is all")),
    }
    Ok(Options {
        mode: mode.map(parse_mode).transpose()?,
        settle: settle
            .map(Duration::from_secs_f64)
            .filter(|settle| !settle.is_zero()),
    })
}

impl Options {
    pub(super) fn apply(self, mut purge: Purge) -> Purge {
        if let Some(mode) = self.mode {
            purge = purge.mode(mode);
        }
        if let Some(settle) = self.settle {
            purge = purge.settle(settle);
        }
        purge
    }
}

fn parse_mode(mode: &str) -> Result<Mode, Refusal> {
    match mode {
        "regenerate" => Ok(Mode::Regenerate),
        "stale" => Ok(Mode::Stale),
        "expire" => Ok(Mode::Expire),
        _ => Err(malformed(
            "unknown `mode`: accepted are regenerate, stale, expire",
        )),
    }
}

/// Checks the number of seconds, if it is one. The range excludes NaN too, which would make
/// [`Duration::from_secs_f64`] panic.
pub(super) fn seconds(seconds: Option<f64>) -> Result<f64, Refusal> {
    let in_range = seconds.filter(|seconds| (0.0..=MAX_SETTLE).contains(seconds));
    in_range.ok_or_else(|| malformed("`settle` must be a number of seconds from 0 to 3600"))
}
