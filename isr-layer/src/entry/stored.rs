//! An entry: one stored response with everything needed to judge it, send it and render it again.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, HeaderMap};
use http::{StatusCode, response};

use super::birth::Birth;
use super::encode::Missed;
use super::freshness::{Freshness, Lifetime, freshness};
use super::seconds::{MAX_SECONDS, stated_age};
use super::weight;
use crate::clock::Instant;
use crate::deliver::{Offer, Representation, codec, is_digest, prepare, remove_all};
use crate::invalidation::{AtomicSequence, EntryTags, Marks, Sequence, Subject, Validity};
use crate::outcome::Outcome;
use crate::render::Key;
use crate::render::Recipe;

/// One stored response.
pub(crate) struct Entry {
    pub(crate) key: Key,
    /// True if the path is the whole key and nothing else of a request has to be looked at.
    pub(crate) is_keyed_by_path: bool,
    pub(crate) status: StatusCode,
    /// True if it says that there is no such page: it is never stale, and no fallback.
    pub(super) is_not_found: bool,
    pub(crate) trailers: Option<Box<HeaderMap>>,
    /// The page as it was rendered.
    pub(super) identity: Representation,
    /// The page in its other encodings, our preferred one first. Made once, after the first
    /// response.
    pub(super) encoded: OnceLock<Box<[Representation]>>,
    /// True once a task is there that makes the encodings.
    pub(super) is_being_encoded: AtomicBool,
    /// Set once the encodings could not be made, for a hit that needs them.
    pub(super) missed: OnceLock<Box<Missed>>,
    /// True if encodings are worth making.
    pub(crate) is_encodable: bool,
    /// `Cache-Status` members of caches behind this one.
    pub(crate) earlier_caches: Option<Box<str>>,
    pub(super) born: Birth,
    /// The judgement that the entry brought with it: that of the store that it was loaded from, or
    /// of the values that it was made of.
    pub(super) born_as: Validity,
    /// True if it was made of a value that is out of date, since that could not be loaded anew.
    uses_old_values: bool,
    /// The `Age` that the handler sent, in seconds.
    pub(super) own_age: u64,
    pub(super) lifetime: Lifetime,
    fresh_until: Option<Instant>,
    as_of: Sequence,
    /// The last number at which no mark was on the entry. A hit compares, and reads the marks only
    /// if a newer number was published.
    valid_through: AtomicSequence,
    tags: EntryTags,
    size: usize,
    /// The store's number that its record there has; [`NOT_STORED`] if it has none.
    stored_as_of: AtomicU64,
}

/// The time for which an entry that came marked counts as marked already.
const MARKED_FOR: Duration = Duration::from_secs(3600);

/// Stands for no record in a store.
const NOT_STORED: u64 = u64::MAX;

/// A response that was read whole and may be stored.
pub(crate) struct NewEntry {
    pub(crate) parts: response::Parts,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<Box<HeaderMap>>,
    /// True if it says that there is no such page.
    pub(crate) is_not_found: bool,
    /// The beginning of the render.
    pub(crate) born: Birth,
    /// The strictest judgement of the values that it was made of.
    pub(crate) born_as: Validity,
    /// True if one of them is out of date.
    pub(crate) uses_old_values: bool,
    /// The last number published before the render began.
    pub(crate) as_of: Sequence,
    pub(crate) lifetime: Lifetime,
    /// The lifetime that caches in front are told, if the handler says nothing.
    pub(crate) offer: Offer,
    /// True if some clients may see a draft in place of the entry.
    pub(crate) has_drafts: bool,
}

/// The parts of an entry that do not follow from its recipe, with its headers as they are stored.
pub(super) struct Parts {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<Box<HeaderMap>>,
    pub(super) is_not_found: bool,
    pub(super) is_encodable: bool,
    pub(super) earlier_caches: Option<Box<str>>,
    pub(super) own_age: u64,
    pub(super) born: Birth,
    pub(super) born_as: Validity,
    pub(super) as_of: Sequence,
    pub(super) valid_through: Sequence,
    pub(super) lifetime: Lifetime,
    pub(super) has_drafts: bool,
}

