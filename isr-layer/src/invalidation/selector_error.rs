//! The reason why a purge did not reach a selector.

use std::fmt;

use serde::{Serialize, Serializer};

use super::mistake::Mistake;
use crate::outcome::Reason;

/// The reason why a purge did not reach a selector, or reached it and its render failed.
///
/// Its `Display` is the `error` of the JSON: a clause in lower case, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    kind: SelectorErrorKind,
    /// The listed host at which a render failed, if hosts are listed, or the spelling of the path
    /// that was purged along with the one that was sent.
    place: Option<String>,
}

/// The kinds of [`SelectorError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SelectorErrorKind {
    /// The caller made the selector in a way that could reach more than was meant.
    Mistake(Mistake),
    UnknownPattern,
    /// The text says which parameter is wrong.
    WrongParams(String),
    /// The path that the parameters give, and the page that has it if there is one.
    OtherPagesPath(String, Option<&'static str>),
    InvalidPrefix,
    UnknownHost,
    PatternAsPath,
    PathWithQuery,
    InvalidPath,
    NotAPage,
    RenderFailed(Reason),
    NotStored(Reason),
    NotListed,
    /// The number of renders that failed.
    Failures(u64),
}

impl SelectorError {
    /// Returns the error as one of that host.
    pub(crate) fn at(self, host: Option<String>) -> Self {
        Self {
            place: host,
            ..self
        }
    }

    /// Returns the error as one of that path, unless it is one of a host.
    pub(crate) fn or_at(self, path: &str) -> Self {
        let place = self.place.or_else(|| Some(path.to_owned()));
        Self { place, ..self }
    }
}

impl From<SelectorErrorKind> for SelectorError {
    fn from(kind: SelectorErrorKind) -> Self {
        Self { kind, place: None }
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "at `{place}`: ")?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for SelectorErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mistake(mistake) => return mistake.fmt(f),
            Self::WrongParams(error) => error,
            Self::OtherPagesPath(path, owner) => return other_pages_path(f, path, *owner),
            Self::UnknownPattern => "no page is registered with this pattern",
            Self::UnknownHost => "the layer has no such host: see `hosts`",
            Self::InvalidPrefix => {
                "not a valid prefix: it must start with `/`, without empty or dot segments"
            }
            Self::PatternAsPath => {
                "this is the pattern of a page: use `page`, or `instance` with its parameters"
            }
            Self::PathWithQuery => "a path has no query: a purge reaches all variants of a path",
            Self::InvalidPath => {
                "not a valid path: it must start with `/`, without empty or dot segments"
            }
            Self::NotAPage => "no page's pattern matches this path",
            Self::NotListed => "the page's `params` do not list this path",
            Self::RenderFailed(reason) => {
                let reason = reason.as_str();
                return write!(f, "the render failed ({reason}); the last good page stays");
            }
            Self::NotStored(reason) => {
                let reason = reason.as_str();
                return write!(
                    f,
                    "the response may not be stored ({reason}); nothing old is kept"
                );
            }
            Self::Failures(failed) => {
                return write!(f, "{failed} renders failed; the last good pages stay");
            }
        })
    }
}

fn other_pages_path(
    f: &mut fmt::Formatter<'_>,
    path: &str,
    owner: Option<&'static str>,
) -> fmt::Result {
    write!(f, "`params` give the path `{path}`, which ")?;
    match owner {
        Some(page) => write!(f, "belongs to the page `{page}`"),
        None => f.write_str("no page has"),
    }
}

impl std::error::Error for SelectorError {}

impl Serialize for SelectorError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
