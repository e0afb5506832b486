//! A stored answer, and what a client gets of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use http::{Method, Response, StatusCode, response};

use super::admit::{Admitted, Received};
use super::freshness::Freshness;
use super::target::TargetUri;
use super::validate::{ask_for_change, can_validate, updated};
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::deliver::{
    PreparedHeads, Representation, ResponseKind, body, choose_kind, prepare_foreign, size,
};
use crate::invalidation::{AtomicSequence, Marks, Sequence, Subject, Validity};
use crate::outcome::{CacheStatus, Outcome};

/// One stored answer: of several for one target each is for the requests its `Vary` selects.
#[derive(Debug)]
pub(super) struct Entry {
    target: TargetUri,
    admitted: Admitted,
    representation: Representation,
    /// `Cache-Status` members of caches behind us.
    earlier_caches: Option<Box<str>>,
    trailers: Option<Box<HeaderMap>>,
    /// The number of its flight: what began later is newer.
    pub(super) number: u64,
    /// The last purge known to have left it alone.
    valid_through: AtomicSequence,
    /// The origin has said of another answer that it still holds.
    validators_mismatched: AtomicBool,
    size: usize,
}

/// An answer that was read whole.
#[derive(Debug)]
pub(super) struct WholeResponse {
    pub(super) parts: response::Parts,
    pub(super) body: Bytes,
    pub(super) trailers: Option<Box<HeaderMap>>,
    pub(super) received: Received,
}

impl WholeResponse {
    /// Makes a response of it, for the client whose request was fetched.
    pub(super) fn into_response<R>(self) -> Response<IsrBody<R>> {
        Response::from_parts(self.parts, IsrBody::stored(self.body, self.trailers))
    }
}

impl Entry {
    pub(super) fn new(
        target: TargetUri,
        admitted: Admitted,
        whole: &WholeResponse,
        number: u64,
        as_of: Sequence,
    ) -> Self {
        let WholeResponse {
            parts,
            body,
            trailers,
            received,
        } = whole;
        let mut headers = parts.headers.clone();
        let earlier_caches = prepare_foreign(&mut headers, received.date);
        let size = size_of::<Self>() + target.size() + admitted.vary_key.size() + body.len();
        let size = size + size::heads(&headers, 1) + trailers.as_deref().map_or(0, size::fields);
        Self {
            target,
            admitted,
            representation: Representation::identity(parts.status, headers, body.clone()),
            earlier_caches,
            trailers: trailers.clone(),
            number,
            valid_through: AtomicSequence::new(as_of),
            validators_mismatched: AtomicBool::new(false),
            size,
        }
    }

    /// Whether its `Vary` selects it for a request.
    pub(super) fn is_selected_by(&self, request: &HeaderMap) -> bool {
        self.admitted.vary_key.matches(request)
    }

    /// Whether two requests have the same in all that its `Vary` names.
    pub(super) fn is_same_for(&self, one: &HeaderMap, other: &HeaderMap) -> bool {
        self.admitted.vary_key.is_same(one, other)
    }

    /// Whether it may answer a request: its `Vary` selects it, and one that says who asks gets only what is for all.
    pub(super) fn may_serve(&self, request: &HeaderMap) -> bool {
        self.is_selected_by(request)
            && (self.admitted.is_for_authorized || !request.contains_key(AUTHORIZATION))
    }

    /// The fields that its `Vary` names.
    pub(super) fn vary_names(&self) -> impl Iterator<Item = &HeaderName> {
        self.admitted.vary_key.names()
    }

    /// Whether it is the same for every request.
    pub(super) fn is_for_any(&self) -> bool {
        self.admitted.vary_key.is_any()
    }

    /// What may be done with it now.
    pub(super) fn freshness(&self, marks: &Marks, now: Instant) -> Freshness {
        self.admitted
            .lifetime
            .freshness(self.age(now), self.validity(marks))
    }

    /// Whether it may stand in for an error now.
    pub(super) fn allows_if_error(&self, now: Instant) -> bool {
        self.admitted.lifetime.allows_if_error(self.age(now))
    }

