//! Keeps panics of user code inside: neither a poll nor a drop lets one out.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Returns the output of `work`, or `None` if `work` panicked.
pub(crate) async fn catch_panic<F: Future>(work: F) -> Option<F::Output> {
    let mut work = CatchPanic(Some(Box::pin(work)));
    poll_fn(|cx| work.poll(cx)).await
}

/// A future that lets no panic out, not even while it is dropped. Nothing of a render is used after
/// a panic, so the state in which the panic left it does not matter.
struct CatchPanic<F>(Option<Pin<Box<F>>>);

impl<F: Future> CatchPanic<F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let Some(work) = &mut self.0 else {
            return Poll::Ready(None);
        };
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(payload) => {
                discard(payload);
                Poll::Ready(None)
            }
        }
    }
}

impl<F> Drop for CatchPanic<F> {
    fn drop(&mut self) {
        let work = self.0.take();
        // A guard of the handler that panics here changes nothing: the render has ended already.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(work))) {
            discard(payload);
        }
    }
}

/// Drops the payload of a panic, which is the user's value and may panic again.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // It might go on so for ever: a leak is the lesser evil.
        std::mem::forget(again);
    }
}
