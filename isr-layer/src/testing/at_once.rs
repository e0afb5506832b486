//! Work on threads, and a limit by the clock on the wall: a test may have paused the other one.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::catch_panic::catch_panic;
use crate::spawn;

/// Does all of the work at once, each on a thread of its own, so that a test with a runtime of one
/// thread tests as much. `None` for work that panicked.
pub(super) async fn at_once<T, F>(work: Vec<F>) -> Vec<Option<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(work.len()));
    let mut results = Vec::with_capacity(work.len());
    for work in work {
        let (runtime, start) = (Handle::current(), start.clone());
        let (sender, receiver) = oneshot::channel();
        let run = move || {
            start.wait();
            // The check may have run out of time.
            let _ = sender.send(runtime.block_on(catch_panic(work)));
        };
        match spawn::thread("store-suite", run) {
            Ok(_) => results.push(receiver),
            Err(error) => panic!("the test needs a thread: {error}"),
        }
    }

    let mut outputs = Vec::with_capacity(results.len());
    for result in results {
        outputs.push(result.await.ok().flatten());
    }
    outputs
}

/// Returns the output of the work, or `None` if it takes longer than the limit.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let (done, is_done) = channel::<()>();
    let (late, is_late) = oneshot::channel();
    let watch = move || {
        if is_done.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let _ = late.send(());
        }
    };
    // Without the thread there is no limit, and the work may still end.
    let _watching = spawn::thread("store-suite-limit", watch);

    let output = tokio::select! {
        biased;
        output = work => Some(output),
        Ok(()) = is_late => None,
    };
    drop(done);
    output
}
