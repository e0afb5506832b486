//! The target of a selector: a page, a path, a tag or everything.

use std::sync::Arc;

use crate::invalidation::{Marks, Mode, Strength, Target};
use crate::page::RegisteredPage;
use crate::store::{self, selectors};

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
        (target, strength(mode))
    }

    /// Returns the same mark for a store.
    pub(super) fn stored_mark(&self, mode: Mode) -> store::Mark {
        let selector = match self {
            Self::Path { path, .. } | Self::HeaderMode(path) => selectors::path(path),
            Self::Page(page) => selectors::page(page.page.path()),
            Self::Prefix(prefix) => selectors::prefix(prefix),
            Self::Tag(tag) => selectors::tag(tag),
            Self::All => selectors::all(),
        };
        match strength(mode) {
            Strength::Hard => store::Mark::hard(selector),
            Strength::Soft => store::Mark::soft(selector),
        }
    }

    /// Returns the number of entries it reaches, if that is known without a search.
    pub(super) fn entry_count(&self, marks: &Marks) -> Option<u64> {
        match self {
            Self::Page(page) => Some(page.mark.entry_count()),
            Self::Tag(tag) => Some(marks.tag(tag).map_or(0, |tag| tag.entry_count())),
            _ => None,
        }
    }
}

fn strength(mode: Mode) -> Strength {
    match mode {
        Mode::Expire => Strength::Hard,
        Mode::Stale | Mode::Regenerate => Strength::Soft,
    }
}
