//! The targets that one call renders, to be found by the parts of a key.
//!
//! A walk through memory asks which targets reach an entry, and not which entries a target reaches:
//! so its work does not grow with the number of selectors.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::target::SelectorTarget;
use crate::invalidation::{Marks, TagMark};
use crate::render::Key;

/// The position of a target among those of its call.
pub(super) type TargetId = u32;

/// The targets of one call that need a search, each once, however many selectors name it.
#[derive(Debug, Default)]
pub(super) struct Targets {
    count: TargetId,
    all: Option<TargetId>,
    pages: HashMap<u32, TargetId>,
    prefixes: HashMap<String, TargetId>,
    /// By the address of the mark, which stays alive in `tags`.
    by_address: HashMap<usize, TargetId>,
    /// The tags in the order of their targets.
    tags: Vec<(Arc<TagMark>, TargetId)>,
    /// Paths that may have several entries.
    paths: HashSet<String>,
    /// True if an entry in memory may be reached.
    is_stored: bool,
}

impl Targets {
    /// Adds a target of many pages. Returns its position.
    pub(super) fn add(&mut self, target: &SelectorTarget, marks: &Marks) -> TargetId {
        let next = self.count;
        let id = match target {
            SelectorTarget::Tag(tag) => match marks.tag(tag) {
                Some(mark) => self.tag(mark),
                // A purge makes the marks of its tags before its renders are searched for.
                None => next,
            },
            SelectorTarget::Page(page) => {
                self.is_stored |= page.mark.entry_count() > 0;
                *self.pages.entry(page.id).or_insert(next)
            }
            SelectorTarget::Prefix(prefix) => {
                self.is_stored = true;
                *self.prefixes.entry(prefix.clone()).or_insert(next)
            }
            SelectorTarget::All => {
                self.is_stored = true;
                *self.all.get_or_insert(next)
            }
            // A single path is no target of many pages: it reaches nothing here.
            SelectorTarget::Path { .. } | SelectorTarget::HeaderMode(_) => next,
        };

        self.count = self.count.max(id + 1);
        id
    }

    fn tag(&mut self, mark: Arc<TagMark>) -> TargetId {
        self.is_stored |= mark.entry_count() > 0;
        let next = self.count;
        *self.by_address.entry(address(&mark)).or_insert_with(|| {
            self.tags.push((mark, next));
            next
        })
    }

    /// Adds a path that may have several entries: the search collects them.
    pub(super) fn add_path(&mut self, path: &str) {
        self.is_stored = true;
        self.paths.insert(path.to_owned());
    }

    /// Returns the number of targets of many pages.
    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    /// True if there is nothing to search for.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.paths.is_empty()
    }

    /// True if an entry in memory may be reached. A tag and a page count their entries.
    pub(super) fn may_be_stored(&self) -> bool {
        self.is_stored
    }

    /// True if the entries at that path are collected.
    pub(super) fn has_path(&self, path: &str) -> bool {
        !self.paths.is_empty() && self.paths.contains(path)
    }

    /// True if there is a tag among the targets.
    pub(super) fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    /// Returns the targets of tags: each render in progress may yet add one of these.
    pub(super) fn tag_ids(&self) -> impl Iterator<Item = TargetId> {
        self.tags.iter().map(|(_, id)| *id)
    }

    /// Puts into `reached` the targets that reach a page with this key and these tags.
    pub(super) fn reach(&self, key: &Key, tags: &[Arc<TagMark>], reached: &mut Vec<TargetId>) {
        reached.clear();
        reached.extend(self.all);
        if !self.pages.is_empty() {
            reached.extend(self.pages.get(&key.page()));
        }
        if !self.prefixes.is_empty() {
            self.reach_by_prefix(key.path(), reached);
        }
        if !self.by_address.is_empty() {
            let by_tag = |tag| self.by_address.get(&address(tag));
            reached.extend(tags.iter().filter_map(by_tag));
        }
    }

    /// A prefix ends at a segment boundary: `/a/b` lies below `/a/b`, `/a/`, `/a` and `/`.
    fn reach_by_prefix(&self, path: &str, reached: &mut Vec<TargetId>) {
        reached.extend(self.prefixes.get(path));
        for (at, _) in path.match_indices('/') {
            for prefix in [&path[..at], &path[..=at]] {
                // A path that ends with a slash was looked up above.
                if prefix.len() < path.len() {
                    reached.extend(self.prefixes.get(prefix));
                }
            }
        }
    }
}

fn address(tag: &Arc<TagMark>) -> usize {
    Arc::as_ptr(tag).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IsrLayer;
    use crate::page::Page;

    fn key(path: &str) -> Key {
        let layer = IsrLayer::builder().pages([Page::new("/{*rest}"), Page::new("/")]);
        let core = layer.build().unwrap().core;
        let page = core.registry.find(path).unwrap();
        Key::bare(page, path).remove(0)
    }

    #[test]
    fn a_prefix_ends_at_a_segment_boundary() {
        for (path, prefix, below) in [
            ("/posts/a", "/posts", true),
            ("/posts/a", "/posts/", true),
            ("/posts", "/posts", true),
            ("/posts", "/posts/", false),
            ("/posts/", "/posts/", true),
            ("/posts/", "/posts", true),
            ("/postscript", "/posts", false),
            ("/posts", "/", true),
            ("/", "/", true),
        ] {
            let mut targets = Targets::default();
            let prefix = SelectorTarget::Prefix(prefix.to_owned());
            let id = targets.add(&prefix, &Marks::new(10));
            let mut reached = Vec::new();

            targets.reach(&key(path), &[], &mut reached);

            let expected = if below { vec![id] } else { Vec::new() };
            assert_eq!(reached, expected, "{path} below {prefix:?}");
        }
    }

    #[test]
    fn each_target_is_one_however_often_it_is_named() {
        let marks = Marks::new(10);
        let tags = marks.intern(["a".to_owned(), "b".to_owned()]);
        let mut targets = Targets::default();
        let mut add = |target| targets.add(&target, &marks);
        let tag = |tag: &str| SelectorTarget::Tag(tag.to_owned());

        let ids = [
            add(tag("a")),
            add(SelectorTarget::All),
            add(tag("a")),
            add(tag("b")),
            add(SelectorTarget::All),
        ];

        assert_eq!(ids, [0, 1, 0, 2, 1]);
        assert_eq!(targets.count(), 3);
        let mut reached = Vec::new();
        targets.reach(&key("/x"), &tags[1..], &mut reached);
        assert_eq!(reached, [1, 2]);
    }

    #[test]
    fn only_a_target_that_entries_may_carry_needs_a_look_into_memory() {
        let marks = Marks::new(10);
        marks.intern(["nobody".to_owned()]);
        let mut targets = Targets::default();
        targets.add(&SelectorTarget::Tag("nobody".to_owned()), &marks);
        assert!(!targets.may_be_stored());

        targets.add(&SelectorTarget::Prefix("/".to_owned()), &marks);
        assert!(targets.may_be_stored());
    }
}
