//! Renders that end in another order than they began, with a store behind memory.

use axum::body::Body;
use isr_layer::purge::SelectorStatus;
use isr_layer::store::Store;
use isr_layer::{Isr, IsrLayer, Purge};
use isr_tests::{Answer, MemoryStore, ask, settle};
use tokio::task::JoinHandle;
use tower::Layer;

use crate::held::Held;
use crate::stage::{End, Stage};
use crate::{A, B, POST, Process, secs};

/// A process whose renders the test holds, with a memory for one page.
struct Staged {
    stage: Stage,
    isr: IsrLayer,
    service: Isr<Stage>,
}

impl Staged {
    fn start(store: impl Store) -> Self {
        let isr = IsrLayer::builder()
            .without_registered()
            .pages([POST])
            .max_entries(1)
            .build_id("build 1")
            .store(store)
            .build()
            .expect("the settings do not contradict each other");
        let stage = Stage::default();
        let service = isr.layer(stage.clone());
        Self {
            stage,
            isr,
            service,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let answer = ask(&self.service, isr_tests::get::<Body>(path)).await;
        settle().await;
        answer
    }

    async fn visit(&self, path: &str) -> JoinHandle<Answer> {
        let (service, request) = (self.service.clone(), isr_tests::get::<Body>(path));
        let visitor = tokio::spawn(async move { ask(&service, request).await });
        settle().await;
        visitor
    }
}

/// Rule *outrun*: a render that a purge overtook changes nothing once its successor has ended,
/// neither in memory nor in the store.
#[tokio::test(start_paused = true)]
async fn a_render_that_was_overtaken_replaces_no_newer_page_in_the_store() {
    let store = MemoryStore::new();
    let process = Staged::start(store.clone());
    process.stage.hold();
    let visitor = process.visit(A).await;
    process.stage.held()[0].read();
    settle().await;
    process.stage.publish(A, 2);
    let cache = process.isr.cache();
    let purge = tokio::spawn(async move { cache.revalidate(Purge::path(A)).await });
    settle().await;

    process.stage.held()[1].end(End::Page);
    let receipt = purge.await.expect("a purge does not panic");
    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
    process.stage.held()[0].end(End::Page);
    visitor.await.expect("a visitor does not panic");

    assert_eq!(process.get(A).await.text(), "/posts/a v2");
    tokio::time::sleep(secs(1)).await;
    drop(process);
    let after = Process::start(&store);
    assert_eq!(after.get(A).await.text(), "/posts/a v2");
    assert_eq!(after.site.renders(), 0);
}

/// Rule *voidload*: a render that ends while a page is loaded makes that one void.
#[tokio::test(start_paused = true)]
async fn a_page_that_was_being_loaded_replaces_no_newer_one() {
    let held = Held::new(&MemoryStore::new());
    let process = Staged::start(held.clone());
    process.get(A).await;
    tokio::time::sleep(secs(61)).await;
    process.stage.publish(A, 2);
    process.stage.hold();
    assert_eq!(process.get(A).await.text(), "/posts/a v1");
    // Its refresh runs, and memory drops the page.
    let other = process.visit(B).await;
    process.stage.held()[1].end(End::Page);
    other.await.expect("a visitor does not panic");
    let asked = held.gate.arrivals();
    held.gate.close();
    let visitor = process.visit(A).await;
    assert_eq!(held.gate.arrivals(), asked + 1);

    process.stage.held()[0].end(End::Page);
    settle().await;
    held.gate.open();
    let answer = visitor.await.expect("a visitor does not panic");

    assert_eq!(answer.text(), "/posts/a v2");
    assert_eq!(process.get(A).await.text(), "/posts/a v2");
}

/// A page in the store is served at once while its refresh runs, though memory has dropped it.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_refresh_of_a_page_that_memory_dropped() {
    let process = Staged::start(MemoryStore::new());
    process.get(A).await;
    tokio::time::sleep(secs(61)).await;
    process.stage.hold();
    process.get(A).await;
    let other = process.visit(B).await;
    process.stage.held()[1].end(End::Page);
    other.await.expect("a visitor does not panic");

    let answer = process.get(A).await;

    assert_eq!(answer.text(), "/posts/a v1");
    assert!(
        answer.cache_status().contains("; hit; "),
        "{}",
        answer.cache_status()
    );
    assert_eq!(
        process.stage.renders(),
        3,
        "its refresh is the one that runs"
    );
}

/// Once a minute the store is told of the pages in memory, and up to which number they are valid.
#[tokio::test(start_paused = true)]
async fn pages_in_memory_are_touched_with_the_number_up_to_which_they_are_valid() {
    let held = Held::new(&MemoryStore::new());
    let process = Process::with(held.clone(), "build 1", |builder| builder.pages([POST]));
    process.get(A).await;
    process.written().await;
    process.purge(Purge::tag("another")).await;
    assert!(
        process
            .get(A)
            .await
            .cache_status()
            .starts_with("isr; hit; ")
    );
    let touches = || held.touches.lock().expect("no test panics here").clone();
    assert_eq!(touches().len(), 0);

    tokio::time::sleep(secs(80)).await;
    process.purge(Purge::tag("a third one")).await;
    process.written().await;

    let numbers = touches()
        .iter()
        .map(|touch| (touch.as_of, touch.through))
        .collect::<Vec<_>>();
    assert_eq!(
        numbers,
        [(0, 1)],
        "it was judged after the first purge alone"
    );
}
