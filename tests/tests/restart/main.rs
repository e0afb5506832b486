//! Tests that pages and purges outlive the process, with a store behind memory: a restart is a new
//! layer on the same store.

mod builds;
mod failures;
mod held;
mod loading;
mod nextjs;
mod overtaken;
mod prerender;
mod purges;
mod shutdown;
mod trouble;

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use isr_layer::store::Store;
use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Page, Policy, Purge, Receipt};
use isr_tests::{Answer, MemoryStore, Site, ask, settle, stage};
use tokio::task::JoinHandle;
use tower::Layer;

/// A page that is stale after 60 s and expires after an hour.
const POST: Page = Page::new("/posts/{slug}").with_policy(
    Policy::new()
        .revalidate(secs(60))
        .expire(secs(3600))
        .tags(&["posts", "post:{slug}"])
        .jitter(false),
);

const A: &str = "/posts/a";
const B: &str = "/posts/b";

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// One process: a site behind a layer with a store.
struct Process {
    site: Site,
    isr: IsrLayer,
    service: Isr<Site>,
}

impl Process {
    /// Starts a process on what the ones before have left.
    fn start(store: &MemoryStore) -> Self {
        Self::of_build(store, "build 1")
    }

    fn of_build(store: &MemoryStore, build: &str) -> Self {
        Self::with(store.clone(), build, |builder| builder.pages([POST]))
    }

    fn with(
        store: impl Store,
        build: &str,
        set: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder,
    ) -> Self {
        let builder = IsrLayer::builder().without_registered();
        let isr = set(builder)
            .build_id(build)
            .store(store)
            .build()
            .expect("the settings do not contradict each other");
        let site = Site::new();
        let service = isr.layer(site.clone());
        Self { site, isr, service }
    }

    async fn get(&self, path: &str) -> Answer {
        let answer = ask(&self.service, get(path)).await;
        settle().await;
        answer
    }

    /// Sends a GET on a task of its own.
    fn visit(&self, path: &str) -> JoinHandle<Answer> {
        let (service, request) = (self.service.clone(), get(path));
        tokio::spawn(async move { ask(&service, request).await })
    }

    async fn purge(&self, purge: Purge) -> Receipt {
        let receipt = self.isr.cache().revalidate(purge).await;
        settle().await;
        receipt
    }

    /// Waits until everything that is stored is in the store, too.
    async fn written(&self) {
        // Half a second more, so that no age is at the edge of a second.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        settle().await;
    }

    /// Ends the process after everything is written.
    async fn end(self) {
        self.written().await;
        drop(self);
        settle().await;
    }
}

fn get(path: &str) -> Request<Full<Bytes>> {
    isr_tests::get(path)
}

/// Keeps `/posts/a` at version 1 in a store.
async fn kept() -> MemoryStore {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.get(A).await;
    before.end().await;
    store
}

/// A process whose memory has room for one page.
fn small(store: &MemoryStore) -> Process {
    Process::with(store.clone(), "build 1", |builder| {
        builder.pages([POST]).max_entries(1)
    })
}

/// The text of a page at a version.
fn page(path: &str, version: u64) -> String {
    format!("{path} v{version}")
}

/// The `Age` of a response.
fn age(answer: &Answer) -> Option<u64> {
    answer.header("age").parse().ok()
}

/// Compares the version of a page and its `Cache-Status`.
#[track_caller]
fn assert_is(answer: &Answer, version: u64, status: &str) {
    let path = answer
        .text()
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(
        (answer.text(), answer.cache_status()),
        (page(&path, version).as_str(), status)
    );
}
