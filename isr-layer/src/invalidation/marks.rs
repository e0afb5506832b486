//! The sequence that orders purges and render starts, and the marks purges leave: why no purge is ever lost.
//!
//! A purge takes the next number, raises the marks of everything it names and only then publishes the number, all under
//! one lock. An entry knows the last number that was published when its render began. It is valid unless one of its own
//! marks is newer, so a purge that comes while a page is being rendered reaches the page that is stored afterwards.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// After so many selectors it is worth a look whether some can be let go.
const WORTH_A_LOOK: usize = 4096;

/// The newest purges of one selector. Marks only grow, so an `Expire` followed by a `Stale` is still an `Expire`.
#[derive(Debug, Default)]
struct Mark {
    soft: AtomicU64,
    hard: AtomicU64,
}

/// What the marks say about something rendered at a given number; the strictest of several is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Validity {
    /// No mark is newer.
    Valid,
    /// A newer mark asks for a refresh; what there is may be served meanwhile.
    Soft,
    /// A newer mark asks that nobody gets what there is, unless rendering fails.
    Hard,
}

/// How strictly a purge invalidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    Soft,
    Hard,
}

/// A tag or a page: its mark, and how many living entries carry it.
#[derive(Debug, Default)]
pub(crate) struct TagMark {
    mark: Mark,
    entry_count: AtomicU64,
}

/// What an entry is carried by: its page first, then its tags. Counts itself while it lives.
#[derive(Debug)]
pub(crate) struct EntryTags(Box<[Arc<TagMark>]>);

/// What one purge reaches.
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
    published: AtomicU64,
    /// The newest number any path or prefix got: without a newer one their tables need no look.
    newest_text: AtomicU64,
    all: Mark,
    /// The newest marks that were pruned. Whatever is older than that counts as marked.
    floor: Mark,
    bound: usize,
    table: RwLock<Table>,
}

/// Strangers choose some of the texts, as parameters in tags; the maps' hashes have seeds of their own, so they cannot make
/// them collide.
#[derive(Debug, Default)]
struct Table {
    tags: HashMap<Arc<str>, Arc<TagMark>>,
    paths: HashMap<Box<str>, Mark>,
    prefixes: HashMap<Box<str>, Mark>,
    /// How large the table may grow before it is worth pruning again.
    sweep_at: usize,
}

impl Mark {
    fn raise(&self, number: u64, strength: Strength) {
        self.soft.fetch_max(number, Ordering::Release);
        if strength == Strength::Hard {
            self.hard.fetch_max(number, Ordering::Release);
        }
    }

    fn validity(&self, since: u64) -> Validity {
        if self.soft.load(Ordering::Acquire) <= since {
            Validity::Valid
        } else if self.hard.load(Ordering::Acquire) <= since {
            Validity::Soft
        } else {
            Validity::Hard
        }
    }

    fn newest(&self) -> u64 {
        self.soft.load(Ordering::Acquire)
    }
}

impl TagMark {
    /// How many living entries carry it.
    pub(crate) fn entry_count(&self) -> u64 {
        self.entry_count.load(Ordering::Relaxed)
    }
}

impl EntryTags {
    pub(crate) fn new(tags: Vec<Arc<TagMark>>) -> Self {
        for tag in &tags {
            tag.entry_count.fetch_add(1, Ordering::Relaxed);
        }
        Self(tags.into())
    }

    pub(crate) fn tags(&self) -> &[Arc<TagMark>] {
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

impl Marks {
    /// Marks that keep at most about `bound` selectors beside those that living entries carry.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            published: AtomicU64::new(0),
            newest_text: AtomicU64::new(0),
            all: Mark::default(),
            floor: Mark::default(),
            bound,
            table: RwLock::new(Table {
                sweep_at: bound.min(WORTH_A_LOOK),
                ..Table::default()
            }),
        }
    }

    /// The last number whose marks are all in place: what a render that begins now may claim to know.
    #[inline]
    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Marks all targets with one new number and publishes it. When this returns, every later check sees the marks.
    pub(crate) fn purge(&self, targets: &[(Target, Strength)]) -> u64 {
        let mut table = self.write();
        let number = self.published.load(Ordering::Relaxed) + 1;
        for (target, strength) in targets {
            self.raise(&mut table, target, number, *strength);
        }
        self.published.store(number, Ordering::Release);
        if table.len() > 2 * table.sweep_at {
            self.prune_table(&mut table, number);
        }
        number
    }

    /// What the marks say about something at `path`, carried by `cells`, that was valid at number `since`.
    pub(crate) fn validity(&self, path: &str, tags: &[Arc<TagMark>], since: u64) -> Validity {
        self.strictest(path, tags, since, Table::text_validity)
    }

    /// The same for a list of paths of which `path` is one: what a purge of a single path says is left out.
    pub(crate) fn validity_of_many(
        &self,
        path: &str,
        tags: &[Arc<TagMark>],
        since: u64,
    ) -> Validity {
        self.strictest(path, tags, since, Table::prefix_validity)
    }

    #[inline]
    fn strictest(
        &self,
        path: &str,
        tags: &[Arc<TagMark>],
        since: u64,
        of_text: fn(&Table, &str, u64) -> Validity,
    ) -> Validity {
        let mut worst = self.all.validity(since);
        for tag in tags {
            worst = worst.max(tag.mark.validity(since));
        }
        if self.newest_text.load(Ordering::Acquire) > since {
            worst = worst.max(of_text(&self.read(), path, since));
        }
        // Last, since a mark leaves the table only after the floor was raised above it.
        worst.max(self.floor.validity(since))
    }

