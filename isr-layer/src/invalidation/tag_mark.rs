//! The marks that entries hold: one for each tag and each page, shared by all entries that carry
//! it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::mark::Mark;
use super::table::size_of_text;

/// The mark of a tag or of a page, and the number of living entries that carry it.
#[derive(Debug)]
pub(crate) struct TagMark {
    /// The tag; `None` for a page.
    name: Option<Arc<str>>,
    pub(super) mark: Mark,
    entry_count: AtomicU64,
}

/// The marks an entry carries: its page's first, then its tags'. Counts the entry while it lives.
#[derive(Debug)]
pub(crate) struct EntryTags(Box<[Arc<TagMark>]>);

/// Everything of a cached thing that a mark can reach: its place among the paths, its page and its
/// tags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(super) place: Place<'a>,
    pub(super) tags: &'a [Arc<TagMark>],
}

/// The place of a [`Subject`] among the paths.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// At this path: purges of the path and of each of its prefixes reach it.
    Path(&'a str),
    /// All over the paths that begin so: only purges of a prefix reach it.
    Prefix(&'a str),
    /// Nowhere: no purge of a path reaches it.
    Nowhere,
}

impl TagMark {
    /// The mark of a page.
    pub(crate) fn page() -> Arc<Self> {
        Arc::new(Self::named(None))
    }

    /// The mark of a tag.
    pub(super) fn tag(name: Arc<str>) -> Arc<Self> {
        Arc::new(Self::named(Some(name)))
    }

    fn named(name: Option<Arc<str>>) -> Self {
        Self {
            name,
            mark: Mark::default(),
            entry_count: AtomicU64::new(0),
        }
    }

    /// Returns the tag; `None` for a page.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The number of living entries that carry the mark.
    pub(crate) fn entry_count(&self) -> u64 {
        self.entry_count.load(Ordering::Relaxed)
    }

    /// True if an entry, a render in progress or a remembered failure carries the mark, beside the
    /// table and the caller.
    pub(crate) fn is_held(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 2
    }

    /// Returns the bytes that the tag takes in memory.
    pub(crate) fn size(&self) -> usize {
        size_of_text(self.name.as_deref().unwrap_or_default())
    }
}

impl TagMark {
    /// Returns the bytes of the tag's text.
    pub(crate) fn text_size(&self) -> usize {
        self.name.as_ref().map_or(0, |name| name.len())
    }
}

impl EntryTags {
    pub(crate) fn new(tags: Vec<Arc<TagMark>>) -> Self {
        for tag in &tags {
            tag.entry_count.fetch_add(1, Ordering::Relaxed);
        }
        Self(tags.into())
    }

    pub(crate) fn as_slice(&self) -> &[Arc<TagMark>] {
        &self.0
    }
}

impl Drop for EntryTags {
    fn drop(&mut self) {
        for tag in &self.0 {
            tag.entry_count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<'a> Subject<'a> {
    /// Something at one path.
    pub(crate) fn at(path: &'a str, tags: &'a [Arc<TagMark>]) -> Self {
        let place = Place::Path(path);
        Self { place, tags }
    }

    /// Something that has no path.
    pub(crate) fn nowhere(tags: &'a [Arc<TagMark>]) -> Self {
        let place = Place::Nowhere;
        Self { place, tags }
    }

    /// A list of many paths that all begin with `prefix`.
    pub(crate) fn list(prefix: &'a str, tags: &'a [Arc<TagMark>]) -> Self {
        let place = Place::Prefix(prefix);
        Self { place, tags }
    }
}
