//! NegativeCache: keys whose last render failed or could not be stored, so that they are not tried again at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE};
use http::{Response, StatusCode, response};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::body::IsrBody;
use crate::clock::Instant;
use crate::deliver::{describes_body, is_hop_by_hop, remove_all, size};
use crate::grpc;
use crate::invalidation::{Marks, TagMark, Validity};
use crate::outcome::Reason;
use crate::render::Key;
use crate::render::Recipe;

/// What all the remembered troubles may weigh.
const CAPACITY_BYTES: u64 = 8 * 1024 * 1024;
/// The largest failure body that is remembered; those who wait for it get it whole.
const MAX_KEPT_BODY: usize = 16 * 1024;
const NOT_RENDERED: &[u8] = b"the page could not be rendered\n";
const NOT_FOUND: &[u8] = b"not found\n";
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// With nothing to show meanwhile, a key is tried again sooner.
const MAX_COLD_BACKOFF: Duration = Duration::from_secs(5);
const UNCACHEABLE_FOR: Duration = Duration::from_secs(120);

/// The keys in trouble, in a bounded table.
///
/// Strangers choose the keys; the table's hash has a seed of its own, so they cannot make them collide.
pub(crate) struct NegativeCache {
    table: Cache<Key, Arc<NegativeEntry>, ByBytes>,
}

/// Why a key is left alone, and until when.
#[derive(Clone, Debug)]
pub(crate) struct NegativeEntry {
    pub(crate) kind: Kind,
    pub(crate) until: Instant,
    /// How many renders have failed in a row.
    failures: u32,
    /// A mark on one of `cells` newer than this ends the trouble.
    as_of: u64,
    tags: Box<[Arc<TagMark>]>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The render failed.
    Failing(Arc<Failure>),
    /// The answer was not to be stored.
    Uncacheable(Reason),
}

/// A failed answer that everybody who waited for it may have.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<Box<HeaderMap>>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<NegativeEntry>> for ByBytes {
    fn weight(&self, key: &Key, negative: &Arc<NegativeEntry>) -> u64 {
        let body = match &negative.kind {
            Kind::Failing(failure) => failure.size(),
            Kind::Uncacheable(_) => 0,
        };
        (256 + key.size() + body + negative.tags.len() * size_of::<Arc<TagMark>>()) as u64
    }
}

impl NegativeCache {
    pub(crate) fn new() -> Self {
        Self {
            table: Cache::with_weighter(8 * 1024, CAPACITY_BYTES, ByBytes),
        }
    }

    /// The trouble a key is in now: past its time, or once a purge reached it, it is none.
    pub(crate) fn get(&self, marks: &Marks, key: &Key, now: Instant) -> Option<Arc<NegativeEntry>> {
        self.table
            .get(key)
            .filter(|negative| now < negative.until && negative.is_untouched(marks, key))
    }

    /// Remembers a failure: the pause doubles with each one in a row that no purge came between.
    pub(crate) fn failed(
        &self,
        marks: &Marks,
        key: &Key,
        failure: &Arc<Failure>,
        snapshot: RenderSnapshot,
        now: Instant,
        cold: bool,
    ) {
        let failures = self.failures(marks, key).saturating_add(1);
        let longest = if cold { MAX_COLD_BACKOFF } else { MAX_BACKOFF };
        let until = now + backoff(failures, longest, fastrand::f64());
        let kind = Kind::Failing(failure.remembered());
        self.put(
            key,
            NegativeEntry {
                kind,
                until,
                failures,
                as_of: snapshot.as_of,
                tags: snapshot.tags,
            },
        );
    }

    /// Remembers that a key's answers may not be stored.
    pub(crate) fn refused(
        &self,
        key: &Key,
        reason: Reason,
        snapshot: RenderSnapshot,
        now: Instant,
    ) {
        let (kind, until) = (Kind::Uncacheable(reason), now + UNCACHEABLE_FOR);
        self.put(
            key,
            NegativeEntry {
                kind,
                until,
                failures: 0,
                as_of: snapshot.as_of,
                tags: snapshot.tags,
            },
        );
    }

