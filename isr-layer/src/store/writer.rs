//! Writes the pages that wait on a [`Shelf`](super::Shelf), by one task at a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::backend::{Backend, Trouble, Work};
use super::breaker::PAUSE;
use super::ledger::Ledger;
use super::page_key::StoredPage;
use super::queue::{Batch, Pending, Queue};
use super::{ErasedStore, Put, Remove, Touch, Write, codec, selectors};
use crate::clock;
use crate::entry::Entry;
use crate::render::Key;
use crate::spawn::{Tasks, blocking, finish_on_thread};

/// The longest time that one call may take to write.
const MAX_WRITE: Duration = Duration::from_secs(10);

/// The longest time that a shelf goes on writing after its layer.
pub(super) const MAX_FLUSH: Duration = Duration::from_secs(1);

/// The time that a page may take longer to be written, once the layer is gone.
const NO_DELAY: Duration = Duration::from_secs(3600);

/// Everything of a shelf that its writer needs.
pub(super) struct Shared {
    pub(super) ledger: Arc<Ledger>,
    pub(super) backend: Arc<Backend>,
    queue: Mutex<Queue>,
    /// Notified when all pages have to be written at once.
    closing: Notify,
    /// Notified when nothing waits any more.
    emptied: Notify,
    /// By the id of the page.
    pub(super) pages: Box<[StoredPage]>,
    /// The pages that were not written though they should have been.
    pub(super) lost: AtomicU64,
    life: Mutex<Life>,
    /// True once every page of the store was made stale, until it takes pages again.
    is_distrusted: AtomicBool,
    pub(super) tasks: Tasks,
}

/// The life of a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Open,
    /// A call waits for the end, and lets the store go.
    ShuttingDown,
    /// The layer is gone. The writer lets the store go.
    Gone,
}

/// The right to write, as long as no other task has taken it.
struct Writer {
    shared: Arc<Shared>,
    id: u64,
}

/// A page that is written, and its number in the store.
type Written<'a> = (&'a Arc<Entry>, u64);

impl Shared {
    pub(super) fn new(
        backend: Backend,
        base: u64,
        pages: Box<[StoredPage]>,
        tasks: Tasks,
    ) -> Arc<Self> {
        let backend = Arc::new(backend);
        Arc::new(Self {
            ledger: Ledger::new(backend.clone(), base),
            backend,
            queue: Mutex::default(),
            closing: Notify::new(),
            emptied: Notify::new(),
            pages,
            lost: AtomicU64::new(0),
            life: Mutex::new(Life::Open),
            is_distrusted: AtomicBool::new(false),
            tasks,
        })
    }

    /// Has the pages that wait written, by a task of its own.
    pub(super) fn start(this: &Arc<Self>) {
        let id = this.queue().take_writer(clock::now());
        if let Some(id) = id {
            let shared = this.clone();
            this.tasks.spawn_aside(Writer { shared, id }.run());
        }
    }

