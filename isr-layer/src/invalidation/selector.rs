//! The parts of the cache that a purge can name.

use std::fmt;

use crate::page::ParamSet;

/// A part of the cache that a purge can name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// One path with all its variants, raw or percent-encoded. Where a path is a page's with and
    /// without a slash at its end, both are purged under one receipt.
    Path(String),
    /// Every cached instance of a page, or one of them if its parameters are given.
    #[non_exhaustive]
    Page {
        /// The page's pattern; `[slug]` and `:slug` mean `{slug}`.
        pattern: String,
        /// The decoded parameters. An empty set means every instance; otherwise every parameter is
        /// named.
        params: ParamSet,
    },
    /// Every path that is the prefix or lies below it; a prefix ends at a segment boundary.
    Prefix(String),
    /// Everything that carries the tag.
    Tag(String),
    /// All [values](crate::data) of a name, or one of them, with every page that was made of it.
    #[non_exhaustive]
    Data {
        /// The name.
        name: String,
        /// The arguments of one value, as a JSON array in one spelling; `None` is all values.
        args: Option<String>,
    },
    /// Everything.
    All,
    /// One path with all its variants at one of the layer's hosts, or everything there.
    #[non_exhaustive]
    AtHost {
        /// The host, as a client names it.
        host: String,
        /// The path; `None` is everything.
        path: Option<String>,
    },
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "path `{path}`"),
            Self::Page { pattern, params } => {
                write!(f, "page `{pattern}`")?;
                for (name, value) in params.pairs() {
                    write!(f, ", `{name}` = `{value}`")?;
                }
                Ok(())
            }
            Self::Prefix(prefix) => write!(f, "prefix `{prefix}`"),
            Self::Tag(tag) => write!(f, "tag `{tag}`"),
            Self::Data { name, args: None } => write!(f, "data `{name}`"),
            Self::Data {
                name,
                args: Some(args),
            } => write!(f, "data `{name}`, args `{args}`"),
            Self::All => f.write_str("purge of all"),
            Self::AtHost { host, path } => {
                match path {
                    Some(path) => write!(f, "path `{path}`")?,
                    None => f.write_str("purge of all")?,
                }

                write!(f, " at `{host}`")
            }
        }
    }
}