    /// The same where it is a guess, made of a failure: the first ones hold for as short a while as that would.
    pub(crate) fn seems_refused(
        &self,
        marks: &Marks,
        key: &Key,
        reason: Reason,
        snapshot: RenderSnapshot,
        now: Instant,
    ) {
        let failures = self.failures(marks, key).saturating_add(1);
        let until = now + backoff(failures, UNCACHEABLE_FOR, fastrand::f64());
        let kind = Kind::Uncacheable(reason);
        self.put(
            key,
            NegativeEntry {
                kind,
                until,
                failures,
                as_of: snapshot.as_of,
                tags: snapshot.tags,
            },
        );
    }

    /// How many renders have failed in a row that no purge came between.
    fn failures(&self, marks: &Marks, key: &Key) -> u32 {
        let before = self
            .table
            .get(key)
            .filter(|negative| negative.is_untouched(marks, key));
        before.map_or(0, |negative| negative.failures)
    }

    /// Whether a render that began after number `as_of` ran into trouble that is of that kind.
    pub(crate) fn has_newer_refusal(&self, key: &Key, as_of: u64) -> bool {
        let newer = self
            .table
            .get(key)
            .filter(|negative| negative.as_of > as_of);
        newer.is_some_and(|negative| matches!(negative.kind, Kind::Uncacheable(_)))
    }

    /// Ends the trouble of a key, for a render that began at number `as_of`.
    pub(crate) fn clear(&self, key: &Key, as_of: u64) {
        self.table
            .remove_if(key, |negative| negative.as_of <= as_of);
    }

    /// Of two flights of one key that land out of order, the one that began later has the say.
    fn put(&self, key: &Key, negative: NegativeEntry) {
        if self
            .table
            .get(key)
            .is_none_or(|known| known.as_of <= negative.as_of)
        {
            self.table.insert(key.clone(), Arc::new(negative));
        }
    }
}

/// What the render that ran into trouble knew: the last number before it began, and what carries the page.
pub(crate) struct RenderSnapshot {
    pub(crate) as_of: u64,
    pub(crate) tags: Box<[Arc<TagMark>]>,
}

impl NegativeEntry {
    fn is_untouched(&self, marks: &Marks, key: &Key) -> bool {
        marks.validity(key.path(), &self.tags, self.as_of) == Validity::Valid
    }
}

impl Failure {
    /// A failed answer of the handler, without what belongs to one client.
    pub(crate) fn answered(
        reason: Reason,
        parts: &response::Parts,
        body: Bytes,
        trailers: Option<Box<HeaderMap>>,
    ) -> Arc<Self> {
        let mut headers = parts.headers.clone();
        remove_all(&mut headers, |name| {
            is_hop_by_hop(name) || *name == SET_COOKIE || *name == CONTENT_LENGTH
        });
        let trailers = trailers.filter(|trailers| !trailers.contains_key(SET_COOKIE));
        Arc::new(Self {
            reason,
            status: parts.status,
            headers,
            body,
            trailers,
        })
    }

    /// The same of an answer whose body was not read: nothing is said of what is not there.
    pub(crate) fn unread(reason: Reason, parts: &response::Parts) -> Arc<Self> {
        Self::answered(reason, parts, Bytes::new(), None).without_body()
    }

    /// A failure without an answer of the handler, in the words of its protocol.
    pub(crate) fn without_answer(recipe: &Recipe, reason: Reason) -> Arc<Self> {
        if recipe.key.is_grpc() {
            let (head, ()) = grpc::failed(reason).into_parts();
            let (status, headers) = (head.status, head.headers);
            return Arc::new(Self {
                reason,
                status,
                headers,
                body: Bytes::new(),
                trailers: None,
            });
        }
        Self::in_http(reason)
    }

