//! A cache for code that no request runs.

use std::future::Future;

use crate::cache::Cache;
use crate::render::context::Current;

impl Cache {
    /// Runs `work` with this cache in reach: a job or a test can call functions under
    /// `#[static_data]` there. In a task that `work` spawns, the cache is not in reach.
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
        Current::of_other(self.core.home()).enter(work)
    }
}
