//! An entry as it outlives the process, without anything that belongs to this one: no clock but the
//! wall's, no number but the store's, no mark but by its text.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{AGE, CACHE_STATUS, HeaderMap, HeaderName, HeaderValue};

use super::birth::Birth;
use super::freshness::Lifetime;
use super::stored::{Entry, Parts};
use crate::clock;
use crate::deliver::Coding;
use crate::invalidation::{EntryTags, Sequence, Validity};
use crate::render::Recipe;
use crate::rules::{Rule, holds};

/// An entry as it outlives the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The store's number up to which the render knew every purge.
    pub(crate) as_of: u64,
    /// The time at which the render began, in milliseconds since the Unix epoch.
    pub(crate) birth: u64,
    pub(crate) born_as: Validity,
    pub(crate) lifetime: Lifetime,
    pub(crate) status: StatusCode,
    pub(crate) is_not_found: bool,
    pub(crate) is_encodable: bool,
    /// The `Age` that the handler sent, in seconds.
    pub(crate) own_age: u64,
    /// The target and the headers of the whole key: a hash never stands for it.
    pub(crate) key: (Bytes, Bytes),
    pub(crate) page: Bytes,
    pub(crate) tags: Vec<Bytes>,
    pub(crate) earlier_caches: Option<Bytes>,
    pub(crate) headers: Vec<Field>,
    pub(crate) trailers: Vec<Field>,
    /// True if the encodings were made, even if none of them was worth keeping.
    pub(crate) is_encoded: bool,
    /// The body in each coding; `None` is identity, which is always there and comes first.
    pub(crate) bodies: Vec<(Option<Coding>, Bytes)>,
}

/// A header field as octets.
pub(crate) type Field = (Bytes, Bytes);

/// A record that was found in a store, with everything that is known of it.
pub(crate) struct Loaded {
    pub(crate) record: Record,
    /// The judgement of the store.
    pub(crate) validity: Validity,
    /// The age by the store's own clock, if it has one.
    pub(crate) age: Option<Duration>,
    /// The last local number that was recorded when the store was asked.
    pub(crate) recorded: Sequence,
    pub(crate) has_drafts: bool,
}

impl Entry {
    /// Returns the record of the entry of `page`, for the store's number `as_of`.
    pub(crate) fn to_record(&self, page: &str, as_of: u64) -> Record {
        let age = self.age(clock::now());
        let (target, headers) = self.key.parts();
        let identity = &self.identity;
        let names = self.tags().as_slice().iter().filter_map(|tag| tag.name());
        let encoded = self.encoded().iter();
        let encoded = encoded.map(|one| (one.coding, one.body.clone()));

        Record {
            as_of,
            birth: clock::wall_millis().saturating_sub(millis(age)),
            born_as: self.born_as,
            lifetime: self.lifetime,
            status: self.status,
            is_not_found: self.is_not_found,
            is_encodable: self.is_encodable,
            own_age: self.own_age,
            key: (copy(target.as_bytes()), copy(headers)),
            page: copy(page.as_bytes()),
            tags: names.map(|name| copy(name.as_bytes())).collect(),
            earlier_caches: self
                .earlier_caches
                .as_deref()
                .map(|one| copy(one.as_bytes())),
            headers: fields(&identity.heads.latest().whole.head.headers),
            trailers: self.trailers.as_deref().map(fields).unwrap_or_default(),
            is_encoded: self.encoded.get().is_some(),
            bodies: std::iter::once((None, identity.body.clone()))
                .chain(encoded)
                .collect(),
        }
    }

    /// Makes an entry of a record again; `None` if it belongs to another
    /// recipe.
    ///
    /// It is valid through the number that was recorded when the store was asked. Judged otherwise
    /// by the store, it counts as rendered before every purge: it is no receipt's `regenerated`,
    /// and any render replaces it.
    pub(crate) fn from_record(recipe: &Recipe, loaded: Loaded, tags: EntryTags) -> Option<Self> {
        let Loaded {
            record,
            validity,
            age,
            recorded,
            has_drafts,
        } = loaded;
        let (target, headers) = recipe.key.parts();
        if record.key.0 != target.as_bytes() || record.key.1 != headers {
            return None;
        }

        let now = clock::wall_millis();
        // A clock that was set back tells no age.
        let is_from_future = age.is_none() && record.birth > now;
        // A millisecond more than it is, perhaps, and never less: both times were rounded.
        let by_wall = Duration::from_millis(now.saturating_sub(record.birth).saturating_add(1));
        let age = age.unwrap_or(by_wall);
        let validity = match holds(Rule::Judged) {
            true => validity,
            false => Validity::Valid,
        };
        let judged = validity.max(record.born_as);
        let born_as = match is_from_future {
            true => judged.max(Validity::Soft),
            false => judged,
        };
        let mut bodies = record.bodies.into_iter();
        let (None, body) = bodies.next()? else {
            return None;
        };

        let parts = Parts {
            status: record.status,
            headers: header_map(record.headers)?,
            body,
            trailers: match record.trailers.is_empty() {
                true => None,
                false => Some(Box::new(header_map(record.trailers)?)),
            },
            is_not_found: record.is_not_found,
            is_encodable: record.is_encodable,
            earlier_caches: record.earlier_caches.and_then(text),
            own_age: record.own_age,
            born: Birth::aged(clock::now(), age),
            born_as,
            as_of: match born_as {
                Validity::Soft | Validity::Hard if holds(Rule::AsOfZero) => Sequence::NO_MARK,
                _ => recorded,
            },
            valid_through: recorded,
            lifetime: record.lifetime,
            has_drafts,
        };
        let entry = Self::of_parts(recipe, parts, tags);
        if record.is_encoded {
            entry.set_encoded(bodies);
        }
        entry.set_stored_as_of(record.as_of);
        Some(entry)
    }

