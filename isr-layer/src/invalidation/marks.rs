//! The sequence that orders purges and render starts, and the marks of purges: why no purge is ever
//! lost.
//!
//! A purge takes the next number, raises the marks of everything it names and only then publishes
//! the number, all under one lock. An entry knows the last number that was published when its
//! render began. It is valid unless one of its own marks is newer, so a purge that comes while a
//! page is being rendered reaches the page that is stored afterwards.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::mark::{Mark, Strength, Validity};
use super::sequence::{AtomicSequence, Sequence};
use super::table::Table;
use super::tag_mark::{Place, Subject, TagMark};

/// The number of selectors from which pruning pays.
const MIN_SWEEP: usize = 4096;

/// One selector of a purge.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    All,
    Page(Arc<TagMark>),
    Path(String),
    Prefix(String),
    Tag(String),
}

/// Every mark of one layer.
#[derive(Debug)]
pub(crate) struct Marks {
    /// The last number whose marks are all in place.
    published: AtomicSequence,
    /// The newest number of any path or prefix. Until it grows, their tables need not be read.
    newest_text: AtomicSequence,
    all: Mark,
    /// The newest marks that were pruned. Everything older counts as marked.
    floor: Mark,
    bound: usize,
    table: RwLock<Table>,
}

impl Marks {
    /// Keeps at most about `bound` selectors beside those that living entries carry.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            published: AtomicSequence::default(),
            newest_text: AtomicSequence::default(),
            all: Mark::default(),
            floor: Mark::default(),
            bound,
            table: RwLock::new(Table::new(bound.min(MIN_SWEEP))),
        }
    }

    /// Returns the last number whose marks are all in place: a render that begins now knows all
    /// purges up to it.
    #[inline]
    pub(crate) fn published(&self) -> Sequence {
        self.published.load(Ordering::Acquire)
    }

    /// Marks all targets with one new number and publishes it. After the return every check sees
    /// the marks.
    pub(crate) fn purge(&self, targets: &[(Target, Strength)]) -> Sequence {
        let mut table = self.write();
        let number = self.published.load(Ordering::Relaxed).next();

        for (target, strength) in targets {
            self.raise(&mut table, target, number, *strength);
        }
        self.published.store(number, Ordering::Release);

        // Twice the size at which a call would prune with care: whole floods of purges end here.
        if table.len() > 2 * table.sweep_at {
            self.prune_table(&mut table, number);
        }
        number
    }

    /// Judges `subject`, which was valid at number `since`.
    #[inline]
    pub(crate) fn validity(&self, subject: Subject<'_>, since: Sequence) -> Validity {
        let mut worst = self.all.validity(since);
        for tag in subject.tags {
            worst = worst.max(tag.mark.validity(since));
        }
        if self.newest_text.load(Ordering::Acquire) > since {
            worst = worst.max(self.text_validity(subject.place, since));
        }

        // Last, since a mark leaves the table only after the floor was raised above it.
        worst.max(self.floor.validity(since))
    }

    /// Returns the newest mark on any of `tags`, or the floor if that is newer.
    pub(crate) fn newest(&self, tags: &[Arc<TagMark>]) -> Sequence {
        let newest = tags.iter().map(|tag| tag.mark.newest());
        newest.fold(self.floor.newest(), Sequence::max)
    }

    /// Returns the marks of `tags`. Makes those that do not exist yet.
    pub(crate) fn intern(&self, tags: impl IntoIterator<Item = String>) -> Vec<Arc<TagMark>> {
        let intern = |tag: String| self.tag(&tag).unwrap_or_else(|| self.write().tag(&tag));
        tags.into_iter().map(intern).collect()
    }

    /// Returns the mark of a tag that an entry carries or a purge named.
    pub(crate) fn tag(&self, tag: &str) -> Option<Arc<TagMark>> {
        self.read().get_tag(tag)
    }

    /// True if so many selectors are idle that [`prune`](Self::prune) is worth its work.
    pub(crate) fn wants_pruning(&self) -> bool {
        let table = self.read();
        table.len() > table.sweep_at
    }

    /// Forgets the oldest idle marks, up to number `through`, to which the caller has raised every
    /// living valid entry.
    ///
    /// Everything rendered before a forgotten mark counts as marked from then on, so pruning can
    /// invalidate too much and never too little.
    pub(crate) fn prune(&self, through: Sequence) {
        self.prune_table(&mut self.write(), through);
    }

    /// Returns the number of selectors that have a mark.
    pub(crate) fn len(&self) -> usize {
        self.read().len()
    }

    fn text_validity(&self, place: Place<'_>, since: Sequence) -> Validity {
        match place {
            Place::Path(path) => self.read().path_validity(path, since),
            Place::Prefix(prefix) => self.read().prefix_validity(prefix, since),
        }
    }

    fn raise(&self, table: &mut Table, target: &Target, number: Sequence, strength: Strength) {
        match target {
            Target::All => self.all.raise(number, strength),
            Target::Page(tag) => tag.mark.raise(number, strength),
            Target::Tag(tag) => table.tag(tag).mark.raise(number, strength),
            Target::Path(path) => {
                table.path(path).raise(number, strength);
                self.newest_text.raise(number, Ordering::Release);
            }
            Target::Prefix(prefix) => {
                table.prefix(prefix).raise(number, strength);
                self.newest_text.raise(number, Ordering::Release);
            }
        }
    }

    fn prune_table(&self, table: &mut Table, through: Sequence) {
        table.forget_unmarked();
        if let Some(cut) = table.forget_limit(through, self.bound / 2) {
            let newest_hard = table.forget(cut);
            // Before the lock goes: a check that misses a forgotten mark then finds the floor.
            self.floor.raise_soft(cut);
            self.floor.raise_hard(newest_hard);
        }
        // The texts of evicted entries stay until then, and no entry weighs them any more: few
        // beside those of the living, which are weighed.
        let next = table.len() + table.len() / 16;
        table.sweep_at = self.bound.min(MIN_SWEEP).max(next);
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
