//! A cache for code that no request runs.

use std::future::Future;
use std::ptr;
use std::sync::Arc;

use crate::cache::{Cache, Core};
use crate::render::context::{Current, Use};
use crate::render::reads::Inherited;

impl Cache {
    /// Runs `work` with this cache in reach: a job or a test can call functions under
    /// `#[static_data]` there. In a task that `work` spawns, the cache is not in reach.
    ///
    /// Inside of a page, or of the load of a value, `work` is a part of it, and its reads count
    /// there. With the cache of another layer they cannot, and the page is not stored.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().build()?;
    /// let report = isr.cache().scope(async { "made of values" }).await;
    /// # assert_eq!(report, "made of values");
    /// # Ok(())
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        let core = self.core.clone();
        // The task that polls it decides: it may be spawned out of a page.
        async move { scope_in(&core).enter(work).await }
    }
}

/// Returns the scope for work that begins here, with the cache of `core` in reach.
fn scope_in(core: &Arc<Core>) -> Current {
    let other = Current::of_other(core.home());
    let Some(here) = Current::try_here() else {
        return other;
    };

    let home = here.home().and_then(|home| home.downcast_ref::<Core>());
    let is_own = home.is_some_and(|home| ptr::eq(home, &**core));
    match here.what_is_read_is() {
        _ if is_own => here,
        // It loads anew, by whatever cache.
        Use::Draft => here,
        Use::Passing => other,
        Use::Kept => {
            // The numbers of two layers do not compare.
            here.inherit(Inherited::of_other_layer());
            other
        }
    }
}
