//! The [`Shelf`] stands between the engine and a store. Pages wait here to be written, and a read
//! finds them here before it asks the store.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::backend::{Backend, Work};
use super::ledger::Ledger;
use super::page_key::StoredPage;
use super::queue::{Added, Pending};
use super::writer::{Life, MAX_FLUSH, Shared};
use super::{ErasedStore, Mark, codec};
use crate::clock::{self, Instant};
use crate::entry::{Entry, Record};
use crate::invalidation::{Sequence, Validity};
use crate::outcome::Reason;
use crate::render::Key;
use crate::spawn::{Tasks, blocking};

/// The longest time that a request waits for a store.
const MAX_READ: Duration = Duration::from_millis(50);

/// The time between two touches of a page in memory.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// The store of one layer, with the pages and the purges on their way there. Dropped, it
/// writes the rest for a second at most.
pub(crate) struct Shelf {
    shared: Arc<Shared>,
    next_touch: Mutex<Option<Instant>>,
    /// True if some clients may see a draft in place of a page.
    pub(crate) has_drafts: bool,
}

/// The finding of a shelf under a key.
pub(crate) enum Kept {
    /// An entry that waits to be written, as it is.
    Waiting(Arc<Entry>),
    /// A record of the store, with its judgement, and with the age by the store's own clock.
    Found {
        record: Box<Record>,
        validity: Validity,
        age: Option<Duration>,
    },
    Nothing,
    /// The store could not be asked.
    Trouble(Reason),
}

impl Shelf {
    /// Puts a shelf before a store whose last number is `base`.
    pub(crate) fn new(
        store: Arc<dyn ErasedStore>,
        base: u64,
        pages: Box<[StoredPage]>,
        has_drafts: bool,
        tasks: Tasks,
    ) -> Self {
        Self {
            shared: Shared::new(Backend::new(store), base, pages, tasks),
            next_touch: Mutex::default(),
            has_drafts,
        }
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    /// Notes a purge that has to be recorded, as [`Ledger::note`] says. It is recorded though its
    /// caller may leave.
    pub(crate) fn note(&self, number: Sequence, marks: Vec<Mark>) {
        self.shared.ledger.note(number, marks);
        self.shared.ledger.start(&self.shared.tasks);
    }

    /// Waits until a purge that was noted is recorded, as [`Ledger::recorded`] says.
    pub(crate) async fn recorded(&self, number: Sequence) -> Option<u64> {
        self.shared
            .ledger
            .recorded(&self.shared.tasks, number)
            .await
    }

    /// Looks for a page: among those that wait to be written, then in the store.
    pub(crate) async fn get(&self, key: &Key) -> Kept {
        let shared = &self.shared;
        match shared.queue().get(key) {
            Some(Pending::Put { entry, .. }) => return Kept::Waiting(entry.clone()),
            Some(Pending::Remove { .. }) => return Kept::Nothing,
            None => {}
        }
        let Some(page) = shared.pages.get(key.page() as usize) else {
            return Kept::Nothing;
        };
        if !shared.backend.admits(Work::Read) {
            return Kept::Trouble(Reason::StoreError);
        }

        let key = page.key(key);
        let call = |store: Arc<dyn ErasedStore>| async move { store.get(&key).await };
        match shared.backend.call(Work::Read, MAX_READ, call).await {
            Ok(Some(found)) => match codec::decode(found.octets) {
                Some(record) => Kept::Found {
                    record: Box::new(record),
                    validity: found.validity,
                    age: found.age,
                },
                None => Kept::Nothing,
            },
            Ok(None) => Kept::Nothing,
            Err(trouble) => Kept::Trouble(trouble.reason()),
        }
    }

    /// Has an entry written soon, in place of the one before.
    pub(crate) fn put(&self, entry: &Arc<Entry>) {
        let shared = &self.shared;
        if shared.backend.is_closed() {
            return;
        }

        let added = if shared.backend.is_left_alone(Work::Write) {
            match shared.queue().remove(&entry.key, entry.as_of()) {
                Added::Waits => Added::InPart,
                added => added,
            }
        } else {
            shared.queue().put(entry, clock::now())
        };
        if added != Added::Waits {
            shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.added(added);
    }

    /// Has a page forgotten soon, up to number `as_of`.
    pub(crate) fn remove(&self, key: &Key, as_of: Sequence) {
        if self.shared.backend.is_closed() {
            return;
        }
        let added = self.shared.queue().remove(key, as_of);
        self.added(added);
    }

    fn added(&self, added: Added) {
        if added == Added::NotAtAll {
            self.shared.distrust();
        }
        Shared::start(&self.shared);
    }

    /// True once a minute: then the pages in memory are to be touched.
    pub(crate) fn wants_touch(&self, now: Instant) -> bool {
        let mut next = self
            .next_touch
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_due = next.is_some_and(|next| now >= next);
        if is_due || next.is_none() {
            *next = now.checked_add(TOUCH_EVERY);
        }
        is_due
    }

    /// Tells the store soon that memory holds these entries. Called while no flight completes.
    pub(crate) fn touch(&self, entries: &[Arc<Entry>]) {
        let mut queue = self.shared.queue();
        entries.iter().for_each(|entry| queue.touch(entry));
        drop(queue);
        Shared::start(&self.shared);
    }

    /// Returns the number of pages that are not in the store, since there was no room to let them
    /// wait or since the store did not take them.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Writes the rest, for a second at most, and lets the store go.
    pub(crate) async fn shut_down(&self) {
        self.shared.close(Life::ShuttingDown);
        let drained = Shared::drained(&self.shared);
        let _ = tokio::time::timeout(MAX_FLUSH, drained).await;
        let Some(mut store) = self.shared.backend.close() else {
            return;
        };

        // A call that is on its way has the store, too. It must be the last one to be closed here.
        let until = clock::now() + MAX_FLUSH;
        while Arc::get_mut(&mut store).is_none() && clock::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // A store may wait for its disk once more.
        blocking(|| drop(store)).await;
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.shared.close(Life::Gone);
        Shared::end(&self.shared, MAX_FLUSH);
    }
}
