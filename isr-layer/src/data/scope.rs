//! A cache for code that no request runs.

use std::future::Future;

use crate::cache::Cache;
use crate::render::context::{Current, Use};
use crate::render::reads::Inherited;

impl Cache {
    /// Runs `work` with this cache in reach: a job or a test can call functions under
    /// `#[static_data]` there. In a task that `work` spawns, the cache is not in reach.
    ///
    /// During a render of this cache, `work` is a part of the render. During one of another layer,
    /// the page is not stored: its purges would not reach the values of this cache.
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
        let here = Current::try_here().filter(|here| here.what_is_read_is() != Use::Passing);
        let scope = match here {
            // It goes on: what is read here becomes part of what is made there.
            Some(here) if here.is_at(&self.core.home()) => here,
            Some(here) => {
                here.inherit(Inherited::of_other_layer());
                Current::of_other(self.core.home())
            }
            None => Current::of_other(self.core.home()),
        };
        scope.enter(work)
    }
}
