//! Freshness: a pure function of an entry's [`Lifetime`], the marks on it, and its age.

use std::time::Duration;

use super::birth::Birth;
use super::seconds::told_seconds;
use crate::clock::Instant;
use crate::invalidation::Validity;
use crate::outcome::Staleness;

/// The way in which an entry may be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Serve the entry.
    Fresh,
    /// Serve the entry, and refresh it in the background.
    Stale(Staleness),
    /// Render while the client waits. With `fallback`, the entry may be served if the render fails.
    MustRender { fallback: bool },
}

impl Freshness {
    /// True if the entry may be served at all: fresh, stale, or in place of a failed render.
    pub(crate) fn can_be_served(self) -> bool {
        self != Self::MustRender { fallback: false }
    }
}

/// The time for which an entry is good, counted from the beginning of its render. Without an end,
/// the entry is good until it is purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) revalidate: Option<Duration>,
    pub(crate) expire: Option<Duration>,
}

impl Lifetime {
    /// Returns the lower of both lifetimes, for `revalidate` and `expire` apart.
    pub(crate) fn lowest(self, other: Self) -> Self {
        Self {
            revalidate: lowest(self.revalidate, other.revalidate),
            expire: lowest(self.expire, other.expire),
        }
    }

    /// Returns the time for which an entry is fresh, unless a purge ends that earlier; `None` if
    /// only a purge can end it.
    pub(crate) fn fresh_for(self) -> Option<Duration> {
        lowest(self.revalidate, self.expire)
    }

    /// Returns the time at which an entry born at `born` stops being fresh, unless a purge ends
    /// that earlier.
    pub(crate) fn fresh_until(self, born: Birth) -> Option<Instant> {
        self.fresh_for().and_then(|after| born.time_of(after))
    }

    /// Returns a lifetime at whose end nothing is left, as for a 404: the entry is absent then, and
    /// never stale.
    pub(crate) fn ending_after(after: Duration) -> Self {
        Self {
            revalidate: Some(after),
            expire: Some(after),
        }
    }

    /// Returns a lifetime whose ends come earlier by `part`, which is from 0 to 1.
    pub(crate) fn shortened_by(self, part: f64) -> Self {
        let shorter = |end: Option<Duration>| end.map(|end| end - end.mul_f64(part));
        Self {
            revalidate: shorter(self.revalidate),
            expire: shorter(self.expire),
        }
    }

    /// Returns the seconds until the entry goes stale, negative once it did; `None` if time makes
    /// no difference.
    pub(crate) fn ttl(self, age_secs: u64) -> Option<i64> {
        let end = told_seconds(self.fresh_for()?);
        Some(end.cast_signed() - age_secs.min(u64::from(u32::MAX)).cast_signed())
    }
}

/// Combines time and marks: the stricter of both decides.
///
/// An entry that is `gone` (404 and 410) is never served stale, and is never a fallback.
pub(crate) fn freshness(
    lifetime: Lifetime,
    age: Duration,
    marks: Validity,
    gone: bool,
) -> Freshness {
    let past = |end: Option<Duration>| end.is_some_and(|end| age >= end);
    if past(lifetime.expire) {
        // Past `expire`, the entry is not even a fallback.
        Freshness::MustRender { fallback: false }
    } else if marks == Validity::Hard {
        Freshness::MustRender { fallback: !gone }
    } else if marks == Validity::Valid && !past(lifetime.revalidate) {
        Freshness::Fresh
    } else if gone {
        Freshness::MustRender { fallback: false }
    } else if marks == Validity::Valid {
        Freshness::Stale(Staleness::Time)
    } else {
        Freshness::Stale(Staleness::Mark)
    }
}

fn lowest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(age: u32, marks: Validity) -> Freshness {
        let lifetime = Lifetime {
            revalidate: Some(10 * SECOND),
            expire: Some(20 * SECOND),
        };
        freshness(lifetime, age * SECOND, marks, false)
    }

    #[test]
    fn the_strictest_of_time_and_marks_wins() {
        let kept = Freshness::MustRender { fallback: true };
        let gone = Freshness::MustRender { fallback: false };
        for (age, marks, expected) in [
            (0, Validity::Valid, Freshness::Fresh),
            (9, Validity::Valid, Freshness::Fresh),
            (10, Validity::Valid, Freshness::Stale(Staleness::Time)),
            (20, Validity::Valid, gone),
            (0, Validity::Soft, Freshness::Stale(Staleness::Mark)),
            (10, Validity::Soft, Freshness::Stale(Staleness::Mark)),
            (20, Validity::Soft, gone),
            (0, Validity::Hard, kept),
            (10, Validity::Hard, kept),
            (20, Validity::Hard, gone),
        ] {
            assert_eq!(at(age, marks), expected, "age {age} s, {marks:?}");
        }
    }

    #[test]
    fn what_never_goes_stale_by_time_is_fresh_until_it_is_purged() {
        let forever = Lifetime::default();

        assert_eq!(
            freshness(forever, Duration::MAX, Validity::Valid, false),
            Freshness::Fresh
        );
        assert_eq!(
            freshness(forever, Duration::ZERO, Validity::Soft, false),
            Freshness::Stale(Staleness::Mark)
        );
        assert_eq!(forever.ttl(5), None);
    }

    #[test]
    fn a_404_is_absent_and_never_stale() {
        let lifetime = Lifetime::ending_after(10 * SECOND);

        for (age, marks) in [
            (10, Validity::Valid),
            (0, Validity::Soft),
            (0, Validity::Hard),
        ] {
            let now = freshness(lifetime, age * SECOND, marks, true);
            assert_eq!(
                now,
                Freshness::MustRender { fallback: false },
                "age {age} s, {marks:?}"
            );
        }
        assert_eq!(
            freshness(lifetime, 9 * SECOND, Validity::Valid, true),
            Freshness::Fresh
        );
    }
}
