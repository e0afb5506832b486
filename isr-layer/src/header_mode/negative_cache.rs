//! Negative cache: requests whose response could not be stored, or whose fetch failed.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use http::header::HeaderMap;
use quick_cache::sync::Cache;

use super::kind::RequestKind;
use super::partial::asks_for_part;
use super::target::TargetUri;
use crate::clock::Instant;
use crate::deliver::is_hop_by_hop;

/// Largest number of remembered requests, in each of the two tables.
const MAX_REQUESTS: usize = 16 * 1024;
/// Time for which requests do not wait for each other after a response could not be stored.
const UNCACHEABLE_FOR: Duration = Duration::from_secs(120);
/// Time for which a request does not refresh a stale entry after a fetch for one like it has failed
/// or was refused.
pub(super) const REFRESH_BACKOFF: Duration = Duration::from_secs(5);
/// Time for which no request of a kind refreshes a stale entry after a fetch for one has failed: no
/// two requests may be alike, and the origin needs rest all the same.
const KIND_BACKOFF: Duration = Duration::from_secs(1);

/// The remembered requests, by hashes.
///
/// Two requests of one hash only lose some sharing and refreshes. Clients choose the requests; the
/// hash has a seed of its own, so that they cannot make requests collide.
pub(super) struct NegativeCache {
    hasher: RandomState,
    /// By the kind of the request.
    uncacheable: Cache<u64, Refusal>,
    /// By all fields of the request, and by its kind, with the end of the rest.
    backing_off: Cache<u64, Instant>,
}

/// A request as it is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestHashes {
    /// Hash of the target and the [`RequestKind`].
    kind: u64,
    /// Hash of the target and all fields: any of them may be the reason of a failure.
    like: Likeness,
}

/// Requests that are alike: they have one target, and the same fields with the same values, except
/// those of their connections and those that ask for a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Likeness(u64);

/// A response to requests of one kind that could not be stored.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    /// The requests that it was a response to.
    like: Likeness,
    /// True if it was for other requests, too: then it tells something of all.
    is_common: bool,
    until: Instant,
}

impl NegativeCache {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            uncacheable: Cache::new(MAX_REQUESTS),
            backing_off: Cache::new(MAX_REQUESTS),
        }
    }

    /// Returns the hashes of a request of this kind with the fields `request`.
    pub(super) fn hashes(
        &self,
        target: &TargetUri,
        kind: &RequestKind,
        request: &HeaderMap,
    ) -> RequestHashes {
        // Added up, since the order of different fields means nothing.
        let fields = request
            .iter()
            .filter(|(name, _)| !is_hop_by_hop(name) && !asks_for_part(name))
            .fold(0_u64, |sum, field| {
                sum.wrapping_add(self.hasher.hash_one(field))
            });
        RequestHashes {
            kind: self.hasher.hash_one((target, kind)),
            like: Likeness(self.hasher.hash_one((target, fields))),
        }
    }

    /// Returns whether a request has no reason to wait for another one of its kind: a response to a
    /// request like it could not be stored lately, or responses to two different requests could
    /// not.
    pub(super) fn is_uncacheable(&self, hashes: RequestHashes, now: Instant) -> bool {
        self.refusal(hashes, now)
            .is_some_and(|refusal| refusal.is_common || refusal.like == hashes.like)
    }

    /// Returns whether a fetch for a request like this one has failed lately, or was refused, or
    /// one for a request of its kind has just failed.
    pub(super) fn is_backing_off(&self, hashes: RequestHashes, now: Instant) -> bool {
        let rests = |hash| self.backing_off.get(hash).is_some_and(|until| now < until);
        rests(&hashes.like.0) || rests(&hashes.kind)
    }

    /// Remembers that a response to such a request could not be stored. If an entry `is_stored` for
    /// the request, others can be stored, and the refusal concerns requests like this one alone.
    pub(super) fn refused(&self, hashes: RequestHashes, is_stored: bool, now: Instant) {
        let is_other = |earlier: Refusal| earlier.is_common || earlier.like != hashes.like;
        let refusal = Refusal {
            like: hashes.like,
            is_common: !is_stored && self.refusal(hashes, now).is_some_and(is_other),
            until: now + UNCACHEABLE_FOR,
        };
        self.uncacheable.insert(hashes.kind, refusal);
        self.rest(hashes, now);
    }

    /// Remembers that a fetch for such a request failed.
    pub(super) fn failed(&self, hashes: RequestHashes, now: Instant) {
        self.rest(hashes, now);
        self.backing_off.insert(hashes.kind, now + KIND_BACKOFF);
    }

    /// Rests the requests like this one.
    fn rest(&self, hashes: RequestHashes, now: Instant) {
        self.backing_off
            .insert(hashes.like.0, now + REFRESH_BACKOFF);
    }

    /// Forgets all of it, since a response was stored.
    pub(super) fn clear(&self, hashes: RequestHashes) {
        self.uncacheable.remove(&hashes.kind);
        self.backing_off.remove(&hashes.like.0);
        self.backing_off.remove(&hashes.kind);
    }

    fn refusal(&self, hashes: RequestHashes, now: Instant) -> Option<Refusal> {
        let refusal = self.uncacheable.get(&hashes.kind);
        refusal.filter(|refusal| now < refusal.until)
    }
}

