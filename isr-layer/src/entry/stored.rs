//! An entry: one stored answer with all that is needed to judge it, send it and render it again.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, HeaderMap};
use http::{StatusCode, response};

use super::freshness::{Freshness, Lifetime, freshness};
use super::is_gone;
use crate::cache::Renderer;
use crate::clock::Instant;
use crate::deliver::{Offer, Representation, codec, is_digest, prepare, remove_all, size};
use crate::invalidation::{EntryTags, Marks, TagMark, Validity};
use crate::render::Key;
use crate::render::Recipe;

/// One stored answer.
pub(crate) struct Entry {
    pub(crate) key: Key,
    /// Whether its path is its whole key, and all there is to look at in a request.
    pub(crate) is_keyed_by_path: bool,
    pub(crate) status: StatusCode,
    pub(crate) trailers: Option<Box<HeaderMap>>,
    /// The page as it was rendered.
    identity: Representation,
    /// The same in the encodings that were made of it, the one we prefer first; made once, after the first answer.
    encoded: OnceLock<Box<[Representation]>>,
    /// Whether encodings are worth making.
    pub(crate) is_encodable: bool,
    /// Whether caches in front of us may keep it because we said so, not the handler.
    pub(crate) is_offered: bool,
    /// `Cache-Status` members of caches behind us.
    pub(crate) earlier_caches: Option<Box<str>>,
    /// Where the layer sits behind a router, the route that renders it again.
    pub(crate) route: Option<Arc<dyn Renderer>>,
    born: Instant,
    lifetime: Lifetime,
    fresh_until: Option<Instant>,
    as_of: u64,
    /// The last number at which no mark was found on it: a hit compares, and looks at marks only if more was published.
    valid_through: AtomicU64,
    tags: EntryTags,
    size: usize,
}

/// An answer that was read whole and may be stored.
pub(crate) struct NewEntry {
    pub(crate) parts: response::Parts,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<Box<HeaderMap>>,
    /// When its render began.
    pub(crate) born: Instant,
    /// The last number published before its render began.
    pub(crate) as_of: u64,
    pub(crate) lifetime: Lifetime,
    /// What caches in front of us are told, if the handler says nothing.
    pub(crate) offer: Offer,
    /// Whether some clients may see a draft in its place.
    pub(crate) has_drafts: bool,
}

impl Entry {
    pub(crate) fn new(recipe: &Recipe, rendered: NewEntry, tags: EntryTags) -> Self {
        let NewEntry {
            mut parts,
            body,
            trailers,
            born,
            as_of,
            lifetime,
            offer,
            has_drafts,
        } = rendered;
        let (earlier_caches, is_encodable) =
            prepare(parts.status, &mut parts.headers, &body, &recipe.page.vary);
        let is_offered = offer.put(&mut parts.headers);
        let trailers = if is_encodable {
            without_digests(trailers)
        } else {
            trailers
        };
        let size = bytes(
            &recipe.key,
            &body,
            trailers.as_deref(),
            &parts.headers,
            &tags,
            is_encodable,
        );
        Self {
            key: recipe.key.clone(),
            is_keyed_by_path: recipe.page.is_keyed_by_path() && !has_drafts,
            status: parts.status,
            trailers,
            identity: Representation::identity(parts.status, parts.headers, body),
            encoded: OnceLock::new(),
            is_encodable,
            is_offered,
            earlier_caches,
            route: recipe.routed.as_ref().map(|routed| routed.renderer.clone()),
            born,
            lifetime,
            fresh_until: lifetime.fresh_until(born),
            as_of,
            valid_through: AtomicU64::new(as_of),
            tags,
            size,
        }
    }

    /// Whether it may be served without a second thought: a comparison each for time and marks, as long as nothing was
    /// purged since it was looked at last.
    #[inline]
    pub(crate) fn is_fresh(&self, marks: &Marks, now: Instant) -> bool {
        self.fresh_until.is_none_or(|until| now < until) && self.validity(marks) == Validity::Valid
    }

    /// What may be done with the entry now.
    pub(crate) fn freshness(&self, marks: &Marks, now: Instant) -> Freshness {
        freshness(
            self.lifetime,
            self.age(now),
            self.validity(marks),
            is_gone(self.status),
        )
    }

