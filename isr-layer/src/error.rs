//! The library's own error: opaque, with a kind. It never reaches the user's service.

use std::error::Error as StdError;
use std::fmt;

/// The reason why a layer, an authenticator or a request to revalidate was refused.
/// [`kind`](Self::kind) tells its [`ErrorKind`].
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kind of thing that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Two pages have equal or conflicting patterns.
    PageConflict,
    /// A page's policy contradicts itself, for example if `expire` is below `revalidate`.
    Policy,
    /// A setting of the layer is not accepted.
    Configuration,
    /// A secret is missing or too short.
    Secret,
    /// A [`Store`](crate::store::Store) cannot be used: it did not join, as the source says.
    Store,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the kind of thing that was refused.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}