    /// What the marks say; raises the number up to which it is known to be valid.
    pub(super) fn validity(&self, marks: &Marks) -> Validity {
        let published = marks.published();
        let since = self.valid_through.load(Ordering::Relaxed);
        if published == since {
            return Validity::Valid;
        }
        let validity = marks.validity(Subject::at(self.target.path(), &[]), since);
        if validity == Validity::Valid {
            self.valid_through.raise(published, Ordering::Relaxed);
        }
        validity
    }

    /// Whether the origin can be asked if it still holds. After a purge it is not: that says it does not.
    pub(super) fn can_be_validated(&self, marks: &Marks) -> bool {
        let is_trusted = self.validity(marks) == Validity::Valid
            && !self.validators_mismatched.load(Ordering::Relaxed);
        let head = &self.representation.heads.latest().whole.head;
        is_trusted && head.status == StatusCode::OK && can_validate(&head.headers)
    }

    /// Makes a request ask for what differs from it only.
    pub(super) fn ask_for_change(&self, request: &mut HeaderMap) {
        ask_for_change(
            request,
            &self.representation.heads.latest().whole.head.headers,
        );
    }

    /// The whole of it, as a 304 with the headers `new` says it is now; `None` when that speaks of another answer.
    pub(super) fn updated(&self, new: &HeaderMap, received: Received) -> Option<WholeResponse> {
        let headers = updated(&self.representation.heads.latest().whole.head.headers, new);
        // TargetUriRef again in the same way, the origin would say the same again.
        self.validators_mismatched
            .store(headers.is_none(), Ordering::Relaxed);
        let headers = headers?;
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.headers = headers;
        Some(WholeResponse {
            parts,
            body: self.representation.body.clone(),
            trailers: self.trailers.clone(),
            received,
        })
    }

    /// Bytes it takes, about.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// In which form the client of a request gets it.
    pub(super) fn kind(&self, method: &Method, request: &HeaderMap) -> ResponseKind {
        choose_kind(&self.representation, *method == Method::HEAD, request)
    }

    /// What a client gets of it.
    pub(super) fn deliver<R>(
        &self,
        kind: ResponseKind,
        outcome: Outcome,
        show_status: bool,
        now: Instant,
    ) -> Response<IsrBody<R>> {
        let page = &self.representation;
        if outcome == Outcome::Hit
            && let Some(head) = page.heads.latest().head(kind, now)
        {
            return Response::from_parts(head.clone(), body(kind, &page.body, &self.trailers));
        }
        let head = self.head_now(kind, outcome, show_status, now);
        Response::from_parts(head, body(kind, &page.body, &self.trailers))
    }

    /// The head of this second. That of a hit is kept for the next one; others say what happened only once.
    fn head_now(
        &self,
        kind: ResponseKind,
        outcome: Outcome,
        show_status: bool,
        now: Instant,
    ) -> response::Parts {
        let page = &self.representation;
        let age = self.age(now);
        let until = now + Duration::from_secs(age.as_secs() + 1) - age;
        let age = age.as_secs();
        let status = show_status.then(|| CacheStatus {
            outcome,
            ttl: Some(self.ttl(age, outcome)),
        });
        let whole = page.heads.latest().whole.at(
            (age, until),
            status.as_ref(),
            self.earlier_caches.as_deref(),
        );
        if outcome == Outcome::Hit {
            page.heads.renew(&whole, kind, page.body.len())
        } else {
            PreparedHeads::once(&whole, kind, page.body.len())
        }
    }

    fn age(&self, now: Instant) -> Duration {
        self.admitted.birth.age(now)
    }

    /// Seconds until it goes stale; zero at most when a purge made it stale.
    fn ttl(&self, age: u64, outcome: Outcome) -> i64 {
        let secs = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let ttl = secs(self.admitted.lifetime.fresh.as_secs()).saturating_sub(secs(age));
        if matches!(outcome, Outcome::StaleHit(_)) {
            ttl.min(0)
        } else {
            ttl
        }
    }
}
