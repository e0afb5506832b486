//! Makes the answer: from an entry, or from something that was not stored.

use http::header::HeaderMap;
use http::{Response, StatusCode};

use super::delivery::Delivery;
use super::headers;
use super::precondition::is_not_modified;
use super::stamp::{Form, Stamps};
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::outcome::{CacheStatus, Outcome};

/// The answer a client gets from an entry.
#[inline]
pub(crate) fn deliver<R>(
    entry: &Entry,
    delivery: &Delivery,
    outcome: Outcome,
    show_status: bool,
    now: Instant,
) -> Response<IsrBody<R>> {
    let form = form(entry, delivery);
    let body = match form {
        Form::Whole => IsrBody::stored(entry.body.clone(), entry.trailers.clone()),
        Form::Head | Form::NotModified => IsrBody::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = if form == Form::NotModified { StatusCode::NOT_MODIFIED } else { entry.status };
    let is_prepared = outcome == Outcome::Hit && entry.stamps.put(form, now, response.headers_mut());
    if !is_prepared {
        *response.headers_mut() = headers_now(entry, form, outcome, show_status, now);
    }
    response
}

#[inline]
fn form(entry: &Entry, delivery: &Delivery) -> Form {
    // RFC 9110, 13.2.1: preconditions are ignored unless the answer without them would be a success.
    let conditions = delivery.conditions.as_ref().filter(|_| entry.status == StatusCode::OK);
    if conditions.is_some_and(|conditions| is_not_modified(conditions, &entry.stamps.whole().headers)) {
        Form::NotModified
    } else if delivery.head {
        Form::Head
    } else {
        Form::Whole
    }
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

/// The headers of this second. Those of a plain hit are kept for the next one; others say what happened only once.
#[cold]
fn headers_now(entry: &Entry, form: Form, outcome: Outcome, show_status: bool, now: Instant) -> HeaderMap {
    let age = entry.age(now).as_secs();
    let stale = matches!(outcome, Outcome::StaleHit(_));
    let status = show_status.then(|| CacheStatus { outcome, ttl: entry.ttl(now, stale) });
    let second = (age, entry.at_age(age + 1));
    let whole =
        headers::stamped(&entry.stamps.whole(), second, status.as_ref(), entry.earlier_caches.as_deref());
    if outcome == Outcome::Hit {
        entry.stamps.renew(whole, form, entry.body.len())
    } else {
        Stamps::once(&whole, form, entry.body.len())
    }
}
