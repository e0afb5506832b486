//! The end of a process: what is written before it, and what is not.

use isr_layer::{Purge, purge::Reach};
use isr_tests::{Call, MemoryStore, Trouble, settle};

use crate::{A, B, Process, secs};

#[tokio::test(start_paused = true)]
async fn a_shutdown_writes_what_waits_and_lets_the_store_go() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    process.get(A).await;

    let is_done = process.isr.shutdown(secs(10)).await;

    assert!(is_done);
    assert_eq!(store.len(), 1);
    assert_eq!(store.handles(), 1, "only the test has it");
}

/// Requests that come after a shutdown are served.
#[tokio::test(start_paused = true)]
async fn requests_after_a_shutdown_are_served_and_purges_say_that_they_are_not_recorded() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    process.get(A).await;
    process.isr.shutdown(secs(1)).await;

    assert_eq!(process.get(A).await.cache_status(), "isr; hit; ttl=60");
    assert_eq!(process.get(B).await.status, 200);
    let receipt = process.purge(Purge::path(A)).await;

    assert_eq!(receipt.reach(), Some(Reach::Local));
    assert_eq!(store.recorded().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_begins_no_refresh_and_waits_for_those_that_run() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    process.get(A).await;
    tokio::time::sleep(secs(61)).await;
    process.site.after().close();
    process.get(A).await;
    assert_eq!(process.site.running(), 1);

    let isr = process.isr.clone();
    let shutdown = tokio::spawn(async move { isr.shutdown(secs(10)).await });
    settle().await;
    process.get(A).await;
    process.site.after().open();

    assert!(shutdown.await.expect("a shutdown does not panic"));
    assert_eq!(process.site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_at_its_limit() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    process.get(A).await;
    process.written().await;
    store.fail_at(Call::Write, Trouble::Hang);
    process.get(B).await;
    tokio::time::sleep(secs(61)).await;
    process.site.after().close();
    process.get(A).await;
    let begun = tokio::time::Instant::now();

    assert!(!process.isr.shutdown(secs(3)).await);

    assert!(
        begun.elapsed() <= secs(4) + secs(1),
        "{:?}",
        begun.elapsed()
    );
}

/// Dropped without a shutdown, a layer has what waits written on a thread of its own.
#[test]
fn a_layer_that_is_dropped_with_its_runtime_writes_what_waits() {
    let store = MemoryStore::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let process = runtime.block_on(async {
        let process = Process::start(&store);
        let answer = isr_tests::ask(&process.service, crate::get(A)).await;
        assert_eq!(answer.cache_status(), "isr; fwd=uri-miss; stored");
        process
    });
    assert_eq!(store.len(), 0, "it waits");

    drop(runtime);
    drop(process);

    assert_eq!(store.len(), 1);
    assert_eq!(store.handles(), 1);
}

/// In the other order, too.
#[test]
fn a_runtime_that_is_dropped_after_its_layer_writes_what_waits() {
    let store = MemoryStore::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let process = Process::start(&store);
        isr_tests::ask(&process.service, crate::get(A)).await;
    });
    drop(runtime);

    assert_eq!(store.len(), 1);
    assert_eq!(store.handles(), 1);
}