    /// Writes no longer later than has to be.
    pub(super) fn close(&self, life: Life) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
        self.closing.notify_one();
    }

    fn life(&self) -> Life {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the store go once nothing waits. If no task writes, the rest is written on a thread,
    /// for `limit` at most.
    pub(super) fn end(this: &Arc<Self>, limit: Duration) {
        let mut queue = this.queue();
        if queue.has_writer() {
            // The task goes on, and lets the store go.
            return;
        }
        let Some(id) = queue.take_writer(clock::now()) else {
            drop(queue);
            this.backend.close();
            return;
        };
        drop(queue);

        let shared = this.clone();
        finish_on_thread(limit, async move {
            while let Ok(true) = shared.write_batch(id).await {}
        });
        this.backend.close();
    }

    /// Waits until nothing waits.
    pub(super) async fn drained(this: &Arc<Self>) {
        loop {
            let emptied = this.emptied.notified();
            if this.queue().is_empty() {
                return;
            }
            // The runtime of the last writer may be gone.
            Self::start(this);
            emptied.await;
        }
    }

    /// Writes the next pages that are ready. Returns whether there may be more.
    async fn write_batch(&self, writer: u64) -> Result<bool, Trouble> {
        let is_closing = self.life() != Life::Open;
        let now = clock::now() + if is_closing { NO_DELAY } else { Duration::ZERO };
        let (touches, batch) = {
            let mut queue = self.queue();
            if !queue.goes_on(writer, clock::now()) {
                return Ok(false);
            }
            (queue.touches(), queue.batch(now))
        };
        let pages = match batch {
            Batch::Pages(pages) => pages,
            Batch::NotReady(until) if touches.is_empty() => {
                let _ = tokio::time::timeout_at(until, self.closing.notified()).await;
                return Ok(true);
            }
            Batch::NotReady(_) | Batch::Nothing => Vec::new(),
        };

        let mut written = Vec::with_capacity(pages.len());
        let mut writes = touches
            .iter()
            .filter_map(|entry| self.touch(entry))
            .collect::<Vec<_>>();
        for (key, pending) in &pages {
            writes.extend(self.write_of(key, pending, &mut written));
            // To encode a large page takes a while.
            tokio::task::yield_now().await;
        }
        let end = match writes.is_empty() {
            true => Ok(()),
            false => self.write(writes).await,
        };
        self.end_batch(writer, end.is_ok(), &written);
        end.map(|()| true)
    }

    /// Ends a batch, unless another task has taken it.
    fn end_batch(&self, writer: u64, is_written: bool, written: &[Written<'_>]) {
        let mut queue = self.queue();
        if !queue.goes_on(writer, clock::now()) {
            return;
        }
        let lost = queue.end(is_written);
        drop(queue);

        if is_written {
            self.is_distrusted.store(false, Ordering::Relaxed);
            // Not before: a touch must not speak for a page that the store does not have.
            written
                .iter()
                .for_each(|(entry, as_of)| entry.set_stored_as_of(*as_of));
        }
        self.lost.fetch_add(lost.pages, Ordering::Relaxed);
        if lost.is_untold {
            self.distrust();
        }
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), Trouble> {
        let call = |store: Arc<dyn ErasedStore>| async move { store.write(writes).await };
        self.backend.call(Work::Write, MAX_WRITE, call).await
    }

    /// Returns the write of a page. Its number is asked for now: asked for at the begin of its
    /// render, it would be too low for ever.
    fn write_of<'a>(
        &self,
        key: &Key,
        pending: &'a Pending,
        written: &mut Vec<Written<'a>>,
    ) -> Option<Write> {
        let page = self.pages.get(key.page() as usize)?;
        let as_of = self.ledger.known_at(pending.as_of());
        let key = page.key(key);
        if let Pending::Put { entry, .. } = pending
            && let Some(put) = put(page, key.clone(), entry, as_of)
        {
            written.push((entry, as_of));
            return Some(put);
        }
        Some(Remove::new(key, as_of).into())
    }

    fn touch(&self, entry: &Entry) -> Option<Write> {
        let as_of = entry.stored_as_of()?;
        let page = self.pages.get(entry.key.page() as usize)?;
        let through = entry.valid_through();
        let through = through.map_or(0, |through| self.ledger.known_at(through));
        Some(Touch::new(page.key(&entry.key), as_of, through).into())
    }

    /// Makes every page of the store stale, once until it takes pages again: there may be older ones
    /// than it should have, and it cannot be told which.
    pub(super) fn distrust(&self) {
        if !self.is_distrusted.swap(true, Ordering::Relaxed) {
            self.ledger.distrust_pages(&self.tasks);
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(page: &StoredPage, key: bytes::Bytes, entry: &Arc<Entry>, as_of: u64) -> Option<Write> {
    let selectors = selectors::of_entry(page.pattern(), entry)?;
    let octets = codec::encode(&entry.to_record(page.pattern(), as_of));
    let put = Put::new(key, as_of, selectors, octets)
        .with_age(entry.age(clock::now()))
        .with_expiry(entry.expires_at());
    Some(put.into())
}

impl Writer {
    async fn run(self) {
        while self.goes_on() {
            match self.shared.write_batch(self.id).await {
                Ok(_) => {}
                // The layer is shut down.
                Err(Trouble::Closed) => return,
                // A store that fails keeps no layer that is gone.
                Err(_) if self.shared.life() == Life::Gone => break,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }

        self.shared.emptied.notify_waiters();
        if self.shared.life() == Life::Gone {
            let store = self.shared.backend.close();
            // A store may wait for its disk once more.
            blocking(|| drop(store)).await;
        }
    }

    fn goes_on(&self) -> bool {
        self.shared.queue().goes_on(self.id, clock::now())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let had_it = self.shared.queue().release(self.id);
        if had_it && self.shared.life() == Life::Gone {
            Shared::end(&self.shared, MAX_FLUSH);
        }
    }
}
