//! The pages that wait to be rendered for purges of many pages: each page once, however many calls
//! wait for it.
//!
//! The pages of a call that reaches few go before those of one that reaches many, so that a purge
//! of everything does not hold up the others; within that order the most used go first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::call::{Ended, Want};
use crate::cache::permits::Limits;
use crate::invalidation::Sequence;
use crate::render::Key;

/// The number of parts of [`Ranks`].
const RANKS: usize = 256;

/// The pages that wait to be rendered for purges of many pages.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    limits: Limits,
    /// The number of pages that may wait. A page beyond them stays marked.
    max_waiting: usize,
}

#[derive(Debug, Default)]
struct State {
    pages: HashMap<u32, PageQueue>,
    /// The place of each key that waits.
    ranks: Ranks,
    /// The workers that run. Each renders one page at a time.
    workers: usize,
    /// The workers that render.
    busy: usize,
    next: u64,
}

/// The place of each key that waits.
///
/// Many small maps: one of 100,000 keys would stand still for milliseconds whenever it grows.
#[derive(Debug)]
struct Ranks {
    parts: [HashMap<Key, Rank>; RANKS],
    hasher: RandomState,
    len: usize,
}

/// The instances of one page.
#[derive(Debug, Default)]
struct PageQueue {
    waiting: BTreeMap<Rank, Job>,
    running: usize,
}

/// A place in the order of renders; the least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The size of the call that asks for the render, as a power of two.
    size: u32,
    uses: Reverse<u64>,
    order: u64,
}

/// One render that waits.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) key: Key,
    /// The render has to know all purges up to this number.
    pub(super) number: Sequence,
    wants: Vec<Want>,
}

/// One worker. It takes one job after the other until none may begin.
#[derive(Debug)]
pub(super) struct Worker {
    queue: Arc<Queue>,
    has_ended: bool,
}

/// The right to render one job of a page.
#[derive(Debug)]
pub(super) struct Turn {
    queue: Arc<Queue>,
    pub(super) job: Job,
}

impl Rank {
    /// The place of a page with these uses, in a call that reaches `reached` pages.
    pub(super) fn new(reached: usize, uses: u64) -> Self {
        Self {
            size: reached.max(1).ilog2(),
            uses: Reverse(uses),
            order: 0,
        }
    }
}

impl Queue {
    pub(crate) fn new(limits: Limits, max_waiting: u64) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            limits,
            max_waiting: usize::try_from(max_waiting).unwrap_or(usize::MAX),
        })
    }

    /// Lets a page wait to be rendered with the knowledge of purge `number`. One that waits already
    /// keeps its place or gets a better one. If too many wait, the page stays marked.
    pub(super) fn add(&self, key: Key, rank: Rank, number: Sequence, want: Want) {
        let mut state = self.lock();
        if let Some(place) = state.ranks.get(&key) {
            state.join(&key, place, rank, number, want);
        } else if state.ranks.len < self.max_waiting {
            state.insert(key, rank, number, want);
        } else {
            drop(state);
            want.end(Ended::Marked);
        }
    }

    /// Returns one worker more, if one is of use. It counts as running until it is dropped.
    pub(super) fn worker(self: &Arc<Self>) -> Option<Worker> {
        let mut state = self.lock();
        let needed = (state.ranks.len + state.busy).min(self.limits.at_once);
        if state.workers >= needed {
            return None;
        }
        state.workers += 1;
        Some(Worker {
            queue: self.clone(),
            has_ended: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Ranks {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| HashMap::new()),
            hasher: RandomState::new(),
            len: 0,
        }
    }
}

impl Ranks {
    fn get(&self, key: &Key) -> Option<Rank> {
        self.parts[self.part(key)].get(key).copied()
    }

    fn insert(&mut self, key: Key, rank: Rank) {
        let before = self.parts[self.part(&key)].insert(key, rank);
        self.len += usize::from(before.is_none());
    }

    fn remove(&mut self, key: &Key) {
        let part = self.part(key);
        let part = &mut self.parts[part];
        if part.remove(key).is_some() {
            self.len -= 1;
            if part.is_empty() {
                // Gives the memory back.
                *part = HashMap::new();
            }
        }
    }

    fn part(&self, key: &Key) -> usize {
        // The remainder is less than the number of parts, so it fits.
        (self.hasher.hash_one(key) % RANKS as u64) as usize
    }
}

impl State {
    fn insert(&mut self, key: Key, rank: Rank, number: Sequence, want: Want) {
        self.next += 1;
        let rank = Rank {
            order: self.next,
            ..rank
        };
        self.ranks.insert(key.clone(), rank);
        let page = self.pages.entry(key.page()).or_default();
        let wants = vec![want];
        page.waiting.insert(rank, Job { key, number, wants });
    }

    /// Joins the job at `place`.
    fn join(&mut self, key: &Key, place: Rank, rank: Rank, number: Sequence, want: Want) {
        let Some(page) = self.pages.get_mut(&key.page()) else {
            return;
        };
        // A call of fewer pages brings the job forward.
        let better = Rank {
            order: place.order,
            ..rank
        };
        if better.size < place.size
            && let Some(job) = page.waiting.remove(&place)
        {
            page.waiting.insert(better, job);
            self.ranks.insert(key.clone(), better);
        }

        let place = if better.size < place.size {
            better
        } else {
            place
        };
        if let Some(job) = page.waiting.get_mut(&place) {
            job.number = job.number.max(number);
            // The calls that have been told already are many only if purges are.
            job.wants.retain(|want| want.call.is_open());
            job.wants.push(want);
        }
    }

