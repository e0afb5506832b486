//! The marks of tags, paths and prefixes, by their texts.

use std::collections::HashMap;
use std::sync::Arc;

use super::mark::{Mark, Validity};
use super::sequence::Sequence;
use super::tag_mark::TagMark;

/// The marks of tags, paths and prefixes.
///
/// Clients choose some of the texts, as parameters in tags. The maps' hashes have random seeds, so
/// that a client cannot make texts collide.
#[derive(Debug, Default)]
pub(super) struct Table {
    tags: HashMap<Arc<str>, Arc<TagMark>>,
    paths: HashMap<Box<str>, Mark>,
    prefixes: HashMap<Box<str>, Mark>,
    /// The number of selectors from which the next pruning pays.
    pub(super) sweep_at: usize,
}

impl Table {
    pub(super) fn new(sweep_at: usize) -> Self {
        Self {
            sweep_at,
            ..Self::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.tags.len() + self.paths.len() + self.prefixes.len()
    }

    pub(super) fn get_tag(&self, tag: &str) -> Option<Arc<TagMark>> {
        self.tags.get(tag).cloned()
    }

    /// Returns the mark of a tag, made if it is new.
    pub(super) fn tag(&mut self, tag: &str) -> Arc<TagMark> {
        self.get_tag(tag).unwrap_or_else(|| {
            let name = Arc::<str>::from(tag);
            let mark = TagMark::tag(name.clone());
            self.tags.insert(name, mark.clone());
            mark
        })
    }

    /// Returns the mark of a path, made if it is new.
    pub(super) fn path(&mut self, path: &str) -> &Mark {
        self.paths.entry(path.into()).or_default()
    }

    /// Returns the mark of a prefix, made if it is new.
    pub(super) fn prefix(&mut self, prefix: &str) -> &Mark {
        self.prefixes.entry(prefix.into()).or_default()
    }

    /// Returns the strictest judgement of the marks on `path` and on each prefix of it that ends at
    /// a segment boundary.
    pub(super) fn path_validity(&self, path: &str, since: Sequence) -> Validity {
        let of_path = self.paths.get(path).map(|mark| mark.validity(since));
        let of_prefixes = self.prefix_validity(path, since);
        of_path.map_or(of_prefixes, |of_path| of_path.max(of_prefixes))
    }

    pub(super) fn prefix_validity(&self, path: &str, since: Sequence) -> Validity {
        if self.prefixes.is_empty() {
            return Validity::Valid;
        }
        let validity = |prefix: &str| {
            let mark = self.prefixes.get(prefix);
            mark.map_or(Validity::Valid, |mark| mark.validity(since))
        };

        // `/a/b` lies below `/a/b`, `/a/`, `/a` and `/`.
        let slashes = path.match_indices('/').map(|(at, _)| at);
        slashes.fold(validity(path), |worst, at| {
            worst.max(validity(&path[..at])).max(validity(&path[..=at]))
        })
    }

    /// Forgets the tags that no entry carries and no purge named: they came with a key that is
    /// gone.
    pub(super) fn forget_unmarked(&mut self) {
        let is_of_use = |tag: &Arc<TagMark>| tag.mark.newest() > Sequence::NO_MARK;
        self.tags.retain(|_, tag| !is_idle(tag) || is_of_use(tag));
    }

    /// Returns the number up to which idle marks have to be forgotten for at most `keep` of those
    /// that are not newer than `through` to remain.
    pub(super) fn forget_limit(&self, through: Sequence, keep: usize) -> Option<Sequence> {
        let numbers = self.idle().map(Mark::newest);
        let mut numbers = numbers
            .filter(|number| *number <= through)
            .collect::<Vec<_>>();
        let at = numbers.len().checked_sub(keep + 1)?;
        let (_, cut, _) = numbers.select_nth_unstable(at);
        Some(*cut)
    }

    /// Forgets the idle marks up to number `cut`, and returns the newest hard number among them.
    pub(super) fn forget(&mut self, cut: Sequence) -> Sequence {
        let mut newest_hard = Sequence::NO_MARK;
        let mut stays = |mark: &Mark| {
            let stays = mark.newest() > cut;
            if !stays {
                newest_hard = newest_hard.max(mark.newest_hard());
            }
            stays
        };
        // Judged once: an entry that carries the tag may be dropped at any moment.
        self.tags.retain(|_, tag| !is_idle(tag) || stays(&tag.mark));
        self.paths.retain(|_, mark| stays(mark));
        self.prefixes.retain(|_, mark| stays(mark));

        self.tags.shrink_to_fit();
        self.paths.shrink_to_fit();
        self.prefixes.shrink_to_fit();
        newest_hard
    }

    /// The marks that the table alone holds.
    fn idle(&self) -> impl Iterator<Item = &Mark> {
        let tags = self.tags.values().filter(|tag| is_idle(tag));
        let texts = self.paths.values().chain(self.prefixes.values());
        tags.map(|tag| &tag.mark).chain(texts)
    }
}

/// True if only the table holds the mark: no entry carries it and no render in progress either. New
/// holders come through the table, which is locked meanwhile.
fn is_idle(tag: &Arc<TagMark>) -> bool {
    Arc::strong_count(tag) == 1
}
