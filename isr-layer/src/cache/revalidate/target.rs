//! The target of a selector: a page, a path, a tag or everything, and the entries it reaches.

use std::sync::Arc;

use crate::entry::Entry;
use crate::invalidation::{Marks, Mode, Strength, Target};
use crate::page::RegisteredPage;
use crate::render::Key;

/// The target of a selector, found among the pages there are.
#[derive(Clone, Debug)]
pub(super) enum SelectorTarget {
    /// One path of a page.
    Path {
        page: Arc<RegisteredPage>,
        path: String,
    },
    /// One path of no page, at which header mode stores or fetches a response.
    HeaderMode(String),
    /// Every entry of a page.
    Page(Arc<RegisteredPage>),
    /// Every entry at or below a path.
    Prefix(String),
    /// Every entry that carries the tag.
    Tag(String),
    /// Every entry.
    All,
}

impl SelectorTarget {
    /// Returns the mark that a purge in that mode raises.
    pub(super) fn mark(&self, mode: Mode) -> (Target, Strength) {
        let target = match self {
            Self::Path { path, .. } | Self::HeaderMode(path) => Target::Path(path.clone()),
            Self::Page(page) => Target::Page(page.mark.clone()),
            Self::Prefix(prefix) => Target::Prefix(prefix.clone()),
            Self::Tag(tag) => Target::Tag(tag.clone()),
            Self::All => Target::All,
        };
        let strength = match mode {
            Mode::Expire => Strength::Hard,
            Mode::Stale | Mode::Regenerate => Strength::Soft,
        };
        (target, strength)
    }

    /// Returns the number of entries it reaches, if that is known without a search.
    pub(super) fn entry_count(&self, marks: &Marks) -> Option<u64> {
        match self {
            Self::Page(page) => Some(page.mark.entry_count()),
            Self::Tag(tag) => Some(marks.tag(tag).map_or(0, |tag| tag.entry_count())),
            _ => None,
        }
    }

    /// Returns the path, if its page can have several entries there for each host that is listed by
    /// its name, or entries of other hosts.
    pub(super) fn path_with_variants(&self) -> Option<&str> {
        match self {
            Self::Path { page, path } if page.is_open() => Some(path),
            _ => None,
        }
    }

    /// True if an entry is reached.
    pub(super) fn reaches(&self, entry: &Entry, marks: &Marks) -> bool {
        match self {
            Self::Tag(tag) => marks.tag(tag).is_some_and(|tag| entry.has_tag(&tag)),
            _ => self.may_reach(&entry.key),
        }
    }

    /// True if an entry with that key may be reached, as far as a key tells.
    pub(super) fn may_reach(&self, key: &Key) -> bool {
        match self {
            Self::Path { page, path } => key.page() == page.id && key.path() == path,
            Self::HeaderMode(_) => false,
            Self::Page(page) => key.page() == page.id,
            Self::Prefix(prefix) => is_below(key.path(), prefix),
            Self::Tag(_) | Self::All => true,
        }
    }
}

/// True if `path` is `prefix` or lies below it. A prefix ends at a segment boundary.
fn is_below(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_segment_boundary() {
        for (path, prefix, below) in [
            ("/posts/a", "/posts", true),
            ("/posts/a", "/posts/", true),
            ("/posts", "/posts", true),
            ("/posts", "/posts/", false),
            ("/postscript", "/posts", false),
            ("/posts", "/", true),
        ] {
            assert_eq!(is_below(path, prefix), below, "{path} below {prefix}");
        }
    }
}
