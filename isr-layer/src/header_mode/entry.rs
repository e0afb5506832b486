//! An entry: one stored response, with all that is needed to judge, validate and deliver it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName};
use http::{Method, Response, StatusCode, response};

use super::admit::{Admitted, Received};
use super::fetch_number::FetchNumber;
use super::flight::Fetch;
use super::freshness::Freshness;
use super::inherited::Inherited;
use super::negative_cache::{Likeness, REFRESH_BACKOFF};
use super::paths::PathInUse;
use super::target::TargetUri;
use super::validate::{Usable, updated};
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::deliver::{
    PreparedHeads, Representation, ResponseKind, body, choose_kind, prepare_header_mode, size,
};
use crate::invalidation::{AtomicSequence, Marks, Sequence, Subject, Validity};
use crate::outcome::{CacheStatus, Outcome};

/// Number of refused tries after which an entry is given up, if the requests are unlike the one
/// that it was stored for. One counts in each [`REFRESH_BACKOFF`], from whichever client it comes.
const MAX_REFUSALS: u32 = 8;

/// One stored response. Each of several for one target is for the requests its `Vary` selects.
#[derive(Debug)]
pub(super) struct Entry {
    target: TargetUri,
    admitted: Admitted,
    representation: Representation,
    /// `Cache-Status` members of caches behind us.
    earlier_caches: Option<Box<str>>,
    trailers: Option<Box<HeaderMap>>,
    /// Number of its flight: of two entries the one whose flight started later is newer.
    pub(super) number: FetchNumber,
    /// Number up to which no mark concerns the entry.
    valid_through: AtomicSequence,
    /// The part that the response took over from the values that it was made of.
    pub(super) inherited: Inherited,
    validators: Usable,
    /// Requests like the one that the entry was stored for.
    made_for: Likeness,
    refusals: Mutex<Refusals>,
    size: usize,
    /// Lets a purge of the path know of the entry.
    _in_use: Arc<PathInUse>,
}

/// Tries to replace an entry whose response could not be stored.
#[derive(Debug, Default)]
struct Refusals {
    count: u32,
    /// Time before which no further one counts.
    rest_until: Option<Instant>,
}

/// A response that was read whole, by [`fetch`](super::fetch) or from an entry and a 304.
#[derive(Debug)]
pub(super) struct WholeResponse {
    pub(super) parts: response::Parts,
    pub(super) body: Bytes,
    pub(super) trailers: Option<Box<HeaderMap>>,
    pub(super) received: Received,
}

impl WholeResponse {
    /// Returns the response for the client whose request was fetched.
    pub(super) fn into_response<R>(self) -> Response<IsrBody<R>> {
        Response::from_parts(self.parts, IsrBody::stored(self.body, self.trailers))
    }
}

impl Entry {
    /// Makes the entry of a `fetch` whose flight has this `number`, and knew all marks up to
    /// `as_of`.
    pub(super) fn new(
        admitted: Admitted,
        whole: &WholeResponse,
        number: FetchNumber,
        as_of: Sequence,
        fetch: &Fetch,
        inherited: Inherited,
    ) -> Self {
        let WholeResponse {
            parts,
            body,
            trailers,
            received,
        } = whole;

        let admitted = Admitted {
            lifetime: admitted.lifetime.limited_by(&inherited, admitted.birth),
            ..admitted
        };
        let validators = Usable::of(&parts.headers, received.sent());
        let mut headers = parts.headers.clone();
        let earlier_caches = prepare_header_mode(&mut headers, received.date);
        let target = fetch.target.clone();
        let size = size_of::<Self>() + target.size() + admitted.vary_key.size() + body.len();
        let marks = inherited.marks.as_slice().iter();
        let marks = marks.map(|mark| size_of_val(mark) + mark.size());
        let size = size
            + marks.sum::<usize>()
            + size::heads(&headers, 1, earlier_caches.as_deref())
            + trailers.as_deref().map_or(0, size::fields);

        Self {
            target,
            admitted,
            representation: Representation::identity(parts.status, headers, body.clone()),
            earlier_caches,
            trailers: trailers.clone(),
            number,
            valid_through: AtomicSequence::new(as_of),
            inherited,
            validators,
            made_for: fetch.hashes.like(),
            refusals: Mutex::default(),
            size,
            _in_use: fetch.in_use.clone(),
        }
    }

    /// Returns whether the entry's `Vary` selects it for a request (RFC 9111, 4.1).
    pub(super) fn is_selected_by(&self, request: &HeaderMap) -> bool {
        self.admitted.vary_key.matches(request)
    }

    /// Returns whether the entry may be served to a request: its `Vary` selects it, and a request
    /// with credentials gets only a response that is for all users (RFC 9111, 3.5).
    pub(super) fn may_serve(&self, request: &HeaderMap) -> bool {
        self.is_selected_by(request)
            && (self.admitted.is_for_authorized || !request.contains_key(AUTHORIZATION))
            && (self.admitted.is_for_cookies || !request.contains_key(COOKIE))
    }

