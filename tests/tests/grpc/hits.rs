//! Tests that the second call gets an equal response from memory.

use std::time::Duration;

use isr_layer::IsrLayer;
use isr_tests::MemoryStore;

use crate::frames::{self, Raw};
use crate::shop::GET_PRODUCT;
use crate::stage::{Stage, cache_status, query};

#[tokio::test]
async fn the_second_call_is_a_hit_with_the_same_message_and_metadata() {
    let stage = Stage::new().await;

    let first = stage.get("a").await.expect("it answers");
    let second = stage.get("a").await.expect("it answers");

    assert_eq!(cache_status(&first), "isr; fwd=uri-miss; stored");
    assert_eq!(cache_status(&second), "isr; hit; ttl=60");
    assert_eq!(first.get_ref(), second.get_ref());
    assert_eq!(
        second.metadata().get("x-shop").expect("metadata is kept"),
        "open"
    );
    assert_eq!(second.metadata().get("age").expect("the age is told"), "0");
    assert_eq!(stage.shop.executions(), 1);
}

#[tokio::test]
async fn a_hit_has_the_trailers_of_the_first_answer_and_nothing_that_belongs_to_get() {
    let stage = Stage::new().await;
    let call = || Raw::call(GET_PRODUCT, frames::query("a"));

    let first = frames::send(stage.address, call()).await;
    let second = frames::send(stage.address, call()).await;

    assert_eq!(first.data, second.data);
    assert_eq!(first.trailers, second.trailers);
    assert_eq!(
        second.trailers.expect("a call ends with trailers")["grpc-status"],
        "0"
    );
    for name in ["etag", "cache-control", "vary", "content-length"] {
        assert!(!second.headers.contains_key(name), "{name}");
    }
    assert_eq!(second.headers["content-type"], "application/grpc");
}

#[tokio::test]
async fn conditions_and_ranges_of_a_call_mean_nothing() {
    let stage = Stage::new().await;
    stage.get("a").await.expect("it answers");
    let call = Raw::call(GET_PRODUCT, frames::query("a"))
        .with("if-none-match", "*")
        .with("range", "bytes=0-1");

    let answer = frames::send(stage.address, call).await;

    assert_eq!(answer.status, 200);
    assert!(answer.data.len() > 5);
}

#[tokio::test]
async fn a_stale_answer_is_served_while_one_execution_refreshes_it() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.get_briefly(query("a")).await.expect("it answers");
    stage.shop.publish(2);
    // The network needs a running clock, so time is paused only while it moves forward.
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(150)).await;
    tokio::time::resume();

    let stale = client.get_briefly(query("a")).await.expect("it answers");
    stage.cache.drained().await;
    let fresh = client.get_briefly(query("a")).await.expect("it answers");

    assert!(
        cache_status(&stale).contains("detail=stale"),
        "{}",
        cache_status(&stale)
    );
    assert_eq!((stale.get_ref().version, fresh.get_ref().version), (0, 2));
}

#[tokio::test]
async fn the_format_of_messages_is_part_of_the_key() {
    let stage = Stage::new().await;
    stage.get("a").await.expect("it answers");
    let same =
        Raw::call(GET_PRODUCT, frames::query("a")).with("content-type", "application/grpc+proto");
    let other =
        Raw::call(GET_PRODUCT, frames::query("a")).with("content-type", "application/grpc+json");

    let same = frames::send(stage.address, same).await;
    let other = frames::send(stage.address, other).await;

    assert_eq!(same.cache_status(), "isr; hit; ttl=60");
    assert_eq!(other.cache_status(), "isr; fwd=uri-miss; stored");
}

/// With a store behind memory, a call that was answered before a restart is not executed after it.
#[tokio::test]
async fn a_restart_gives_the_message_the_metadata_and_the_trailers_of_before() {
    let store = MemoryStore::new();
    let start = || {
        let builder = IsrLayer::builder().build_id("1").store(store.clone());
        builder
            .build()
            .expect("the methods do not contradict each other")
    };
    let call = |id| Raw::call(GET_PRODUCT, frames::query(id));
    let isr = start();
    let before = Stage::behind(isr.clone()).await;
    let first = frames::send(before.address, call("a")).await;
    isr.shutdown(Duration::from_secs(10)).await;

    let after = Stage::behind(start()).await;
    let second = frames::send(after.address, call("a")).await;
    let other = frames::send(after.address, call("b")).await;

    assert_eq!(
        (&second.data, &second.trailers),
        (&first.data, &first.trailers)
    );
    assert_eq!(second.headers["x-shop"], first.headers["x-shop"]);
    let status = second.headers["cache-status"].to_str().expect("it is text");
    assert!(status.ends_with("; isr-from=store"), "{status}");
    assert_ne!(other.data, first.data, "another message is another key");
    assert_eq!(after.shop.executions(), 1);
}
