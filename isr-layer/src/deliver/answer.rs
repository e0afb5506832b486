//! Makes the answer: from an entry, or from something that was not stored.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::delivery::Delivery;
use super::headers::{self, Stamp};
use super::precondition::is_not_modified;
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::outcome::{CacheStatus, Outcome};

/// The answer a client gets from an entry.
pub(crate) fn deliver<R>(
    entry: &Entry,
    delivery: &Delivery,
    outcome: Outcome,
    show_status: bool,
    now: Instant,
) -> Response<IsrBody<R>> {
    let headers = headers_at(entry, outcome, show_status, now);
    // RFC 9110, 13.2.1: preconditions are ignored unless the answer without them would be a success.
    let conditions = delivery.conditions.as_ref().filter(|_| entry.status == StatusCode::OK);
    if conditions.is_some_and(|conditions| is_not_modified(conditions, &headers)) {
        return not_modified(headers);
    }
    let mut response = if delivery.head { head(entry, headers) } else { whole(entry, headers) };
    *response.status_mut() = entry.status;
    response
}

/// An answer that is not stored, on its way to the one client it was made for.
pub(crate) fn unstored<R>(
    mut response: Response<IsrBody<R>>,
    delivery: &Delivery,
    outcome: Outcome,
    show_status: bool,
) -> Response<IsrBody<R>> {
    let status = show_status.then_some(CacheStatus { outcome, ttl: None });
    headers::mark_unstored(response.headers_mut(), status.as_ref());
    if delivery.head {
        *response.body_mut() = IsrBody::empty();
    }
    response
}

fn whole<R>(entry: &Entry, headers: HeaderMap) -> Response<IsrBody<R>> {
    let mut response = Response::new(IsrBody::stored(entry.body.clone(), entry.trailers.clone()));
    *response.headers_mut() = headers;
    response
}

fn head<R>(entry: &Entry, mut headers: HeaderMap) -> Response<IsrBody<R>> {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(entry.body.len()));
    let mut response = Response::new(IsrBody::empty());
    *response.headers_mut() = headers;
    response
}

fn not_modified<R>(mut headers: HeaderMap) -> Response<IsrBody<R>> {
    for name in headers.keys().filter(|name| headers::describes_body(name)).cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
    let mut response = Response::new(IsrBody::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = headers;
    response
}

/// The entry's headers now. A plain hit finds them prepared by the first hit of the same second.
fn headers_at(entry: &Entry, outcome: Outcome, show_status: bool, now: Instant) -> HeaderMap {
    let age = entry.age(now).as_secs();
    let stamp = entry.stamp.load();
    if outcome == Outcome::Hit && stamp.age == age {
        return stamp.headers.clone();
    }
    let stamped = stamp_at(entry, &stamp, age, outcome, show_status, now);
    let headers = stamped.headers.clone();
    if outcome == Outcome::Hit {
        entry.stamp.store(Arc::new(stamped));
    }
    headers
}

fn stamp_at(
    entry: &Entry,
    stamp: &Stamp,
    age: u64,
    outcome: Outcome,
    show_status: bool,
    now: Instant,
) -> Stamp {
    let stale = matches!(outcome, Outcome::StaleHit(_));
    let status = show_status.then(|| CacheStatus { outcome, ttl: entry.ttl(now, stale) });
    stamp.at(age, status.as_ref(), entry.earlier_caches.as_deref())
}
