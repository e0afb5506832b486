//! The sequence that orders purges and render starts, and the marks of purges: why no purge is ever
//! lost.
//!
//! A purge takes the next number, raises the marks of everything it names and only then publishes
//! the number, all under one lock. An entry knows the last number that was published when its
//! render began. It is valid unless one of its own marks is newer, so a purge that comes while a
//! page is being rendered reaches the page that is stored afterwards.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{Mutex, MutexGuard};

use super::mark::{Mark, Strength, Validity};
use super::sequence::{AtomicSequence, Sequence};
use super::sweep::Bounds;
use super::table::Table;
use super::tag_mark::{Place, Subject, TagMark};

/// One selector of a purge.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    All,
    Page(Arc<TagMark>),
    Path(String),
    Prefix(String),
    Tag(String),
}

/// The mark of a selector, held so that no sweep forgets it.
#[derive(Clone, Debug)]
pub(crate) struct HeldMark(Held);

#[derive(Clone, Debug)]
enum Held {
    All,
    Tag(Arc<TagMark>),
    Text(Arc<Mark>),
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
    pub(super) floor: Mark,
    pub(super) bounds: Bounds,
    pub(super) table: Table,
    /// Held by a purge from the choice of its number to its publication.
    purging: Mutex<()>,
}

/// A purge that raises its marks. Dropped, its number is published, and every check from then on
/// sees the marks.
///
/// A mark that is raised and not published can only invalidate a little early: hits look at marks
/// only once a newer number is published.
pub(crate) struct Purging<'a> {
    marks: &'a Marks,
    number: Sequence,
    _lock: MutexGuard<'a, ()>,
}

impl Purging<'_> {
    pub(crate) fn number(&self) -> Sequence {
        self.number
    }

    /// Raises one mark to the number of the purge.
    pub(crate) fn raise(&self, mark: &HeldMark, strength: Strength) {
        let number = self.number;
        match &mark.0 {
            Held::All => self.marks.all.raise(number, strength),
            Held::Tag(tag) => tag.mark.raise(number, strength),
            Held::Text(mark) => {
                mark.raise(number, strength);
                self.marks.newest_text.raise(number, Ordering::Release);
            }
        }
    }
}

impl Drop for Purging<'_> {
    fn drop(&mut self) {
        // Also if the caller left half-way: the marks that were raised need a number that renders
        // can know.
        self.marks.published.store(self.number, Ordering::Release);
    }
}

impl Marks {
    /// Keeps at most about `bound` selectors beside those that living entries carry.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            published: AtomicSequence::default(),
            newest_text: AtomicSequence::default(),
            all: Mark::default(),
            floor: Mark::default(),
            bounds: Bounds::new(bound),
            table: Table::new(),
            purging: Mutex::default(),
        }
    }

    /// Returns the last number whose marks are all in place: a render that begins now knows all
    /// purges up to it.
    #[inline]
    pub(crate) fn published(&self) -> Sequence {
        self.published.load(Ordering::Acquire)
    }

    /// Returns the mark of a target, made if it is new. No sweep forgets it while it is held.
    pub(crate) fn hold(&self, target: &Target) -> HeldMark {
        HeldMark(match target {
            Target::All => Held::All,
            Target::Page(tag) => Held::Tag(tag.clone()),
            Target::Tag(tag) => Held::Tag(self.table.tag(tag)),
            Target::Path(path) => Held::Text(self.table.path(path)),
            Target::Prefix(prefix) => Held::Text(self.table.prefix(prefix)),
        })
    }

    /// Begins a purge, which takes the next number. One purge at a time: others wait.
    pub(crate) async fn begin_purge(&self) -> Purging<'_> {
        let lock = self.purging.lock().await;
        Purging {
            number: self.published.load(Ordering::Relaxed).next(),
            marks: self,
            _lock: lock,
        }
    }

    /// Marks all targets, as one purge.
    #[cfg(test)]
    pub(crate) fn purge(&self, targets: &[(Target, Strength)]) -> Sequence {
        let mut begin = std::pin::pin!(self.begin_purge());
        let purging = loop {
            let waker = std::task::Waker::noop();
            match begin
                .as_mut()
                .poll(&mut std::task::Context::from_waker(waker))
            {
                std::task::Poll::Ready(purging) => break purging,
                std::task::Poll::Pending => std::thread::yield_now(),
            }
        };
        for (target, strength) in targets {
            purging.raise(&self.hold(target), *strength);
        }
        purging.number
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

    /// Returns the newest mark on anything of `subject`.
    pub(crate) fn newest_on(&self, subject: Subject<'_>) -> Sequence {
        if self.published() == Sequence::NO_MARK {
            return Sequence::NO_MARK;
        }
        let of_tags = self.newest(subject.tags).max(self.all.newest());
        match subject.place {
            Place::Path(path) if self.newest_text.load(Ordering::Acquire) != Sequence::NO_MARK => {
                of_tags.max(self.table.newest_at(path))
            }
            _ => of_tags,
        }
    }

    /// Returns the newest mark on any of `tags`, or the floor if that is newer.
    pub(crate) fn newest(&self, tags: &[Arc<TagMark>]) -> Sequence {
        let newest = tags.iter().map(|tag| tag.mark.newest());
        newest.fold(self.floor.newest(), Sequence::max)
    }

    /// Returns the marks of `tags`. Makes those that do not exist yet.
    pub(crate) fn intern(&self, tags: impl IntoIterator<Item = String>) -> Vec<Arc<TagMark>> {
        let intern = |tag: String| self.tag(&tag).unwrap_or_else(|| self.table.tag(&tag));
        tags.into_iter().map(intern).collect()
    }

    /// Returns the mark of a tag that an entry carries or a purge named.
    pub(crate) fn tag(&self, tag: &str) -> Option<Arc<TagMark>> {
        self.table.get_tag(tag)
    }

    /// Returns the number of selectors that have a mark.
    pub(crate) fn len(&self) -> usize {
        self.table.size().marks
    }

    fn text_validity(&self, place: Place<'_>, since: Sequence) -> Validity {
        match place {
            Place::Path(path) => self.table.path_validity(path, since),
            Place::Prefix(prefix) => self.table.prefix_validity(prefix, since),
            Place::Nowhere => Validity::Valid,
        }
    }
}

#[cfg(test)]
mod tests;