    /// The newest mark on any of `cells`, or the floor when that is newer.
    pub(crate) fn newest(&self, tags: &[Arc<TagMark>]) -> u64 {
        tags.iter()
            .map(|tag| tag.mark.newest())
            .fold(self.floor.newest(), u64::max)
    }

    /// The cells of `tags`, made where they are not there yet.
    pub(crate) fn intern(&self, tags: impl IntoIterator<Item = String>) -> Vec<Arc<TagMark>> {
        tags.into_iter()
            .map(|tag| self.tag(&tag).unwrap_or_else(|| self.write().tag(tag)))
            .collect()
    }

    /// The cell of a tag that somebody carries or purged.
    pub(crate) fn tag(&self, tag: &str) -> Option<Arc<TagMark>> {
        self.read().tags.get(tag).cloned()
    }

    /// Whether there are enough selectors nobody carries to be worth a [`prune`](Self::prune).
    pub(crate) fn wants_pruning(&self) -> bool {
        let table = self.read();
        table.len() > table.sweep_at
    }

    /// Forgets the oldest marks that nobody carries, up to number `through`: the caller has raised every living valid
    /// entry to that number. What was rendered before a forgotten mark counts as marked from now on, so pruning can only
    /// invalidate too much.
    pub(crate) fn prune(&self, through: u64) {
        self.prune_table(&mut self.write(), through);
    }

    /// How many selectors are held.
    pub(crate) fn len(&self) -> usize {
        self.read().len()
    }

    fn raise(&self, table: &mut Table, target: &Target, number: u64, strength: Strength) {
        match target {
            Target::All => self.all.raise(number, strength),
            Target::Page(tag) => tag.mark.raise(number, strength),
            Target::Tag(tag) => table.tag(tag.clone()).mark.raise(number, strength),
            Target::Path(path) => {
                table
                    .paths
                    .entry(path.as_str().into())
                    .or_default()
                    .raise(number, strength);
                self.newest_text.fetch_max(number, Ordering::Release);
            }
            Target::Prefix(prefix) => {
                table
                    .prefixes
                    .entry(prefix.as_str().into())
                    .or_default()
                    .raise(number, strength);
                self.newest_text.fetch_max(number, Ordering::Release);
            }
        }
    }

    fn prune_table(&self, table: &mut Table, through: u64) {
        // A tag that nobody carries and no purge named says nothing: it came with a key that is gone.
        table
            .tags
            .retain(|_, tag| !is_idle(tag) || tag.mark.newest() > 0);
        let mut numbers = table
            .prunable()
            .filter(|number| *number <= through)
            .collect::<Vec<_>>();
        let keep = self.bound / 2;
        if numbers.len() > keep {
            let cut = numbers.len() - keep - 1;
            let (_, &mut cut, _) = numbers.select_nth_unstable(cut);
            let hard = table.newest_hard(cut);
            self.floor.soft.fetch_max(cut, Ordering::Release);
            self.floor.hard.fetch_max(hard, Ordering::Release);
            table.forget(cut);
        }
        table.sweep_at = self
            .bound
            .min(WORTH_A_LOOK)
            .max(table.len() + table.len() / 2);
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn len(&self) -> usize {
        self.tags.len() + self.paths.len() + self.prefixes.len()
    }

    fn tag(&mut self, tag: String) -> Arc<TagMark> {
        self.tags.entry(tag.into()).or_default().clone()
    }

    /// The strictest mark on `path` itself and on each prefix of it that ends at a segment boundary.
    fn text_validity(&self, path: &str, since: u64) -> Validity {
        let of_path = self
            .paths
            .get(path)
            .map_or(Validity::Valid, |mark| mark.validity(since));
        of_path.max(self.prefix_validity(path, since))
    }

    fn prefix_validity(&self, path: &str, since: u64) -> Validity {
        if self.prefixes.is_empty() {
            return Validity::Valid;
        }
        let of = |text: &str| {
            self.prefixes
                .get(text)
                .map_or(Validity::Valid, |mark| mark.validity(since))
        };
        let slashes = path.match_indices('/');
        slashes.fold(of(path), |worst, (at, _)| {
            worst.max(of(&path[..at])).max(of(&path[..=at]))
        })
    }

    /// The newest number of each selector that only this table holds.
    fn prunable(&self) -> impl Iterator<Item = u64> {
        let idle = self
            .tags
            .values()
            .filter(|tag| is_idle(tag))
            .map(|tag| tag.mark.newest());
        idle.chain(
            self.paths
                .values()
                .chain(self.prefixes.values())
                .map(Mark::newest),
        )
    }

    /// The newest hard number among what [`forget`](Self::forget) would drop.
    fn newest_hard(&self, cut: u64) -> u64 {
        let idle = self
            .tags
            .values()
            .filter(|tag| is_idle(tag))
            .map(|tag| &tag.mark);
        idle.chain(self.paths.values().chain(self.prefixes.values()))
            .filter(|mark| mark.newest() <= cut)
            .map(|mark| mark.hard.load(Ordering::Acquire))
            .max()
            .unwrap_or(0)
    }

    fn forget(&mut self, cut: u64) {
        self.tags
            .retain(|_, tag| !is_idle(tag) || tag.mark.newest() > cut);
        self.paths.retain(|_, mark| mark.newest() > cut);
        self.prefixes.retain(|_, mark| mark.newest() > cut);
        self.tags.shrink_to_fit();
        self.paths.shrink_to_fit();
        self.prefixes.shrink_to_fit();
    }
}

/// Nobody but the table holds it: neither an entry nor a render in progress. New holders come through the table alone,
/// which is locked meanwhile.
fn is_idle(tag: &Arc<TagMark>) -> bool {
    Arc::strong_count(tag) == 1
}

#[cfg(test)]
mod tests;
