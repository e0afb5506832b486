//! The scope of the work that this thread is at.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::mem::swap;
use std::pin::pin;

use super::context::Current;

thread_local! {
    /// The scope, while a future of it is polled.
    static HERE: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// The time for which this thread works in a scope. Its end puts the scope of before back, also
/// after a panic.
pub(crate) struct Entered<'a>(&'a mut Option<Current>);

impl<'a> Entered<'a> {
    /// Lends a scope to this thread.
    #[inline]
    pub(crate) fn new(scope: &'a mut Option<Current>) -> Self {
        exchange(scope);
        Self(scope)
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        exchange(self.0);
    }
}

#[inline]
fn exchange(scope: &mut Option<Current>) {
    // It fails only at the end of a thread, which works in no scope any more.
    let _ = HERE.try_with(|here| swap(&mut *here.borrow_mut(), scope));
}

/// Runs a future in a scope.
pub(super) fn enter<F: Future>(
    scope: Current,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    async move {
        let mut scope = Some(scope);
        let mut work = pin!(work);
        poll_fn(|cx| {
            let _entered = Entered::new(&mut scope);
            work.as_mut().poll(cx)
        })
        .await
    }
}

/// Runs a function in a scope.
pub(super) fn run<T>(scope: Current, work: impl FnOnce() -> T) -> T {
    let mut scope = Some(scope);
    let _entered = Entered::new(&mut scope);
    work()
}

/// Hands the scope of this thread to `look`, if there is one.
#[inline]
pub(super) fn with<T>(look: impl FnOnce(&Current) -> T) -> Option<T> {
    let here = HERE.try_with(|here| here.borrow().as_ref().map(look));
    here.ok().flatten()
}