    /// Notes that a response to a request that the entry may serve could not be stored, and returns
    /// whether the entry is given up: at once if that request is like the one that the entry was
    /// stored for, or else after [`MAX_REFUSALS`]. A refusal of one client tells little of others,
    /// and one client can be refused as often as it likes.
    pub(super) fn gives_up(&self, refused: Likeness, now: Instant) -> bool {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.rest_until.is_none_or(|until| now >= until) {
            refusals.count += 1;
            refusals.rest_until = Some(now + REFRESH_BACKOFF);
        }
        refused == self.made_for || refusals.count >= MAX_REFUSALS
    }

    /// Returns the fields that the entry's `Vary` names.
    pub(super) fn vary_names(&self) -> impl Iterator<Item = &HeaderName> {
        self.admitted.vary_key.names()
    }

    /// Returns whether the response has no `Vary`, and so is for every request.
    pub(super) fn is_for_any(&self) -> bool {
        self.admitted.vary_key.is_any()
    }

    /// Judges the entry by its age and the marks.
    pub(super) fn freshness(&self, marks: &Marks, now: Instant) -> Freshness {
        self.admitted
            .lifetime
            .freshness(self.age(now), self.validity(marks))
    }

    /// Returns whether the entry may be served in place of an error now (RFC 5861, 4).
    pub(super) fn allows_if_error(&self, now: Instant) -> bool {
        self.admitted.lifetime.allows_if_error(self.age(now))
    }

    /// Judges the entry by the marks alone, and by the values that it was made of.
    pub(super) fn validity(&self, marks: &Marks) -> Validity {
        self.inherited.born_as.max(self.validity_of_marks(marks))
    }

    /// Judges the entry by its marks. Remembers the number up to which it is valid.
    fn validity_of_marks(&self, marks: &Marks) -> Validity {
        let published = marks.published();
        let since = self.valid_through.load(Ordering::Relaxed);
        if published == since {
            return Validity::Valid;
        }
        let subject = Subject::at(self.target.path(), self.inherited.marks.as_slice());
        let validity = marks.validity(subject, since);
        if validity == Validity::Valid {
            self.valid_through.raise(published, Ordering::Relaxed);
        }
        validity
    }

    /// Returns whether the origin can be asked if the entry is still valid. Not after a purge,
    /// which says that the entry is not.
    pub(super) fn can_be_validated(&self, marks: &Marks) -> bool {
        let is_ok = self.representation.heads.latest().whole.head.status == StatusCode::OK;
        is_ok && self.validators.any() && self.validity(marks) == Validity::Valid
    }

    /// Makes a request conditional on the entry's validators (RFC 9111, 4.3.1).
    pub(super) fn ask_for_change(&self, request: &mut HeaderMap) {
        let latest = self.representation.heads.latest();
        self.validators.ask(request, &latest.whole.head.headers);
    }

    /// Returns the response as a 304 with the headers `new` updates it; `None` if the 304 is about
    /// another response.
    pub(super) fn updated(&self, new: &HeaderMap, received: Received) -> Option<WholeResponse> {
        let headers = updated(&self.representation.heads.latest().whole.head.headers, new)?;
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.headers = headers;
        Some(WholeResponse {
            parts,
            body: self.representation.body.clone(),
            trailers: self.trailers.clone(),
            received,
        })
    }

    /// Returns the bytes that the entry takes, about.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Chooses the kind of response that a request gets: whole, a range, or not modified.
    pub(super) fn kind(&self, method: &Method, request: &HeaderMap) -> ResponseKind {
        choose_kind(&self.representation, *method == Method::HEAD, request)
    }

    /// Makes the response for one client.
    pub(super) fn deliver<R>(
        &self,
        kind: ResponseKind,
        outcome: Outcome,
        cache_name: Option<&'static str>,
        now: Instant,
    ) -> Response<IsrBody<R>> {
        let page = &self.representation;
        if outcome == Outcome::Hit
            && let Some(head) = page.heads.latest().head(kind, now)
        {
            return Response::from_parts(head.clone(), body(kind, &page.body, &self.trailers));
        }
        let head = self.head_now(kind, outcome, cache_name, now);
        Response::from_parts(head, body(kind, &page.body, &self.trailers))
    }

    /// Makes the head for this second. A hit's head is kept for the next hit of this second; any
    /// other outcome is told to one client only.
    fn head_now(
        &self,
        kind: ResponseKind,
        outcome: Outcome,
        cache_name: Option<&'static str>,
        now: Instant,
    ) -> response::Parts {
        let page = &self.representation;
        // The head says the age in seconds, so it is true until the next one begins.
        let age = self.age(now);
        let until = now + Duration::from_secs(age.as_secs() + 1) - age;
        let age = age.as_secs();

        let status = cache_name.map(|name| CacheStatus {
            name,
            outcome,
            ttl: Some(self.ttl(age, outcome)),
        });
        let whole = page.heads.latest().whole.at(
            (Some(age), until),
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

    /// Returns the seconds until the entry goes stale, and at most zero if a purge made it stale.
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
