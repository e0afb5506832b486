//! A stage behind the layer, with short functions for the requests and purges of the tests and for
//! reading the responses.

use std::time::Duration;

use axum::body::Body;
use isr_layer::purge::SelectorReceipt;
use isr_layer::{Cache, IsrLayer, IsrLayerBuilder, Page, Policy, Purge, Receipt, Wrapped};
use isr_tests::{Answer, ask, get, settle};
use tokio::task::JoinHandle;

use crate::stage::Stage;

/// A post: fresh for a minute, with declared tags.
pub(crate) const POST: Page = Page::new("/posts/{slug}").with_policy(
    Policy::new()
        .revalidate(Duration::from_secs(60))
        .tags(&["posts", "post:{slug}"]),
);
/// A page without tags that never goes stale by time.
pub(crate) const ABOUT: Page = Page::new("/about");
/// The front page.
pub(crate) const INDEX: Page = Page::new("/").with_policy(Policy::new().tags(&["posts"]));

/// The path that most tests request.
pub(crate) const A: &str = "/posts/a";
/// Another instance of the same page.
pub(crate) const B: &str = "/posts/b";

/// A stage behind the layer.
pub(crate) struct House {
    pub(crate) stage: Stage,
    pub(crate) cache: Cache,
    app: Wrapped<Stage>,
}

impl House {
    /// Makes a house with the usual pages.
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// Makes a house with the usual pages and other settings.
    pub(crate) fn with(set: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder) -> Self {
        Self::of(set(IsrLayer::builder().pages([POST, ABOUT, INDEX])))
    }

    /// Makes a house with only these pages.
    pub(crate) fn pages<const N: usize>(pages: [Page; N]) -> Self {
        Self::of(IsrLayer::builder().pages(pages))
    }

    /// Makes a house with the layer of this builder.
    pub(crate) fn of(builder: IsrLayerBuilder) -> Self {
        let isr = builder
            .build()
            .expect("the pages of the tests fit together");
        let stage = Stage::default();
        let app = isr.wrap(stage.clone());
        Self {
            stage,
            cache: isr.cache(),
            app,
        }
    }

    /// Sends a request and waits for the response.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        ask(&self.app, get::<Body>(path)).await
    }

    /// Sends a request on a task of its own, and runs all tasks as far as they can go.
    pub(crate) async fn visit(&self, path: &str) -> JoinHandle<Answer> {
        let (app, request) = (self.app.clone(), get::<Body>(path));
        let visit = tokio::spawn(async move { ask(&app, request).await });
        settle().await;
        visit
    }

    /// Purges and waits for the receipt.
    pub(crate) async fn purge(&self, purge: Purge) -> Receipt {
        self.cache.revalidate(purge).await
    }

    /// Purges one selector and waits for its receipt.
    pub(crate) async fn receipt(&self, purge: Purge) -> SelectorReceipt {
        only(&self.purge(purge).await)
    }

    /// Purges on a task of its own, and runs all tasks as far as they can go.
    pub(crate) async fn purging(&self, purge: Purge) -> JoinHandle<Receipt> {
        let cache = self.cache.clone();
        let purging = tokio::spawn(async move { cache.revalidate(purge).await });
        settle().await;
        purging
    }
}

/// Requests each path once.
pub(crate) async fn warm(house: &House, paths: &[&str]) {
    for path in paths {
        house.get(path).await;
    }
}

/// Returns the receipt of the only selector.
pub(crate) fn only(receipt: &Receipt) -> SelectorReceipt {
    let [one] = receipt.receipts() else {
        panic!("one selector has one receipt: {receipt:?}")
    };
    one.clone()
}

/// Returns the result of a task, which must end while no time passes.
pub(crate) async fn done<T>(task: JoinHandle<T>) -> T {
    settle().await;
    assert!(task.is_finished(), "somebody still waits");
    task.await.expect("the task did not panic")
}

/// Moves the clock forward, and runs all tasks as far as they can go.
pub(crate) async fn pass(time: Duration) {
    tokio::time::advance(time).await;
    settle().await;
}

/// Returns the version in a page; `None` for a failure.
pub(crate) fn version(answer: &Answer) -> Option<u64> {
    if !answer.status.is_success() {
        return None;
    }
    answer
        .text()
        .split_whitespace()
        .find_map(|word| word.strip_prefix('v')?.parse().ok())
}

/// True if `Cache-Status` has a `detail`: the response is not just the current page.
pub(crate) fn is_marked(answer: &Answer) -> bool {
    answer.cache_status().contains("; detail=")
}

/// True if the response was served from memory as fresh.
pub(crate) fn is_hit(answer: &Answer) -> bool {
    answer.cache_status().contains("; hit") && !is_marked(answer)
}