impl Entry {
    pub(crate) fn new(recipe: &Recipe, rendered: NewEntry, tags: EntryTags) -> Self {
        let NewEntry {
            mut parts,
            body,
            trailers,
            is_not_found,
            born,
            born_as,
            uses_old_values,
            as_of,
            lifetime,
            offer,
            has_drafts,
        } = rendered;

        let own_age = stated_age(&parts.headers);
        let (earlier_caches, is_encodable) =
            prepare(parts.status, &mut parts.headers, &body, &recipe.page.vary);
        offer.put(&mut parts.headers);

        let parts = Parts {
            status: parts.status,
            headers: parts.headers,
            body,
            trailers: shared_by_encodings(trailers, is_encodable),
            is_not_found,
            is_encodable,
            earlier_caches,
            own_age,
            born,
            born_as,
            as_of,
            valid_through: as_of,
            lifetime,
            has_drafts,
        };
        Self {
            uses_old_values,
            ..Self::of_parts(recipe, parts, tags)
        }
    }

    pub(super) fn of_parts(recipe: &Recipe, parts: Parts, tags: EntryTags) -> Self {
        let size = weight::bytes(&recipe.key, &parts, &tags);
        let fresh_until = match parts.born_as {
            Validity::Valid => parts.lifetime.fresh_until(parts.born),
            // Over already: so a hit need not look at this judgement.
            Validity::Soft | Validity::Hard => Some(parts.born.before(MARKED_FOR)),
        };

        Self {
            key: recipe.key.clone(),
            is_keyed_by_path: recipe.page.is_keyed_by_path() && !parts.has_drafts,
            status: parts.status,
            is_not_found: parts.is_not_found,
            trailers: parts.trailers,
            identity: Representation::identity(parts.status, parts.headers, parts.body),
            encoded: OnceLock::new(),
            is_being_encoded: AtomicBool::new(false),
            missed: OnceLock::new(),
            is_encodable: parts.is_encodable,
            earlier_caches: parts.earlier_caches,
            born: parts.born,
            born_as: parts.born_as,
            uses_old_values: false,
            own_age: parts.own_age,
            lifetime: parts.lifetime,
            fresh_until,
            as_of: parts.as_of,
            valid_through: AtomicSequence::new(parts.valid_through),
            tags,
            size,
            stored_as_of: AtomicU64::new(NOT_STORED),
        }
    }

    /// True if the entry may be served as it is. Costs one comparison for time and one for marks,
    /// as long as nothing was purged since the last look.
    #[inline]
    pub(crate) fn is_fresh(&self, marks: &Marks, now: Instant) -> bool {
        self.fresh_until.is_none_or(|until| now < until)
            && self.validity_of_marks(marks) == Validity::Valid
    }

    /// Judges the entry by its lifetime and its marks.
    pub(crate) fn freshness(&self, marks: &Marks, now: Instant) -> Freshness {
        freshness(
            self.lifetime,
            self.age(now),
            self.validity(marks),
            self.is_not_found,
        )
    }

    /// Judges the entry by its marks, and by those that the store it was loaded from knew.
    pub(crate) fn validity(&self, marks: &Marks) -> Validity {
        self.born_as.max(self.validity_of_marks(marks))
    }

    /// Judges the entry by its marks. Raises the number up to which it is known to be valid.
    #[inline]
    fn validity_of_marks(&self, marks: &Marks) -> Validity {
        let published = marks.published();
        let valid_through = self.valid_through.load(Ordering::Relaxed);
        if published == valid_through {
            return Validity::Valid;
        }
        let validity = marks.validity(self.subject(), valid_through);
        if validity == Validity::Valid {
            self.valid_through.raise(published, Ordering::Relaxed);
        }
        validity
    }

    /// True if a purge since `number` names the entry.
    pub(crate) fn is_marked_since(&self, marks: &Marks, number: Sequence) -> bool {
        marks.validity(self.subject(), number) != Validity::Valid
    }