    /// The same for what is no call.
    pub(crate) fn in_http(reason: Reason) -> Arc<Self> {
        let status = match reason {
            Reason::Panic => StatusCode::INTERNAL_SERVER_ERROR,
            Reason::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Reason::NotInParams => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_GATEWAY,
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        let body = if status == StatusCode::NOT_FOUND {
            NOT_FOUND
        } else {
            NOT_RENDERED
        };
        Arc::new(Self {
            reason,
            status,
            headers,
            body: Bytes::from_static(body),
            trailers: None,
        })
    }

    /// Whether the handler answered, if only with a failure.
    pub(crate) fn was_answered(&self) -> bool {
        matches!(
            self.reason,
            Reason::FailedStatus | Reason::GrpcStatus | Reason::Empty
        )
    }

    /// The answer for one of those who get it; `retry` is how long the key is left alone.
    pub(crate) fn response<R>(&self, retry: Option<Duration>) -> Response<IsrBody<R>> {
        let mut response = Response::new(IsrBody::stored(self.body.clone(), self.trailers.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        if let Some(retry) = retry {
            let seconds = retry.as_millis().div_ceil(1000).max(1);
            let seconds = HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }

    fn size(&self) -> usize {
        self.body.len()
            + size::fields(&self.headers)
            + self.trailers.as_deref().map_or(0, size::fields)
    }

    fn remembered(self: &Arc<Self>) -> Arc<Self> {
        if self.body.len() <= MAX_KEPT_BODY {
            return self.clone();
        }
        self.without_body()
    }

    fn without_body(&self) -> Arc<Self> {
        let mut headers = self.headers.clone();
        remove_all(&mut headers, describes_body);
        Arc::new(Self {
            headers,
            body: Bytes::new(),
            ..self.clone()
        })
    }
}

/// From 1 s, doubling to the longest; up to a tenth shorter by chance (`dice` is from 0 to 1), so that keys that failed
/// together are not tried together.
fn backoff(failures: u32, longest: Duration, dice: f64) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled
        .min(longest)
        .mul_f64(1.0 - 0.1 * dice.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IsrLayer, Page};

    #[test]
    fn the_pause_doubles_from_one_second_to_sixty_and_cold_to_five() {
        let seconds =
            |longest| (1..=9).map(move |failures| backoff(failures, longest, 0.0).as_secs());

        assert!(seconds(MAX_BACKOFF).eq([1, 2, 4, 8, 16, 32, 60, 60, 60]));
        assert!(seconds(MAX_COLD_BACKOFF).eq([1, 2, 4, 5, 5, 5, 5, 5, 5]));
        assert_eq!(backoff(u32::MAX, MAX_BACKOFF, 0.0), MAX_BACKOFF);
        assert_eq!(backoff(1, MAX_BACKOFF, 1.0), Duration::from_millis(900));
    }

    /// The failure of one of many paths, with so much in its head and body.
    fn failing(head: usize, body: usize) -> Arc<Failure> {
        let response = Response::builder()
            .status(500)
            .header("x-long", "x".repeat(head));
        let (parts, ()) = response.body(()).unwrap().into_parts();
        Failure::answered(
            Reason::FailedStatus,
            &parts,
            Bytes::from(vec![0; body]),
            None,
        )
    }

    /// Bytes of the heads and bodies that are remembered after each of many paths has failed like that.
    fn remembered(failure: &dyn Fn() -> Arc<Failure>) -> usize {
        let core = IsrLayer::builder()
            .pages([Page::new("/{n}")])
            .build()
            .unwrap()
            .core;
        let (page, negative) = (core.registry.find("/0").unwrap(), NegativeCache::new());
        for n in 0..20_000 {
            let key = Key::bare(page, &format!("/{n}")).remove(0);
            let snapshot = RenderSnapshot {
                as_of: 0,
                tags: Box::default(),
            };
            negative.failed(
                &core.marks,
                &key,
                &failure(),
                snapshot,
                crate::clock::now(),
                true,
            );
        }
        let bytes = |negative: Arc<NegativeEntry>| match &negative.kind {
            Kind::Failing(failure) => failure.body.len() + failure.headers["x-long"].len(),
            Kind::Uncacheable(_) => 0,
        };
        negative
            .table
            .iter()
            .map(|(_, negative)| bytes(negative))
            .sum()
    }

    #[test]
    fn the_table_is_bounded_whatever_failures_say_in_head_and_body() {
        for (head, body) in [(0, 16 * 1024), (0, 1024 * 1024), (8 * 1024, 0), (1, 1)] {
            let bytes = remembered(&|| failing(head, body));

            assert!(
                bytes <= CAPACITY_BYTES as usize,
                "{bytes} bytes of failures with {head} and {body}"
            );
        }
    }
}
