//! Records purges in the store, in their order, before they are acknowledged.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::backend::{Backend, Trouble, Work};
use super::breaker::PAUSE;
use super::numbers::Numbers;
use super::{ErasedStore, Mark, StoreError, StoreErrorKind};
use crate::invalidation::Sequence;
use crate::spawn::{Tasks, is_in_runtime};

/// The time after which a purge that is not recorded is refused.
const MAX_WAIT: Duration = Duration::from_millis(1500);

/// The time after which a purge that waits has another task record it.
const PATIENCE: Duration = Duration::from_millis(600);

/// Records purges: one task records all that wait as one call. It goes on if their callers leave.
pub(crate) struct Ledger {
    backend: Arc<Backend>,
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
    /// Notified when a purge is noted.
    noted: Notify,
}

struct State {
    numbers: Numbers,
    /// The number of the task that records now. Another number takes the work from it: its runtime
    /// may stand still.
    recorder: Option<u64>,
    recorders: u64,
}

/// The last purges that a call of the store was about.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    recorded: Sequence,
    refused: Sequence,
}

/// The right to record, as long as no other task has taken it.
struct Recording {
    ledger: Arc<Ledger>,
    id: u64,
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.release();
    }
}

impl Recording {
    /// Records until nothing waits. A store that fails is asked again a second later, or at once if
    /// another purge comes.
    async fn run(mut self) {
        while self.goes_on() {
            match self.ledger.record_once().await {
                Ok(()) => {}
                // The layer is gone, or shut down.
                Err(Trouble::Closed) => return,
                Err(_) => {
                    // Others may record meanwhile: this runtime may stand still from here on.
                    self.release();
                    let noted = self.ledger.noted.notified();
                    let _ = tokio::time::timeout(PAUSE, noted).await;
                    let Some(id) = self.ledger.take() else { return };
                    self.id = id;
                }
            }
        }
    }

    /// True if something waits, and this task is the one to record it.
    fn goes_on(&self) -> bool {
        let mut state = self.ledger.lock();
        if state.recorder == Some(self.id) && !state.numbers.has_waiting() {
            state.recorder = None;
        }
        state.recorder == Some(self.id)
    }

    fn release(&self) {
        let mut state = self.ledger.lock();
        if state.recorder == Some(self.id) {
            state.recorder = None;
        }
    }
}

impl Ledger {
    /// Begins at the store's number `base`.
    pub(super) fn new(backend: Arc<Backend>, base: u64) -> Arc<Self> {
        Arc::new(Self {
            backend,
            state: Mutex::new(State {
                numbers: Numbers::new(base),
                recorder: None,
                recorders: 0,
            }),
            progress: watch::Sender::default(),
            noted: Notify::new(),
        })
    }

    /// Notes a purge that has to be recorded. Called in the order of the numbers, before `number`
    /// is published.
    pub(crate) fn note(&self, number: Sequence, marks: Vec<Mark>) {
        self.lock().numbers.note(number, marks);
        self.noted.notify_one();
    }

    /// Has every page of the store made stale, as soon as a purge is recorded or the store accepts
    /// it.
    pub(super) fn distrust_pages(self: &Arc<Self>, tasks: &Tasks) {
        self.lock().numbers.distrust_pages();
        self.start(tasks);
    }

    /// Waits until the purge with this number, which was noted, is recorded. Returns the store's
    /// number of it, or `None` if the store refuses it or takes too long: it is recorded later, as
    /// soon as the store allows that.
    pub(crate) async fn recorded(self: &Arc<Self>, tasks: &Tasks, number: Sequence) -> Option<u64> {
        let mut progress = self.progress.subscribe();
        if !is_in_runtime() {
            // The failure is told by the number that is missing.
            let _ = self.record_once().await;
            return self.lock().numbers.number_of(number);
        }

        self.start(tasks);
        let is_over =
            |progress: &Progress| progress.recorded >= number || progress.refused >= number;
        // The sender lives as long as `self`: only the limit ends a wait without an end.
        let is_late = {
            let end = progress.wait_for(is_over);
            tokio::time::timeout(PATIENCE, end).await.is_err()
        };
        if is_late {
            self.take_over(tasks);
            let rest = MAX_WAIT.saturating_sub(PATIENCE);
            let _ = tokio::time::timeout(rest, progress.wait_for(is_over)).await;
        }
        self.lock().numbers.number_of(number)
    }

    /// Records the purges that wait, on a task of its own.
    pub(super) fn start(self: &Arc<Self>, tasks: &Tasks) {
        if let Some(id) = self.take() {
            let ledger = self.clone();
            // The caller waits: another runtime may stand still.
            tasks.spawn_aside_here(Recording { ledger, id }.run());
        }
    }

    /// Lets another task record in place of one that makes no progress: its runtime may stand still.
    /// If both record a purge, the store judges by the higher of its two numbers.
    fn take_over(self: &Arc<Self>, tasks: &Tasks) {
        self.lock().recorder = None;
        self.start(tasks);
    }

    /// Takes the right to record, if something waits and no task has it.
    fn take(&self) -> Option<u64> {
        let mut state = self.lock();
        if state.recorder.is_some() || !state.numbers.has_waiting() {
            return None;
        }
        state.recorders += 1;
        state.recorder = Some(state.recorders);
        state.recorder
    }

    /// Records everything that waits as one call.
    async fn record_once(&self) -> Result<(), Trouble> {
        let Some(batch) = self.lock().numbers.batch() else {
            return Ok(());
        };
        let (marks, through) = (&batch.marks, batch.through);
        let call = |store: Arc<dyn ErasedStore>| async move { store.record(marks).await };
        let result = self.backend.call(Work::Record, MAX_WAIT, call).await;
        let last = self.lock().numbers.last();
        // A number that was given before tells nothing: the purge would count as known.
        let result = result.and_then(|number| match number > last {
            true => Ok(number),
            false => Err(Trouble::Error(StoreError::new(
                StoreErrorKind::Other,
                format!("the store gave the number {number} to a purge after {last}"),
            ))),
        });

        match &result {
            Ok(number) => self.lock().numbers.recorded(&batch, *number),
            Err(_) => self.lock().numbers.refused(),
        }
        self.progress.send_modify(|progress| match result {
            Ok(_) => progress.recorded = progress.recorded.max(through),
            Err(_) => progress.refused = progress.refused.max(through),
        });
        result.map(drop)
    }

    /// Returns the last local number up to which every purge is recorded.
    pub(crate) fn recorded_through(&self) -> Sequence {
        self.lock().numbers.recorded_through()
    }

    /// Returns the highest number of the store all of whose purges are at or below `local`.
    pub(super) fn known_at(&self, local: Sequence) -> u64 {
        self.lock().numbers.known_at(local)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
