//! A page as a store gives it back.

use std::time::Duration;

use bytes::Bytes;

use crate::invalidation::Validity;

/// A page that a store found, as [`Store::get`](super::Store::get) returns it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// The octets of the [`Put`](super::Put), as they were.
    pub octets: Bytes,
    /// The judgement of the marks that were recorded.
    pub validity: Validity,
    /// The age of the page by the store's own clock, for a store that many machines share: the
    /// [`age`](super::Put::age) of the put and the time since. With `None`, the time counts at
    /// which the page was rendered, by the clock of the machine.
    pub age: Option<Duration>,
}

impl Found {
    /// A page, and the judgement of the [`Mark`](super::Mark)s on it.
    pub fn new(octets: Bytes, validity: Validity) -> Self {
        Self {
            octets,
            validity,
            age: None,
        }
    }

    /// Sets the [`age`](Self::age).
    pub fn with_age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }
}
