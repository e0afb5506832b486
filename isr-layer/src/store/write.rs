//! The writes that a store gets.

use std::time::Duration;

use bytes::Bytes;

/// One change of the pages in a store, in the list that [`Store::write`](super::Store::write) gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Write {
    /// Keeps a page.
    Put(Put),
    /// Forgets a page.
    Remove(Remove),
    /// Notes that a page is in use.
    Touch(Touch),
}

/// Keeps a page under its key, in place of the one there. A page there that has a higher
/// [`as_of`](Self::as_of) stays.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Put {
    /// The key: 32 octets, the same for the same page of the same build.
    pub key: Bytes,
    /// The number up to which the render knew every purge.
    pub as_of: u64,
    /// Everything that a purge can name to reach the page: opaque octets, compared with those of a
    /// [`Mark`](super::Mark).
    pub selectors: Vec<Bytes>,
    /// The age of the page now: the time since its render began.
    pub age: Duration,
    /// The age from which on the page is of no use; `None` if a purge alone can end it.
    pub expires_at: Option<Duration>,
    /// The page.
    pub octets: Bytes,
}

/// Forgets the page under a key. A page there that has a higher [`as_of`](Put::as_of) stays.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Remove {
    /// The key.
    pub key: Bytes,
    /// The number up to which the page is known to be of no use.
    pub as_of: u64,
}

/// Notes that memory holds a page. About once a minute each page in memory is touched, so that a
/// store can forget first the pages that were not used for longest.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Touch {
    /// The key.
    pub key: Bytes,
    /// The [`as_of`](Put::as_of) of the page that is meant. With another page there, the touch
    /// means nothing.
    pub as_of: u64,
    /// The number up to which memory knows that no [`Mark`](super::Mark) is on the page; not above
    /// [`as_of`](Self::as_of) if it does not know. The page counts from here on as if this were its
    /// `as_of`, so that a store can forget old marks and lose no old page.
    pub through: u64,
}

impl Put {
    /// Keeps a page that was rendered just now and has no end.
    pub fn new(
        key: impl Into<Bytes>,
        as_of: u64,
        selectors: Vec<Bytes>,
        octets: impl Into<Bytes>,
    ) -> Self {
        Self {
            key: key.into(),
            as_of,
            selectors,
            age: Duration::ZERO,
            expires_at: None,
            octets: octets.into(),
        }
    }

    /// Sets the [`age`](Self::age).
    pub fn with_age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Sets the age at which the page [expires](Self::expires_at).
    pub fn with_expiry(mut self, expires_at: Option<Duration>) -> Self {
        self.expires_at = expires_at;
        self
    }
}

impl Remove {
    /// Forgets the page under `key` up to this number.
    pub fn new(key: impl Into<Bytes>, as_of: u64) -> Self {
        Self {
            key: key.into(),
            as_of,
        }
    }
}

impl Touch {
    /// Notes a use of the page with that `as_of`, which is valid through a number.
    pub fn new(key: impl Into<Bytes>, as_of: u64, through: u64) -> Self {
        Self {
            key: key.into(),
            as_of,
            through,
        }
    }
}

impl From<Put> for Write {
    fn from(put: Put) -> Self {
        Self::Put(put)
    }
}

impl From<Remove> for Write {
    fn from(remove: Remove) -> Self {
        Self::Remove(remove)
    }
}

impl From<Touch> for Write {
    fn from(touch: Touch) -> Self {
        Self::Touch(touch)
    }
}
