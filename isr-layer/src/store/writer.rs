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
use super::{ErasedStore, Put, Remove, Write, codec, selectors};
use crate::clock;
use crate::entry::Entry;
use crate::render::Key;
use crate::spawn::{Tasks, finish_on_thread};

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
    /// True once the layer is gone, or shut down.
    is_closing: AtomicBool,
    pub(super) tasks: Tasks,
}

/// The right to write. Dropped before its end, with the runtime that it ran on, another task may
/// have it.
struct Writer {
    shared: Arc<Shared>,
    is_over: bool,
}

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
            is_closing: AtomicBool::new(false),
            tasks,
        })
    }

    /// Has the pages that wait written, by a task of its own.
    pub(super) fn start(this: &Arc<Self>) {
        let mut queue = this.queue();
        if queue.is_writing || queue.is_empty() {
            return;
        }
        queue.is_writing = true;
        drop(queue);
        let writer = Writer {
            shared: this.clone(),
            is_over: false,
        };
        this.tasks.spawn_aside(writer.run());
    }

    /// Writes no longer later than has to be.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
        self.closing.notify_one();
    }

    /// Lets the store go once nothing waits. If no task writes, the rest is written on a thread,
    /// for `limit` at most.
    pub(super) fn end(this: &Arc<Self>, limit: Duration) {
        let mut queue = this.queue();
        if queue.is_writing {
            // The task goes on, and comes here again.
            return;
        }
        if queue.is_empty() {
            drop(queue);
            this.backend.close();
            return;
        }

        queue.is_writing = true;
        drop(queue);
        let shared = this.clone();
        finish_on_thread(limit, async move {
            while let Ok(true) = shared.write_batch().await {}
            shared.backend.close();
        });
    }

    /// Waits until nothing waits.
    pub(super) async fn drained(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.queue().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Writes the next pages that are ready. Returns whether there may be more.
    async fn write_batch(&self) -> Result<bool, Trouble> {
        let is_closing = self.is_closing.load(Ordering::Relaxed);
        let now = clock::now() + if is_closing { NO_DELAY } else { Duration::ZERO };
        let batch = self.queue().batch(now);
        let pages = match batch {
            Batch::Nothing => return Ok(false),
            Batch::NotReady(until) => {
                let _ = tokio::time::timeout_at(until, self.closing.notified()).await;
                return Ok(true);
            }
            Batch::Pages(pages) => pages,
        };

        let mut writes = Vec::with_capacity(pages.len());
        for (key, pending) in &pages {
            writes.extend(self.write_of(key, pending));
            // To encode a large page takes a while.
            tokio::task::yield_now().await;
        }
        let end = self.write(writes).await;
        let lost = self.queue().end(end.is_ok());
        self.lost.fetch_add(lost.pages, Ordering::Relaxed);
        if lost.is_untold {
            self.distrust();
        }
        end.map(|()| true)
    }

    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<(), Trouble> {
        let call = |store: Arc<dyn ErasedStore>| async move { store.write(writes).await };
        self.backend.call(Work::Write, MAX_WRITE, call).await
    }

    /// Returns the write of a page. Its number is asked for now: asked for at the begin of its
    /// render, it would be too low for ever.
    fn write_of(&self, key: &Key, pending: &Pending) -> Option<Write> {
        let page = self.pages.get(key.page() as usize)?;
        let as_of = self.ledger.known_at(pending.as_of());
        let key = page.key(key);
        let put = match pending {
            Pending::Put { entry, .. } => put(page, key.clone(), entry, as_of),
            Pending::Remove { .. } => None,
        };
        Some(put.unwrap_or_else(|| Remove::new(key, as_of).into()))
    }

    /// Makes every page of the store stale: there may be older ones than it should have, and it
    /// cannot be told which.
    pub(super) fn distrust(&self) {
        self.ledger.distrust_pages(&self.tasks);
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
    entry.set_stored_as_of(as_of);
    Some(put.into())
}

impl Writer {
    async fn run(mut self) {
        while self.goes_on() {
            match self.shared.write_batch().await {
                Ok(_) => {}
                // The layer is shut down.
                Err(Trouble::Closed) => return,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        self.shared.emptied.notify_waiters();
        if self.shared.is_closing.load(Ordering::Relaxed) {
            self.shared.backend.close();
        }
    }

    /// Ends the writing if nothing waits, so that the next page starts another one.
    fn goes_on(&mut self) -> bool {
        let mut queue = self.shared.queue();
        queue.is_writing = !queue.is_empty();
        self.is_over = !queue.is_writing;
        queue.is_writing
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut queue = self.shared.queue();
        queue.give_back();
        queue.is_writing = false;
        drop(queue);
        if self.shared.is_closing.load(Ordering::Relaxed) {
            Shared::end(&self.shared, MAX_FLUSH);
        }
    }
}
