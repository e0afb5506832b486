//! The only place that starts tasks; it counts those that a shutdown waits for.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// The number of computations that may wait for a processor.
const MAX_WAITING: usize = 1024;

/// The tasks of one layer. A clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    running: Arc<watch::Sender<usize>>,
    /// One permit for each processor: so many computations may run at once.
    processors: Arc<Semaphore>,
    /// One permit for each computation that may wait for a processor.
    waiting_room: Arc<Semaphore>,
}

/// The fate of [`run_bounded`](Tasks::run_bounded) once its results are read no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    Continue,
    /// No further item is begun.
    Stop,
}

/// A place among the computations that wait for a processor.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Counts a task while it lives, however the task ends.
struct Running(Arc<watch::Sender<usize>>);

impl Tasks {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            running: Arc::new(watch::Sender::new(0)),
            processors: Arc::new(Semaphore::new(processors)),
            waiting_room: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    /// Runs `work` on a task of its own.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.send_modify(|running| *running += 1);
        let guard = Running(self.running.clone());
        tokio::spawn(async move {
            work.await;
            drop(guard);
        });
    }

    /// Returns a place among the computations that wait, or `None` if too many wait already: a
    /// flood of renders must not queue without limit.
    pub(crate) fn try_place(&self) -> Option<Place> {
        let place = self.waiting_room.clone().try_acquire_owned();
        place.ok().map(Place::new)
    }

    /// Waits for a place among the computations that wait. Callers get one in their order, before
    /// any that [`try_place`](Self::try_place) finds.
    pub(crate) async fn place(&self) -> Option<Place> {
        // It fails only if the semaphore is closed, which never happens.
        let place = self.waiting_room.clone().acquire_owned().await;
        place.ok().map(Place::new)
    }

    /// Runs `work`, which computes for a while, off the async threads as soon as a processor is
    /// free.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime.
    pub(crate) fn spawn_heavy(&self, place: Place, work: impl FnOnce() + Send + 'static) {
        let processors = self.processors.clone();
        self.spawn(async move {
            if let Ok(_turn) = processors.acquire().await {
                drop(place);
                // If `work` panics, only its result is missing.
                let _ = tokio::task::spawn_blocking(work).await;
            }
        });
    }

    /// Runs `work` after a pause. The task is not counted, so [`drained`](Self::drained) does not
    /// wait for it.
    pub(crate) fn spawn_later(
        &self,
        pause: Duration,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            work.await;
        });
    }

    /// Does `work` on items in their order, on at most `limit` tasks, and returns the results as
    /// they come.
    pub(crate) fn run_bounded<T, R, F>(
        &self,
        items: Vec<T>,
        limit: usize,
        unread: Unread,
        work: impl Fn(T) -> F + Clone + Send + 'static,
    ) -> mpsc::UnboundedReceiver<R>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = R> + Send,
    {
        let (results, receiver) = mpsc::unbounded_channel();
        let tasks = limit.min(items.len());
        let queue = Arc::new(Mutex::new(items.into_iter()));

        for _ in 0..tasks {
            let (queue, results, work) = (queue.clone(), results.clone(), work.clone());
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            self.spawn(async move {
                while let Some(item) = next() {
                    if unread == Unread::Stop && results.is_closed() {
                        return;
                    }
                    // Sending fails if the receiver was dropped: work that continues has no reader.
                    let _ = results.send(work(item).await);
                }
            });
        }

        receiver
    }

    /// Returns the number of running tasks.
    pub(crate) fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until no task is running.
    pub(crate) async fn drained(&self) {
        let mut running = self.running.subscribe();
        // `wait_for` fails only without a sender, which lives as long as `self`.
        let _ = running.wait_for(|running| *running == 0).await;
    }
}

impl Place {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: permit }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_so_much_computing_waits_for_a_processor() {
        let tasks = Tasks::new();
        let processors = tasks.processors.available_permits();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));

        for _ in 0..3 * MAX_WAITING {
            let gate = gate.clone();
            if let Some(place) = tasks.try_place() {
                tasks.spawn_heavy(place, move || {
                    drop(gate.lock().map(|gate| gate.recv()));
                });
            }
            tokio::task::yield_now().await;
        }
        let most = tasks.running();
        drop(open);
        tasks.drained().await;

        assert!(
            (MAX_WAITING..=MAX_WAITING + processors).contains(&most),
            "{most} for {processors} processors"
        );
        assert_eq!(tasks.waiting_room.available_permits(), MAX_WAITING);
    }
}
