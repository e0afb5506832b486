//! The store in memory that other tests use keeps every promise, until it is told to make trouble.

use isr_layer::store::{Mark, Put, Store, StoreErrorKind, Validity};
use isr_layer::testing::store_suite;
use isr_tests::{Call, MemoryStore, Trouble};

#[tokio::test]
async fn a_store_in_memory_keeps_its_promises() {
    let place = MemoryStore::new();

    store_suite(|| async { place.clone() }).await;
}

#[tokio::test(start_paused = true)]
async fn the_suite_runs_on_a_runtime_whose_time_is_paused() {
    let place = MemoryStore::new();

    store_suite(|| async { place.clone() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_runs_on_a_runtime_of_many_threads_as_a_task() {
    let place = MemoryStore::new();
    let suite = store_suite(move || std::future::ready(place.clone()));

    tokio::spawn(suite.into_future()).await.unwrap();
}

#[tokio::test]
async fn a_store_that_ends_with_its_handle_keeps_the_promises_of_one_run() {
    store_suite(|| async { MemoryStore::new() })
        .forgets_on_restart()
        .await;
}

#[tokio::test]
async fn a_store_makes_the_trouble_that_it_is_told_and_counts_its_calls() {
    let store = MemoryStore::new();
    store.join("a").unwrap();
    let put = Put::new("key", 0, Vec::new(), "a page");
    store.write(vec![put.into()]).await.unwrap();

    store.fail_at(Call::Get, Trouble::Error(StoreErrorKind::Full));
    let error = store.get(b"key").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert_eq!(store.record(&[Mark::soft("s")]).await.unwrap(), 1);

    store.fail(Trouble::Garbage);
    let found = store.get(b"unknown").await.unwrap().unwrap();
    assert_eq!(found.validity, Validity::Valid);
    assert_eq!(store.record(&[Mark::soft("s")]).await.unwrap(), 0);

    store.heal();
    let found = store.get(b"key").await.unwrap().unwrap();
    assert_eq!(found.octets, "a page");
    let calls = store.calls();
    assert_eq!(
        (calls.joins, calls.gets, calls.writes, calls.records),
        (1, 3, 1, 2)
    );
    assert_eq!(store.recorded(), [(1, Mark::soft("s"))]);
}
