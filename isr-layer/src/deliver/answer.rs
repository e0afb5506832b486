//! Makes the answer: from an entry, or from something that was not stored.

use std::sync::Arc;

use http::Response;

use super::delivery::Delivery;
use super::headers;
use super::stamp::{Form, Stamps};
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::entry::Entry;
use crate::outcome::{CacheStatus, Outcome};

/// A page that was found fresh. The answer is made of it only where it is handed out, since it is large to move.
pub(crate) struct Hit {
    pub(crate) entry: Arc<Entry>,
    pub(crate) form: Form,
    pub(crate) show_status: bool,
    /// When it was found fresh.
    pub(crate) now: Instant,
}

impl Hit {
    /// The answer, with the body turned `into` what its reader wants.
    #[inline]
    pub(crate) fn answer<R, B>(&self, into: impl FnOnce(IsrBody<R>) -> B) -> Response<B> {
        deliver(&self.entry, self.form, Outcome::Hit, self.show_status, self.now, into)
    }
}

/// The answer a client gets from an entry, with the body turned `into` what its reader wants.
#[inline]
pub(crate) fn deliver<R, B>(
    entry: &Entry,
    form: Form,
    outcome: Outcome,
    show_status: bool,
    now: Instant,
    into: impl FnOnce(IsrBody<R>) -> B,
) -> Response<B> {
    let body = into(match form {
        Form::Whole => IsrBody::stored(entry.body.clone(), entry.trailers.clone()),
        Form::Head | Form::NotModified => IsrBody::empty(),
    });
    let prepared = if outcome == Outcome::Hit { entry.stamps.head(form, now) } else { None };
    let head = prepared.unwrap_or_else(|| head_now(entry, form, outcome, show_status, now));
    head.map(|()| body)
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

/// The head of this second. That of a plain hit is kept for the next one; others say what happened only once.
#[cold]
fn head_now(entry: &Entry, form: Form, outcome: Outcome, show_status: bool, now: Instant) -> Response<()> {
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