    /// What the marks say. Raises the number up to which the entry is known to be valid.
    #[inline]
    pub(crate) fn validity(&self, marks: &Marks) -> Validity {
        let published = marks.published();
        let valid_through = self.valid_through.load(Ordering::Relaxed);
        if published == valid_through {
            return Validity::Valid;
        }
        let validity = marks.validity(self.key.path(), self.tags.tags(), valid_through);
        if validity == Validity::Valid {
            self.valid_through.fetch_max(published, Ordering::Relaxed);
        }
        validity
    }

    /// The page in one of its encodings; `None` is as it was rendered.
    #[inline]
    pub(crate) fn representation(&self, encoding: Option<u8>) -> &Representation {
        encoding
            .and_then(|at| self.encoded().get(usize::from(at)))
            .unwrap_or(&self.identity)
    }

    /// The encodings there are, the one we prefer first.
    #[inline]
    pub(crate) fn encoded(&self) -> &[Representation] {
        self.encoded.get().map_or(&[], |encoded| encoded)
    }

    /// Makes the encodings. It takes a while: not for an async thread.
    pub(crate) fn encode(&self) {
        let bodies = codec::encoded(&self.identity.body);
        let encoded = bodies
            .into_iter()
            .map(|(coding, body)| self.identity.encoded(coding, body))
            .collect();
        // Made already, should two come here: they are equal.
        let _ = self.encoded.set(encoded);
    }

    /// How much the page is used, in whatever encoding, as far back as its predecessors remember.
    pub(crate) fn uses(&self) -> u64 {
        let encoded = self
            .encoded()
            .iter()
            .map(|one| one.heads.uses())
            .sum::<u64>();
        self.identity.heads.uses() + encoded
    }

    /// Takes over from the page before, whose past counts half.
    pub(crate) fn inherit(&self, before: &Self) {
        self.identity.heads.inherit(before.uses() / 2);
    }

    /// When the entry will be that many seconds old.
    pub(crate) fn at_age(&self, seconds: u64) -> Instant {
        self.born + Duration::from_secs(seconds)
    }

    /// Time since the render began.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.born)
    }

    /// Seconds until the entry goes stale; zero at most when a mark made it stale.
    pub(crate) fn ttl(&self, now: Instant, stale: bool) -> Option<i64> {
        let ttl = self.lifetime.ttl(self.age(now).as_secs());
        if stale {
            Some(ttl.map_or(0, |ttl| ttl.min(0)))
        } else {
            ttl
        }
    }

    /// The number its render knew all purges up to.
    pub(crate) fn as_of(&self) -> u64 {
        self.as_of
    }

    pub(crate) fn tags(&self) -> &EntryTags {
        &self.tags
    }

    /// Whether a purge of that cell reaches it.
    pub(crate) fn has_tag(&self, tag: &Arc<TagMark>) -> bool {
        self.tags.tags().iter().any(|tags| Arc::ptr_eq(tags, tag))
    }

    /// Whether it is an answer to fall back on when rendering fails.
    pub(crate) fn is_good(&self) -> bool {
        !is_gone(self.status)
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

    /// Bytes the entry takes in memory; they never change, since the memory counts them in and out.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

/// Every encoding ends with the same trailers, and a digest is true of one: they may be left out (RFC 9110, 6.5.1).
fn without_digests(trailers: Option<Box<HeaderMap>>) -> Option<Box<HeaderMap>> {
    let mut trailers = trailers?;
    remove_all(&mut trailers, is_digest);
    (!trailers.is_empty()).then_some(trailers)
}

/// Bytes an entry takes in memory, about.
fn bytes(
    key: &Key,
    body: &Bytes,
    trailers: Option<&HeaderMap>,
    headers: &HeaderMap,
    tags: &EntryTags,
    is_encodable: bool,
) -> usize {
    /// What the allocator and the tables add to all its parts, and a tag that nothing else carries; both measured.
    const BOOKKEEPING: usize = 384;
    const PER_OWN_TAG: usize = 128;
    let own_tags = tags
        .tags()
        .iter()
        .filter(|tag| tag.entry_count() == 1)
        .count();
    let tags = tags.tags().len() * 16 + own_tags * PER_OWN_TAG;
    let fixed = size_of::<Entry>() + 2 * size_of::<Key>() + key.size() + tags + BOOKKEEPING;
    // Encodings together are no larger than the body.
    let (encodings, encoded) = if is_encodable {
        (codec::count(), body.len())
    } else {
        (0, 0)
    };
    let representations = body.len() + encoded + encodings * size_of::<Representation>();
    fixed + representations + size::heads(headers, 1 + encodings) + trailers.map_or(0, size::fields)
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
