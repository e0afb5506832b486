//! Builds the response to a client: from an [`Entry`], or from a response that is not stored.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::response::Parts;
use http_body::Body;

use super::delivery::Delivery;
use super::headers;
use super::prepared_head::PreparedHeads;
use super::response_kind::{Choice, ResponseKind};
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::outcome::{CacheStatus, Outcome};

/// A fresh entry that was found in memory. The response is built only where it is handed out,
/// because a response is large to move.
pub(crate) struct Hit {
    pub(crate) entry: Arc<Entry>,
    pub(crate) choice: Choice,
    pub(crate) cache_name: Option<&'static str>,
    /// The time at which the entry was found fresh.
    pub(crate) now: Instant,
}

impl Hit {
    /// Builds the response; `into` turns the body into the type that the caller hands out. Inlined,
    /// the response would be moved once more by each caller.
    #[inline(never)]
    pub(crate) fn respond<R, B>(&self, into: impl FnOnce(IsrBody<R>) -> B) -> Response<B> {
        let Self {
            entry,
            choice,
            cache_name,
            now,
        } = self;
        let page = entry.representation(choice.encoding);

        // An earlier hit of this second left its head: clone it, and set nothing.
        if let Some(head) = page.heads.latest().head(choice.kind, *now) {
            return Response::from_parts(
                head.clone(),
                into(body(choice.kind, &page.body, &entry.trailers)),
            );
        }

        deliver(entry, *choice, Outcome::Hit, *cache_name, *now).map(into)
    }
}

/// Builds the response from an entry and makes its head for this request. A [`Hit`] needs this only
/// if no prepared head fits.
#[cold]
pub(crate) fn deliver<R>(
    entry: &Entry,
    choice: Choice,
    outcome: Outcome,
    cache_name: Option<&'static str>,
    now: Instant,
) -> Response<IsrBody<R>> {
    let page = entry.representation(choice.encoding);
    let head = head_now(entry, choice, outcome, cache_name, now);
    Response::from_parts(head, body(choice.kind, &page.body, &entry.trailers))
}

/// Returns the part of a stored body that is sent with a response of this `kind`.
#[inline(always)]
pub(crate) fn body<R>(
    kind: ResponseKind,
    whole: &Bytes,
    trailers: &Option<Box<HeaderMap>>,
) -> IsrBody<R> {
    match kind {
        ResponseKind::Whole => IsrBody::stored(whole.clone(), trailers.clone()),
        ResponseKind::Part(span) => IsrBody::stored(whole.slice(span.range()), None),
        ResponseKind::Head
        | ResponseKind::NotModified
        | ResponseKind::PreconditionFailed
        | ResponseKind::Unsatisfiable => IsrBody::empty(),
    }
}

/// Finishes a response that is not stored, on its way to the one client it was made for.
pub(crate) fn unstored<R: Body<Data = Bytes>>(
    mut response: Response<IsrBody<R>>,
    delivery: &Delivery,
    outcome: Outcome,
    cache_name: Option<&'static str>,
) -> Response<IsrBody<R>> {
    let status = cache_name.map(|name| CacheStatus {
        name,
        outcome,
        ttl: None,
    });
    headers::mark_unstored(response.headers_mut(), status.as_ref());

    if delivery.head {
        // RFC 9110, 8.6: HEAD states the length that GET's response would have.
        let length = response
            .body()
            .size_hint()
            .exact()
            .filter(|_| headers::may_have_content(response.status()));
        if let Some(length) = length {
            response
                .headers_mut()
                .entry(CONTENT_LENGTH)
                .or_insert(HeaderValue::from(length));
        }
        *response.body_mut() = IsrBody::empty();
    }
    response
}

/// Makes the head for this second. The head of a plain hit is kept for the next hits; any other
/// head carries the outcome of one request and is used once.
#[cold]
fn head_now(
    entry: &Entry,
    choice: Choice,
    outcome: Outcome,
    cache_name: Option<&'static str>,
    now: Instant,
) -> Parts {
    let page = entry.representation(choice.encoding);
    let age = entry.age(now).as_secs();
    let stale = matches!(outcome, Outcome::StaleHit(_) | Outcome::Loaded(Some(_)));
    let status = cache_name.map(|name| CacheStatus {
        name,
        outcome,
        ttl: entry.ttl(now, stale),
    });

    let second = (entry.told_age(age, outcome), entry.at_age(age + 1));
    let whole =
        page.heads
            .latest()
            .whole
            .at(second, status.as_ref(), entry.earlier_caches.as_deref());

    if outcome == Outcome::Hit {
        page.heads.renew(&whole, choice.kind, page.body.len())
    } else {
        PreparedHeads::once(&whole, choice.kind, page.body.len())
    }
}