    fn set_encoded(&self, bodies: impl Iterator<Item = (Option<Coding>, Bytes)>) {
        let encoded = bodies
            .filter_map(|(coding, body)| Some(self.identity.encoded(coding?, body)))
            .collect();
        // It is not set yet: the entry is not shared.
        let _ = self.encoded.set(encoded);
    }

    /// Returns the age at which nothing is left of the entry.
    pub(crate) fn expires_at(&self) -> Option<Duration> {
        self.lifetime.expire
    }
}

/// Returns the fields without those that belong to one response.
fn fields(headers: &HeaderMap) -> Vec<Field> {
    let kept = headers
        .iter()
        .filter(|(name, _)| **name != AGE && **name != CACHE_STATUS);
    kept.map(|(name, value)| (copy(name.as_str().as_bytes()), copy(value.as_bytes())))
        .collect()
}

/// Returns the fields as a map; `None` if one of them is no header field.
fn header_map(fields: Vec<Field>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(&name).ok()?;
        // A copy: a small part of the record must not keep all of it.
        headers
            .try_append(name, HeaderValue::from_bytes(&value).ok()?)
            .ok()?;
    }
    Some(headers)
}

fn text(octets: Bytes) -> Option<Box<str>> {
    std::str::from_utf8(&octets).ok().map(Box::from)
}

fn copy(octets: &[u8]) -> Bytes {
    Bytes::copy_from_slice(octets)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::entry::NewEntry;
    use crate::hosts::Hosts;
    use crate::invalidation::Marks;
    use crate::page::{Page, Registry};
    use crate::render::Key;

    fn loaded(validity: Validity, change: impl Fn(&mut Record)) -> Entry {
        let registry = Registry::new([Page::new("/a")], Hosts::default()).expect("one page");
        let page = registry.find("/a").expect("it is there").clone();
        let key = Key::bare(&page, "/a").remove(0);
        let recipe = Recipe::of(page.clone(), key);
        let (parts, ()) = Response::new(()).into_parts();
        let new = NewEntry {
            born_as: Validity::Valid,
            uses_old_values: false,
            parts,
            body: Bytes::from_static(b"a page"),
            trailers: None,
            is_not_found: false,
            born: Birth::now(clock::now()),
            as_of: Sequence::NO_MARK,
            lifetime: Lifetime::default(),
            offer: Default::default(),
            has_drafts: false,
        };
        let entry = Entry::new(&recipe, new, EntryTags::new(vec![page.mark.clone()]));

        let mut record = entry.to_record("/a", 7);
        change(&mut record);
        let loaded = Loaded {
            record,
            validity,
            age: None,
            recorded: Sequence::NO_MARK.next(),
            has_drafts: false,
        };
        let tags = EntryTags::new(vec![page.mark.clone()]);
        Entry::from_record(&recipe, loaded, tags).expect("it is the recipe's")
    }

    /// Rule *asof0*: otherwise a receipt could take it for the page that its purge has rendered.
    #[test]
    fn a_record_that_the_store_judged_stale_counts_as_rendered_before_every_purge() {
        let marks = Marks::new(16);
        for validity in [Validity::Soft, Validity::Hard] {
            let entry = loaded(validity, |_| {});

            assert_eq!(entry.as_of(), Sequence::NO_MARK);
            assert_eq!(entry.validity(&marks), validity);
            assert!(!entry.is_fresh(&marks, clock::now()));
            assert_eq!(
                entry.valid_through(),
                None,
                "no touch may say that it is valid"
            );
        }

        let valid = loaded(Validity::Valid, |_| {});
        assert_eq!(valid.as_of(), Sequence::NO_MARK.next());
        assert!(valid.is_fresh(&marks, clock::now()));
        assert_eq!(valid.stored_as_of(), Some(7));
    }

    /// A request looks at the clock, and then another one's flight loads the page.
    #[test]
    fn a_stale_record_is_fresh_at_no_time_before_it_came_either() {
        let marks = Marks::new(16);
        let before = clock::now();
        std::thread::sleep(Duration::from_millis(2));

        let marked = loaded(Validity::Hard, |_| {});
        let expired = loaded(Validity::Valid, |record| {
            record.birth -= 60_000;
            record.lifetime = Lifetime::ending_after(Duration::from_secs(10));
        });

        for entry in [marked, expired] {
            assert!(!entry.is_fresh(&marks, before), "{entry:?}");
        }
    }

    /// A clock that was set back while the process was down tells no age.
    #[test]
    fn a_record_from_the_future_is_stale() {
        let marks = Marks::new(16);

        let entry = loaded(Validity::Valid, |record| record.birth += 60_000);

        assert_eq!(entry.validity(&marks), Validity::Soft);
        assert!(entry.age(clock::now()) < Duration::from_secs(30));
    }
}
