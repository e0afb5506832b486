//! Errors of stores.

use std::error::Error;
use std::fmt;

/// An error of a [`Store`](super::Store): its kind, a message, and the error below.
///
/// ```
/// use isr_layer::store::{StoreError, StoreErrorKind};
///
/// let error = StoreError::new(StoreErrorKind::Full, "no room is left for `var/isr/pages.redb`");
/// assert_eq!(error.kind(), StoreErrorKind::Full);
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another process, or another layer of this one, has the store open.
    InUse,
    /// Its place may not be read or written, or is no place for a store.
    Denied,
    /// No room is left.
    Full,
    /// Anything else.
    Other,
}

impl StoreError {
    /// An error of that [`kind`](Self::kind) with a message, such as ``another process uses
    /// `var/isr/pages.redb` ``.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// An error of the kind [`Other`](StoreErrorKind::Other), with that of another library as its
    /// [`source`](Error::source).
    pub fn other(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::new(StoreErrorKind::Other, message).with_source(source)
    }

    /// Sets the [`source`](Error::source).
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
