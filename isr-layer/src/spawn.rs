//! The only place that starts tasks, on the runtime that serves requests; it counts those that a
//! shutdown waits for.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

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
    /// The runtime on which a request came last.
    serving: Arc<Mutex<Option<Serving>>>,
    /// True once the layer is being shut down.
    is_closing: Arc<AtomicBool>,
}

/// A runtime that serves requests.
#[derive(Debug)]
struct Serving {
    handle: Handle,
    /// Closed once the runtime has ended, since a task of it holds the other end.
    life: oneshot::Sender<()>,
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

/// True if tasks can be started here: a purge that only marks needs no runtime.
pub(crate) fn is_in_runtime() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

/// Does `work`, which may wait for a disk, off the async threads. Without a runtime it is done
/// here.
/// `None` if it panicked, or if the runtime has ended meanwhile.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    if is_in_runtime() {
        tokio::task::spawn_blocking(work).await.ok()
    } else {
        Some(work())
    }
}

/// Starts a thread for work that no runtime does.
pub(crate) fn thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
}

/// Does `work` on a thread with a runtime of its own, and waits for it, `limit` at most: for work
/// that is left when the runtime that served requests ends.
pub(crate) fn finish_on_thread(limit: Duration, work: impl Future<Output = ()> + Send + 'static) {
    let finish = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime {
            let _ = runtime.block_on(async { tokio::time::timeout(limit, work).await });
            // A call that blocks longer is left behind.
            runtime.shutdown_background();
        }
    };
    if let Ok(thread) = thread("isr-flush", finish) {
        // A panic was logged; there is nothing to do about it here.
        let _ = thread.join();
    }
}

impl Tasks {
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            running: Arc::new(watch::Sender::new(0)),
            processors: Arc::new(Semaphore::new(processors)),
            waiting_room: Arc::new(Semaphore::new(MAX_WAITING)),
            serving: Arc::default(),
            is_closing: Arc::default(),
        }
    }

    /// Asks for no more work that no client waits for.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// True if no work is to be begun that no client waits for.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// Notes that requests are served on the runtime of the caller, if it has one.
    pub(crate) fn serve_here(&self) {
        let Ok(here) = Handle::try_current() else {
            return;
        };
        let mut serving = self.lock_serving();
        let is_known = serving
            .as_ref()
            .is_some_and(|serving| serving.handle.id() == here.id() && serving.is_alive());
        if !is_known {
            *serving = Some(Serving::new(here));
        }
    }

    /// Returns the runtime that serves requests, if it has not ended.
    fn serving(&self) -> Option<Handle> {
        let serving = self.lock_serving();
        let alive = serving.as_ref().filter(|serving| serving.is_alive());
        alive.map(|serving| serving.handle.clone())
    }

    /// Does `work` on the runtime that serves requests, for a caller that has no runtime and so no
    /// clock to wait by. Returns `None` if the caller has one, or if requests are served nowhere.
    pub(crate) async fn do_elsewhere<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        if Handle::try_current().is_ok() {
            return None;
        }
        // An error says that the runtime has ended meanwhile.
        self.serving()?.spawn(work).await.ok()
    }

    /// Runs `work` on a task of its own, on the runtime that serves requests: the caller's own may
    /// do nothing more once a job has ended. Without any runtime `work` is dropped.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let here = || Handle::try_current().ok();
        self.spawn_on(self.serving().or_else(here), work);
    }

    /// Runs `work`, which the caller waits for, on a task of its own and on the caller's runtime.
    /// Without any runtime `work` is dropped.
    pub(crate) fn spawn_here(&self, work: impl Future<Output = ()> + Send + 'static) {
        let here = Handle::try_current().ok();
        self.spawn_on(here.or_else(|| self.serving()), work);
    }

    fn spawn_on(&self, runtime: Option<Handle>, work: impl Future<Output = ()> + Send + 'static) {
        let Some(runtime) = runtime else { return };
        self.running.send_modify(|running| *running += 1);
        let guard = Running(self.running.clone());
        runtime.spawn(async move {
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

    /// Runs `work` on a task that is not counted, so [`drained`](Self::drained) does not wait for
    /// it. Without any runtime `work` is dropped.
    pub(crate) fn spawn_aside(&self, work: impl Future<Output = ()> + Send + 'static) {
        let runtime = self.serving().or_else(|| Handle::try_current().ok());
        if let Some(runtime) = runtime {
            runtime.spawn(work);
        }
    }

    /// Runs `work` on a task that is not counted, on the caller's runtime if it has one: for a
    /// caller that waits.
    pub(crate) fn spawn_aside_here(&self, work: impl Future<Output = ()> + Send + 'static) {
        let runtime = Handle::try_current().ok().or_else(|| self.serving());
        if let Some(runtime) = runtime {
            runtime.spawn(work);
        }
    }

    /// Runs `work` after a pause. The task is not counted, so [`drained`](Self::drained) does not
    /// wait for it.
    pub(crate) fn spawn_later(
        &self,
        pause: Duration,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.spawn_aside(async move {
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

    fn lock_serving(&self) -> MutexGuard<'_, Option<Serving>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Serving {
    fn new(handle: Handle) -> Self {
        let (life, end) = oneshot::channel();
        // Ends with the layer, or with its runtime.
        handle.spawn(end);
        Self { handle, life }
    }

    fn is_alive(&self) -> bool {
        !self.life.is_closed()
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
