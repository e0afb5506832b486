//! The marks of tags, paths and prefixes, by their texts.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::ages::Ages;
use super::mark::{Mark, Validity};
use super::sequence::Sequence;
use super::tag_mark::TagMark;

/// The number of parts. Work on one of them is short, however many marks there are.
const PARTS: usize = 256;

/// Bytes of a mark beside its text; measured.
pub(super) const MARK_BYTES: usize = 128;

/// The marks of tags, paths and prefixes, in many parts with a lock each: nothing holds a lock that
/// a hit may need for longer than one part takes.
///
/// Clients choose some of the texts, as parameters in tags. The maps' hashes have random seeds, so
/// that a client cannot make texts collide.
#[derive(Debug)]
pub(super) struct Table {
    parts: Box<[RwLock<Part>]>,
    hasher: RandomState,
    len: AtomicUsize,
    bytes: AtomicUsize,
    prefixes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Part {
    tags: HashMap<Arc<str>, Arc<TagMark>>,
    paths: HashMap<Box<str>, Arc<Mark>>,
    prefixes: HashMap<Box<str>, Arc<Mark>>,
}

/// The number of marks and the bytes they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) marks: usize,
    pub(super) bytes: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            parts: (0..PARTS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            len: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            prefixes: AtomicUsize::new(0),
        }
    }

    pub(super) fn size(&self) -> Size {
        Size {
            marks: self.len.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn get_tag(&self, tag: &str) -> Option<Arc<TagMark>> {
        self.read(tag).tags.get(tag).cloned()
    }

    /// Returns the mark of a tag, made if it is new.
    pub(super) fn tag(&self, tag: &str) -> Arc<TagMark> {
        let mut part = self.write(tag);
        if let Some(mark) = part.tags.get(tag) {
            return mark.clone();
        }
        let name = Arc::<str>::from(tag);
        let mark = TagMark::tag(name.clone());
        part.tags.insert(name, mark.clone());
        self.count(tag);
        mark
    }

    /// Returns the mark of a path, made if it is new.
    pub(super) fn path(&self, path: &str) -> Arc<Mark> {
        let mut part = self.write(path);
        if let Some(mark) = part.paths.get(path) {
            return mark.clone();
        }
        self.count(path);
        part.paths.entry(path.into()).or_default().clone()
    }

    /// Returns the mark of a prefix, made if it is new.
    pub(super) fn prefix(&self, prefix: &str) -> Arc<Mark> {
        let mut part = self.write(prefix);
        if let Some(mark) = part.prefixes.get(prefix) {
            return mark.clone();
        }
        self.count(prefix);
        self.prefixes.fetch_add(1, Ordering::Relaxed);
        part.prefixes.entry(prefix.into()).or_default().clone()
    }

    /// Returns the strictest judgement of the marks on `path` and on each prefix of it that ends at
    /// a segment boundary.
    pub(super) fn path_validity(&self, path: &str, since: Sequence) -> Validity {
        let of_path = self
            .read(path)
            .paths
            .get(path)
            .map(|mark| mark.validity(since));
        let of_prefixes = self.prefix_validity(path, since);
        of_path.map_or(of_prefixes, |of_path| of_path.max(of_prefixes))
    }

    pub(super) fn prefix_validity(&self, path: &str, since: Sequence) -> Validity {
        // The mark of a prefix is counted before it is raised.
        if self.prefixes.load(Ordering::Relaxed) == 0 {
            return Validity::Valid;
        }
        let validity = |prefix: &str| {
            let part = self.read(prefix);
            let mark = part.prefixes.get(prefix);
            mark.map_or(Validity::Valid, |mark| mark.validity(since))
        };

        // `/a/b` lies below `/a/b`, `/a/`, `/a` and `/`.
        let slashes = path.match_indices('/').map(|(at, _)| at);
        slashes.fold(validity(path), |worst, at| {
            worst.max(validity(&path[..at])).max(validity(&path[..=at]))
        })
    }

    /// Returns the newest number of the marks on `path` and on each prefix of it.
    pub(super) fn newest_at(&self, path: &str) -> Sequence {
        let part = self.read(path);
        let of_path = part
            .paths
            .get(path)
            .map_or(Sequence::NO_MARK, |mark| mark.newest());
        drop(part);

        let of_prefix = |prefix: &str| {
            let part = self.read(prefix);
            let mark = part.prefixes.get(prefix);
            mark.map_or(Sequence::NO_MARK, |mark| mark.newest())
        };
        let slashes = path.match_indices('/').map(|(at, _)| at);
        let ends = slashes.flat_map(|at| [&path[..at], &path[..=at]]);
        let of_prefixes = ends.chain([path]).map(of_prefix);
        of_prefixes.fold(of_path, Sequence::max)
    }

    /// Counts the idle marks of one part by their numbers up to `through`. Forgets those that no
    /// purge named: they came with a key that is gone. Returns the size of the marks that are not
    /// idle, or `None` if there is no such part.
    pub(super) fn look_at(&self, part: usize, through: Sequence, ages: &mut Ages) -> Option<Size> {
        let part = self.parts.get(part)?;
        let living = self.retain(part, |text, mark| {
            let number = mark.newest();
            if number == Sequence::NO_MARK {
                return false;
            }
            if number <= through {
                ages.add(number, size_of_text(text));
            }
            true
        });
        Some(living)
    }

    /// Forgets the idle marks of one part up to number `cut`. Calls `forgotten` with the newest
    /// hard number among them before the part is unlocked. Returns `false` if there is no such
    /// part.
    pub(super) fn forget(
        &self,
        part: usize,
        cut: Sequence,
        mut forgotten: impl FnMut(Sequence),
    ) -> bool {
        let Some(part) = self.parts.get(part) else {
            return false;
        };
        self.retain(part, |_, mark| {
            let stays = mark.newest() > cut;
            if !stays {
                forgotten(mark.newest_hard());
            }
            stays
        });
        true
    }

    /// Keeps those idle marks of a part that `stays` says, and all others. Returns the size of the
    /// others.
    fn retain(&self, part: &RwLock<Part>, mut stays: impl FnMut(&str, &Mark) -> bool) -> Size {
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        let Part {
            tags,
            paths,
            prefixes,
        } = &mut *part;
        let (mut gone, mut living) = (Size::default(), Size::default());
        let mut keep = |text: &str, mark: &Mark, is_idle: bool| {
            let is_kept = !is_idle || stays(text, mark);
            if !is_idle {
                living.add(text);
            } else if !is_kept {
                gone.add(text);
            }
            is_kept
        };

        // Judged once: an entry that carries the tag may be dropped at any moment.
        tags.retain(|text, tag| keep(text, &tag.mark, Arc::strong_count(tag) == 1));
        paths.retain(|text, mark| keep(text, mark, Arc::strong_count(mark) == 1));
        let before = prefixes.len();
        prefixes.retain(|text, mark| keep(text, mark, Arc::strong_count(mark) == 1));
        let prefixes_gone = before - prefixes.len();

        if gone.marks > 0 {
            tags.shrink_to_fit();
            paths.shrink_to_fit();
            prefixes.shrink_to_fit();
        }
        self.prefixes.fetch_sub(prefixes_gone, Ordering::Relaxed);
        self.len.fetch_sub(gone.marks, Ordering::Relaxed);
        self.bytes.fetch_sub(gone.bytes, Ordering::Relaxed);
        living
    }

    fn count(&self, text: &str) {
        self.len.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size_of_text(text), Ordering::Relaxed);
    }

    fn read(&self, text: &str) -> RwLockReadGuard<'_, Part> {
        let part = &self.parts[self.part_of(text)];
        part.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, text: &str) -> RwLockWriteGuard<'_, Part> {
        let part = &self.parts[self.part_of(text)];
        part.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn part_of(&self, text: &str) -> usize {
        // The remainder is less than the number of parts, so it fits.
        (self.hasher.hash_one(text) % PARTS as u64) as usize
    }
}

impl Size {
    fn add(&mut self, text: &str) {
        self.marks += 1;
        self.bytes += size_of_text(text);
    }
}

impl std::ops::AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.marks += other.marks;
        self.bytes += other.bytes;
    }
}

/// Returns the bytes that the mark of a text takes.
pub(super) fn size_of_text(text: &str) -> usize {
    MARK_BYTES + text.len()
}
