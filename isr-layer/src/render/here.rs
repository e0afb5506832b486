//! The scope of the work that this thread is at.

use std::cell::RefCell;
use std::future::Future;
use std::mem::swap;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::context::Current;

thread_local! {
    /// The scope, while a future of it is polled.
    static HERE: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// The time for which this thread works in a scope. Its end puts the scope of before back, also
/// after a panic.
pub(crate) struct Entered<'a> {
    scope: &'a mut Option<Current>,
    is_lent: bool,
}

impl<'a> Entered<'a> {
    /// Lends a scope to this thread.
    #[inline]
    pub(super) fn new(scope: &'a mut Option<Current>) -> Self {
        exchange(scope);
        Self {
            scope,
            is_lent: true,
        }
    }

    /// Lends a scope to this thread, unless it works in one: a request that a render sends is a
    /// part of that render.
    #[inline]
    pub(crate) fn if_none(scope: &'a mut Option<Current>) -> Self {
        let lend = |here: &RefCell<Option<Current>>| {
            let mut here = here.borrow_mut();
            let is_lent = here.is_none();
            if is_lent {
                *here = scope.take();
            }
            is_lent
        };
        let is_lent = HERE.try_with(lend).unwrap_or(false);
        Self { scope, is_lent }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.is_lent {
            exchange(self.scope);
        }
    }
}

#[inline]
fn exchange(scope: &mut Option<Current>) {
    // It fails only at the end of a thread, which works in no scope any more.
    let _ = HERE.try_with(|here| swap(&mut *here.borrow_mut(), scope));
}

pin_project! {
    /// A future in a scope.
    struct InScope<F> {
        #[pin]
        work: F,
        scope: Option<Current>,
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.is_some().then(|| Entered::new(this.scope));
        this.work.poll(cx)
    }
}

/// Runs a future in a scope; without one, in the scope that there is.
pub(super) fn enter<F: Future>(
    scope: Option<Current>,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    InScope { work, scope }
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
