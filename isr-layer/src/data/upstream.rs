//! Values out of responses of HTTP upstreams, as `fetch` makes them in Next.js, for any client.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, StatusCode};

use crate::cache::values::{Upstream, Value};
use crate::clock::{self, Instant};
use crate::header_mode::upstream::{Judged, conditions, confirmed, judge, kept};

/// One request of a load to an upstream: see
/// [`load_from_upstream`](super::Read::load_from_upstream).
pub struct Ask<T> {
    /// The value there is, which has the headers of its response.
    stored: Option<Arc<Value>>,
    value: PhantomData<fn() -> T>,
    asked_at: Instant,
    sent: SystemTime,
}

/// The value that a load made of a response.
pub struct Answer<T> {
    pub(super) value: T,
    pub(super) upstream: Option<Upstream>,
    /// The value before, which a 304 has confirmed.
    pub(super) confirmed: Option<Arc<Value>>,
    /// True if a 304 was about another response: the upstream is asked once more, without
    /// conditions.
    pub(super) asks_again: bool,
}

impl<T: Clone + 'static> Ask<T> {
    /// Asks with the validators of `stored`, if it has any.
    pub(super) fn of(stored: Option<Arc<Value>>) -> Self {
        Self {
            stored: stored.filter(|value| value.upstream().is_some()),
            value: PhantomData,
            asked_at: clock::now(),
            sent: SystemTime::UNIX_EPOCH + clock::unix_time(),
        }
    }

    /// Returns the fields to send with the request: `If-None-Match` and `If-Modified-Since`, if
    /// there is a value whose response had validators (RFC 9111, 4.3.1). Not after a purge, which
    /// says that the value is not valid.
    pub fn conditions(&self) -> HeaderMap {
        let upstream = self.stored.as_ref().and_then(|value| value.upstream());
        upstream.map_or_else(HeaderMap::new, |upstream| {
            conditions(&upstream.headers, upstream.sent)
        })
    }

    /// Takes the head of the response. `read` reads the value out of its body; a 304 keeps
    /// the value there is.
    ///
    /// - `s-maxage`, `max-age`, `Expires`, `Age` and `stale-while-revalidate` count if the data says
    ///   [`revalidate_from_upstream`](super::Data::revalidate_from_upstream).
    /// - `no-store`, `private`, `no-cache`, `Vary: *` and a status that is not stored (such as 401)
    ///   let the value go to this reader alone, and a page that is made of it is not stored.
    /// - A 5xx, 408, 425 or 429 is a failure: the last value stays. Without one, the value of this
    ///   response stands in while the next try waits, and no page keeps it.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub async fn answer<E, F>(
        self,
        status: StatusCode,
        headers: HeaderMap,
        read: impl FnOnce() -> F,
    ) -> Result<Answer<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if status == StatusCode::NOT_MODIFIED
            && let Some(stored) = self.stored
            && let (Some(value), Some(before)) = (stored.get::<T>(), stored.upstream())
        {
            let headers = confirmed(&before.headers, &headers);
            let upstream = headers.as_ref().map(|headers| {
                let judged = judge(StatusCode::OK, headers, self.asked_at);
                upstream(judged, headers.clone(), self.sent)
            });
            return Ok(Answer {
                value: value.clone(),
                confirmed: Some(stored.clone()),
                asks_again: upstream.is_none(),
                upstream,
            });
        }

        let judged = judge(status, &headers, self.asked_at);
        Ok(Answer {
            value: read().await?,
            upstream: Some(upstream(judged, kept(&headers), self.sent)),
            confirmed: None,
            asks_again: false,
        })
    }
}

fn upstream(judged: Judged, headers: HeaderMap, sent: SystemTime) -> Upstream {
    let at = |age| judged.birth.time_of(age);
    Upstream {
        headers,
        sent,
        stale_at: judged.fresh_for.and_then(at),
        waits_at: judged.waits_after.and_then(at),
        not_kept: judged.not_kept,
        is_failure: judged.is_failure,
    }
}

impl<T> fmt::Debug for Ask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