    fn subject(&self) -> Subject<'_> {
        Subject::at(self.key.path(), self.tags.as_slice())
    }

    /// Returns the page in one of its encodings; `None` is the page as it was rendered.
    #[inline]
    pub(crate) fn representation(&self, encoding: Option<u8>) -> &Representation {
        encoding
            .and_then(|at| self.encoded().get(usize::from(at)))
            .unwrap_or(&self.identity)
    }

    /// Returns the encodings that were made, our preferred one first.
    #[inline]
    pub(crate) fn encoded(&self) -> &[Representation] {
        self.encoded.get().map_or(&[], |encoded| encoded)
    }

    /// Makes the encodings. This computes for a while: never on an async thread.
    pub(super) fn encode(&self) {
        let bodies = codec::encoded(&self.identity.body);
        let encoded = bodies
            .into_iter()
            .map(|(coding, body)| self.identity.encoded(coding, body))
            .collect();
        // Two calls make equal encodings: the first ones stay.
        let _ = self.encoded.set(encoded);
    }

    /// Returns how much the page is used, in all encodings, as far back as its predecessors
    /// remember.
    pub(crate) fn uses(&self) -> u64 {
        let encoded = self
            .encoded()
            .iter()
            .map(|one| one.heads.uses())
            .sum::<u64>();
        self.identity.heads.uses() + encoded
    }

    /// Takes over the uses of the entry before, which count half.
    pub(crate) fn inherit(&self, before: &Self) {
        self.identity.heads.inherit(before.uses() / 2);
    }

    /// Returns the time at which the entry will be `seconds` old.
    pub(crate) fn at_age(&self, seconds: u64) -> Instant {
        self.born
            .time_of(Duration::from_secs(seconds))
            .expect("the age that a clock has measured, and a second, is a time of that clock")
    }

    /// Returns the time since the render began.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.born.age(now)
    }

    /// Returns the `Age` of a response that is sent when the render began `age` seconds ago: what
    /// the handler's own said counts. A response that was made for its request has no other age
    /// (RFC 9111, 5.1).
    pub(crate) fn told_age(&self, age: u64, outcome: Outcome) -> Option<u64> {
        match outcome.is_made_for_its_request() {
            true => Some(self.own_age).filter(|own| *own > 0),
            false => Some(self.own_age.saturating_add(age).min(MAX_SECONDS)),
        }
    }

    /// Returns the seconds until the entry goes stale; zero at most if a mark made it stale.
    pub(crate) fn ttl(&self, now: Instant, stale: bool) -> Option<i64> {
        let ttl = self.lifetime.ttl(self.age(now).as_secs());
        if stale {
            Some(ttl.map_or(0, |ttl| ttl.min(0)))
        } else {
            ttl
        }
    }

    /// Returns the number up to which the render knew all purges.
    pub(crate) fn as_of(&self) -> Sequence {
        self.as_of
    }

    /// Returns the number up to which no mark was on the entry when it was last judged; `None` if
    /// it was never valid here.
    pub(crate) fn valid_through(&self) -> Option<Sequence> {
        let is_valid = self.born_as == Validity::Valid;
        is_valid.then(|| self.valid_through.load(Ordering::Relaxed))
    }

    /// Returns the store's number of the entry's record, if it has one.
    pub(crate) fn stored_as_of(&self) -> Option<u64> {
        let number = self.stored_as_of.load(Ordering::Relaxed);
        (number != NOT_STORED).then_some(number)
    }

    /// Notes the store's number of the entry's record.
    pub(crate) fn set_stored_as_of(&self, number: u64) {
        self.stored_as_of.store(number, Ordering::Relaxed);
    }

    pub(crate) fn tags(&self) -> &EntryTags {
        &self.tags
    }

    /// True if it was made of a value that is out of date: it is no new content.
    pub(crate) fn uses_old_values(&self) -> bool {
        self.uses_old_values
    }

    /// True if the entry is a page to fall back on when rendering fails.
    pub(crate) fn is_good(&self) -> bool {
        !self.is_not_found
    }

    pub(crate) fn etag(&self) -> Option<String> {
        self.identity
            .heads
            .latest()
            .whole
            .head
            .headers
            .get(ETAG)
            .and_then(|tag| tag.to_str().ok())
            .map(str::to_owned)
    }

    /// Returns the bytes the entry takes in memory. They never change, since the memory counts them
    /// in and out.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

/// Removes digests if there are encodings: a digest is true of one, while all share the trailers.
/// Trailers may be left out (RFC 9110, 6.5.1).
fn shared_by_encodings(
    trailers: Option<Box<HeaderMap>>,
    is_encodable: bool,
) -> Option<Box<HeaderMap>> {
    if !is_encodable {
        return trailers;
    }
    let mut trailers = trailers?;
    remove_all(&mut trailers, is_digest);
    (!trailers.is_empty()).then_some(trailers)
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
