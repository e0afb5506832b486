//! The public handle: what handlers, jobs and the endpoint may do with the cache.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use crate::clock;
use crate::header_mode::HeaderCache;
use crate::invalidation::{Purge, Receipt};
use crate::page::canonical;
use crate::render::Key;

/// A cheap handle to the cache of one layer, for handlers and jobs. A clone is the same cache.
///
/// It does not keep the application alive, so an application's state may hold it.
#[derive(Clone)]
pub struct Cache {
    pub(crate) core: Arc<Core>,
}

/// How much the cache holds and does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Entries in memory.
    pub entries: usize,
    /// Bytes they take, headers and bookkeeping included.
    pub bytes: u64,
    /// Renders in progress that a request could join.
    pub flights: usize,
    /// Tasks of the layer: renders and the work of revalidations.
    pub tasks: usize,
    /// Selectors whose marks are kept.
    pub marks: usize,
    /// The last sequence number: how many purges there were.
    pub sequence: u64,
}

/// What the cache knows of one path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The path in canonical spelling.
    pub path: String,
    /// The pattern of its page.
    pub page: String,
    /// Whether the bare path, without declared parameters and headers, is in memory: `fresh`, `stale`, `must-render`, or
    /// none.
    pub freshness: Option<&'static str>,
    /// Time since its render began.
    pub age: Option<Duration>,
    /// The same for each host of the list, in the order of their names, where the layer was given
    /// [`hosts`](crate::IsrLayerBuilder::hosts): every key has one of them then, and the path alone is never in memory.
    pub hosts: Vec<HostExplanation>,
}

/// What the cache knows of one path at one host.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostExplanation {
    /// The host, as it is spelt in the list.
    pub host: String,
    /// As in [`Explanation::freshness`].
    pub freshness: Option<&'static str>,
    /// Time since its render began.
    pub age: Option<Duration>,
}

impl Cache {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Invalidates what `purge` names, renders what its mode asks for, and tells what happened to each selector.
    ///
    /// When this returns, every later request is answered with content whose render began after the call (`Expire`, and
    /// `Regenerate` whose receipt says `regenerated`), or with the old page, marked as stale, while one refresh runs. It
    /// returns within two seconds: a render that takes longer goes on, and its receipt says `running`.
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
        self.core.revalidate(&purge).await
    }

    /// What the cache knows of one path, or `None` when no page has it: what is kept as its own headers say is no page.
    pub fn explain(&self, path: &str) -> Option<Explanation> {
        let path = canonical(path)?;
        let page = self.core.registry.find(&path)?;
        let now = clock::now();
        let (mut freshness, mut age, mut hosts) = (None, None, Vec::new());
        for key in Key::bare(page, &path) {
            let entry = self.core.pages.memory.get_key(&key);
            let found = entry
                .as_ref()
                .map(|entry| entry.freshness(&self.core.marks, now).as_str());
            let since = entry.map(|entry| entry.age(now));
            match key.host(page) {
                Some(host) => hosts.push(HostExplanation {
                    host,
                    freshness: found,
                    age: since,
                }),
                None => (freshness, age) = (found, since),
            }
        }
        let (path, page) = (path.clone().into_owned(), page.page.path().to_owned());
        Some(Explanation {
            path,
            page,
            freshness,
            age,
            hosts,
        })
    }

    /// How much the cache holds and does now.
    pub fn stats(&self) -> Stats {
        let mode = self.core.header_mode.as_deref();
        Stats {
            entries: self.core.pages.memory.len() + mode.map_or(0, HeaderCache::len),
            bytes: self.core.pages.memory.bytes() + mode.map_or(0, HeaderCache::bytes),
            flights: self.core.pages.flights.len() + mode.map_or(0, HeaderCache::in_flight),
            tasks: self.core.tasks.running(),
            marks: self.core.marks.len(),
            sequence: self.core.marks.published().get(),
        }
    }

    /// Waits until no render is running: the last step of a graceful shutdown. Each render ends by its time limit.
    pub async fn drained(&self) {
        self.core.tasks.drained().await;
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("stats", &self.stats())
            .finish()
    }
}