impl RequestHashes {
    /// Returns the requests that are like this one.
    pub(super) fn like(&self) -> Likeness {
        self.like
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http::header::{HeaderName, HeaderValue};

    use super::super::target::TargetUriRef;
    use super::super::vary::VaryKey;
    use super::*;
    use crate::clock;

    fn hashes(cache: &NegativeCache, path: &str, fields: &[(&str, &str)]) -> RequestHashes {
        let request = Request::get(path).body(()).unwrap();
        let target = TargetUri::new(TargetUriRef::of(&request, path).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = name.parse::<HeaderName>().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        cache.hashes(
            &target,
            &RequestKind::of(&headers, VaryKey::default()),
            &headers,
        )
    }

    #[test]
    fn requests_are_alike_if_all_is_equal_that_the_origin_could_have_minded() {
        let cache = NegativeCache::new();
        let like = |fields| hashes(&cache, "/a", fields).like();
        let one = like(&[("accept", "x"), ("foo", "1"), ("foo", "2")]);

        for alike in [
            &[("foo", "2"), ("accept", "x"), ("foo", "1")][..],
            &[
                ("foo", "1"),
                ("foo", "2"),
                ("accept", "x"),
                ("connection", "close"),
                ("range", "bytes=0-1"),
                ("if-none-match", "*"),
            ],
        ] {
            assert_eq!(like(alike), one, "{alike:?}");
        }
        for other in [
            &[][..],
            &[("accept", "x"), ("foo", "1")],
            &[("accept", "x"), ("foo", "1"), ("foo", "1")],
            &[("accept", "1"), ("foo", "x"), ("foo", "2")],
            &[
                ("accept", "x"),
                ("foo", "1"),
                ("foo", "2"),
                ("user-agent", ""),
            ],
        ] {
            assert_ne!(like(other), one, "{other:?}");
        }
        let elsewhere = hashes(&cache, "/b", &[("accept", "x"), ("foo", "1"), ("foo", "2")]);
        assert_ne!(elsewhere.like(), one);
    }

    #[test]
    fn however_many_requests_fail_only_so_many_are_remembered() {
        let cache = NegativeCache::new();
        let now = clock::now();

        for number in 0..3 * MAX_REQUESTS {
            let number = number.to_string();
            let hashes = hashes(&cache, &format!("/{number}"), &[("foo", &number)]);
            cache.refused(hashes, false, now);
        }

        assert!(cache.uncacheable.len() <= MAX_REQUESTS);
        assert!(cache.backing_off.len() <= MAX_REQUESTS);
    }
}
