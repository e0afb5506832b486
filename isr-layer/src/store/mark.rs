//! A mark on its way to a store.

use bytes::Bytes;

/// A purge of one selector, for [`Store::record`](super::Store::record) to make durable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Mark {
    /// The octets of the selector. A page is reached if one of its
    /// [`selectors`](super::Put::selectors) is equal.
    pub selector: Bytes,
    /// True if the purge is strict: a page that it reaches is
    /// [`Validity::Hard`](crate::store::Validity::Hard), even if a later mark is not strict.
    pub is_hard: bool,
}

impl Mark {
    /// A mark after which a page may be served while it is refreshed.
    pub fn soft(selector: impl Into<Bytes>) -> Self {
        Self {
            selector: selector.into(),
            is_hard: false,
        }
    }

    /// A mark after which no request gets the page, unless rendering fails.
    pub fn hard(selector: impl Into<Bytes>) -> Self {
        Self {
            selector: selector.into(),
            is_hard: true,
        }
    }
}
