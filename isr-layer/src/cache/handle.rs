//! The public handle: purges and shutdown, for handlers, jobs and the endpoint. The other faces add
//! their own methods to it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use crate::invalidation::{Purge, Receipt};

/// A cheap handle to the cache of one layer, for handlers and jobs. A clone is the same cache.
///
/// The handle does not keep the application alive, so an application's state may hold it.
#[derive(Clone)]
pub struct Cache {
    pub(crate) core: Arc<Core>,
}

impl Cache {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Invalidates the entries that `purge` names, renders as its mode says, and reports the
    /// outcome for each selector.
    ///
    /// Call it after the transaction that changes the content is committed: a render that begins
    /// earlier reads and stores the old content.
    ///
    /// After the return, every request gets content whose render began after the call (`Expire`,
    /// and
    /// `Regenerate` whose receipt says `regenerated`), or the old page, marked as stale, while one
    /// refresh runs. The call waits two seconds at most for its renders: one that takes longer goes
    /// on, and its receipt says `running`.
    ///
    /// A call made while a page is rendered or a [value](crate::data) is loaded, by anything on
    /// the task of that, marks and renders nothing at once: `Regenerate` acts as `Stale`, and the receipt
    /// says `marked`. Otherwise a page that purges itself, or two that purge each other, would be
    /// rendered for ever without a client. The page that is being rendered is stored as stale if
    /// the purge reaches it. Calls of other requests, of jobs and of tasks that a render spawns are
    /// not concerned.
    ///
    /// The renders run on the tokio runtime that serves requests, so a job may call this on a
    /// runtime of its own that ends or stands still afterwards, or on none. If no request has come
    /// yet, they run on the caller's runtime; without one the entries are marked, and the receipt
    /// says so.
    ///
    /// ```
    /// use isr_layer::purge::SelectorStatus;
    /// use isr_layer::{IsrLayer, Purge};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().build()?;
    /// let receipt = isr.cache().revalidate(Purge::path("/no-such-page")).await;
    /// assert_eq!(receipt.receipts()[0].status(), SelectorStatus::NotAPage);
    /// # Ok(())
    /// # }
    /// ```
    // On the function: on the type, `into_result()?;` would be a warning too.
    #[must_use = "a purge may have failed: look at `is_revalidated`, or use `into_result`"]
    pub async fn revalidate(&self, purge: Purge) -> Receipt {
        let core = self.core.clone();
        let purge = Arc::new(purge);
        let same = purge.clone();
        let work = async move { core.revalidate(Arc::unwrap_or_clone(same)).await };
        match self.core.tasks.do_elsewhere(work).await {
            Some(receipt) => receipt,
            None => self.core.revalidate(Arc::unwrap_or_clone(purge)).await,
        }
    }

    /// Waits until no render is running: the last step of a graceful shutdown. Each render ends by
    /// its time limit. It does not wait for a [`store`](crate::IsrLayerBuilder::store):
    /// [`IsrLayer::shutdown`](crate::IsrLayer::shutdown) does.
    pub async fn drained(&self) {
        self.core.tasks.drained().await;
    }
}

impl Core {
    /// Begins no more work that no client waits for, waits for the rest, and closes the store.
    pub(crate) async fn shut_down(&self, limit: Duration) -> bool {
        self.tasks.close();
        let drained = tokio::time::timeout(limit, self.tasks.drained()).await;
        if let Some(shelf) = &self.shelf {
            shelf.shut_down().await;
        }
        drained.is_ok()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}