    /// Takes the first job of a page that may run one more render.
    fn take(&mut self, limits: Limits) -> Option<Job> {
        let may_run = |page: &&mut PageQueue| page.running < limits.per_group;
        let pages = self.pages.values_mut().filter(may_run);
        let first = pages.filter_map(|page| {
            let (rank, _) = page.waiting.first_key_value()?;
            Some((*rank, page))
        });
        let (_, page) = first.min_by_key(|(rank, _)| *rank)?;

        let (_, job) = page.waiting.pop_first()?;
        page.running += 1;
        self.busy += 1;
        self.ranks.remove(&job.key);
        Some(job)
    }
}

impl Worker {
    /// Takes the next job. With `None` the worker has to end.
    pub(super) fn next(&mut self) -> Option<Turn> {
        let mut state = self.queue.lock();
        let job = state.take(self.queue.limits);
        if job.is_none() {
            // Under the lock: whatever is added from now on finds this worker gone.
            state.workers = state.workers.saturating_sub(1);
            self.has_ended = true;
        }
        drop(state);
        let queue = self.queue.clone();
        job.map(|job| Turn { queue, job })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.has_ended {
            let mut state = self.queue.lock();
            state.workers = state.workers.saturating_sub(1);
        }
    }
}

impl Turn {
    /// Tells every call that waits for the job.
    pub(super) fn end(mut self, ended: Ended) {
        for want in self.job.wants.drain(..) {
            want.end(ended);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Left over only if the task was ended from outside: the page stays marked.
        for want in self.job.wants.drain(..) {
            want.end(Ended::Marked);
        }
        let mut state = self.queue.lock();
        state.busy = state.busy.saturating_sub(1);
        if let Some(page) = state.pages.get_mut(&self.job.key.page()) {
            page.running = page.running.saturating_sub(1);
        }
    }
}

impl Want {
    fn end(&self, ended: Ended) {
        self.call.end(&self.targets, ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IsrLayer;
    use crate::cache::revalidate::call::Call;
    use crate::page::Page;

    fn keys(paths: &[&str]) -> Vec<Key> {
        let layer = IsrLayer::builder().pages([Page::new("/a/{x}"), Page::new("/b/{x}")]);
        let core = layer.build().unwrap().core;
        let key = |path: &&str| Key::bare(core.registry.find(path).unwrap(), path).remove(0);
        paths.iter().map(key).collect()
    }

    fn queue(at_once: usize, per_group: usize, max_waiting: u64) -> Arc<Queue> {
        let limits = Limits {
            at_once,
            per_group,
            queued: 0,
        };
        Queue::new(limits, max_waiting)
    }

    fn add(queue: &Queue, key: &Key, reached: usize, uses: u64) -> Arc<Call> {
        let call = Arc::new(Call::new(1));
        let want = Want {
            call: call.clone(),
            targets: Arc::new([0]),
        };
        let number = Sequence::NO_MARK.next();
        queue.add(key.clone(), Rank::new(reached, uses), number, want);
        call
    }

    #[test]
    fn pages_of_small_calls_go_first_then_the_most_used_and_each_once() {
        let keys = keys(&["/a/1", "/a/2", "/a/3", "/a/4"]);
        let queue = queue(1, 1, 10);
        add(&queue, &keys[0], 1_000, 5);
        add(&queue, &keys[1], 1_000, 9);
        add(&queue, &keys[2], 1_000, 1);
        add(&queue, &keys[3], 2, 0);
        add(&queue, &keys[2], 1, 1);
        add(&queue, &keys[1], 100_000, 9);

        let mut worker = queue.worker().expect("pages wait");
        assert!(queue.worker().is_none(), "one at once");
        let next = || worker.next().map(|turn| turn.job.key.clone());
        let order = std::iter::from_fn(next).collect::<Vec<_>>();

        assert_eq!(order, [2, 3, 1, 0].map(|at: usize| keys[at].clone()));
    }

    #[test]
    fn a_page_at_its_limit_lets_others_go_first_and_a_busy_worker_is_not_free() {
        let keys = keys(&["/a/1", "/a/2", "/b/1", "/b/2"]);
        let queue = queue(3, 1, 10);
        add(&queue, &keys[0], 1, 9);
        let mut first = queue.worker().expect("a page waits");
        let held = first.next().expect("it is its turn");

        add(&queue, &keys[1], 1, 8);
        add(&queue, &keys[2], 1, 7);
        let mut second = queue.worker().expect("the first one is busy");
        let turn = second.next().expect("the other page has a place");
        assert_eq!(turn.job.key, keys[2]);
        drop((held, turn));

        assert_eq!(
            first.next().map(|turn| turn.job.key.clone()),
            Some(keys[1].clone())
        );
        drop((first, second));
        add(&queue, &keys[3], 1, 1);
        assert!(
            queue.worker().is_some(),
            "nothing that ended counts as running"
        );
    }

    #[test]
    fn a_page_too_many_stays_marked() {
        let keys = keys(&["/a/1", "/a/2"]);
        let queue = queue(1, 1, 1);
        add(&queue, &keys[0], 1, 0);
        add(&queue, &keys[1], 1, 0);
        add(&queue, &keys[0], 1, 0);

        let mut worker = queue.worker().expect("a page waits");
        assert!(worker.next().is_some());
        assert!(worker.next().is_none());
    }
}
