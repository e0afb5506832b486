//! Tests that purges reach every message of a method.

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Purge};

use crate::shop::GET_PRODUCT;
use crate::stage::{Stage, cache_status};

/// Caches two messages and purges. Returns the versions that the next two calls get.
async fn versions_after(purge: Purge) -> (u64, u64) {
    let stage = Stage::new().await;
    for id in ["a", "b"] {
        stage.get(id).await.expect("it answers");
    }
    stage.shop.publish(2);
    stage.purge(purge).await;
    let mut versions = Vec::new();
    for id in ["a", "b"] {
        versions.push(
            stage
                .get(id)
                .await
                .expect("it answers")
                .into_inner()
                .version,
        );
    }
    (versions[0], versions[1])
}

#[tokio::test]
async fn after_a_purge_the_next_call_is_new() {
    for mode in [Mode::Regenerate, Mode::Expire] {
        assert_eq!(
            versions_after(Purge::path(GET_PRODUCT).mode(mode)).await,
            (2, 2),
            "path {mode:?}"
        );
        assert_eq!(
            versions_after(Purge::page(GET_PRODUCT).mode(Mode::Expire)).await,
            (2, 2),
            "page {mode:?}"
        );
        assert_eq!(
            versions_after(Purge::tag("catalog").mode(Mode::Expire)).await,
            (2, 2),
            "tag {mode:?}"
        );
        assert_eq!(
            versions_after(Purge::prefix("/catalog.v1.Catalog").mode(Mode::Expire)).await,
            (2, 2),
            "prefix"
        );
        assert_eq!(
            versions_after(Purge::all().mode(Mode::Expire)).await,
            (2, 2),
            "all"
        );
    }
}

#[tokio::test]
async fn a_tag_said_in_the_method_reaches_its_message_alone() {
    assert_eq!(
        versions_after(Purge::tag("product:a").mode(Mode::Expire)).await,
        (2, 0)
    );
}

#[tokio::test]
async fn a_purge_renders_every_message_that_is_cached() {
    let stage = Stage::new().await;
    for id in ["a", "b"] {
        stage.get(id).await.expect("it answers");
    }
    stage.shop.publish(2);

    let receipt = stage.purge(Purge::path(GET_PRODUCT)).await;

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(stage.shop.executions(), 4);
    let hit = stage.get("b").await.expect("it answers");
    assert!(
        cache_status(&hit).starts_with("isr; hit"),
        "{}",
        cache_status(&hit)
    );
    assert_eq!(hit.get_ref().version, 2);
}

#[tokio::test]
async fn a_method_of_which_nothing_is_cached_is_marked() {
    let stage = Stage::new().await;

    let receipt = stage.purge(Purge::path(GET_PRODUCT)).await;

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Marked);
    assert_eq!(stage.shop.executions(), 0);
}

#[tokio::test]
async fn a_purge_during_an_execution_is_not_lost() {
    let stage = Stage::new().await;
    stage.shop.gate().close();
    let mut client = stage.client().await;
    let call = tokio::spawn(async move { client.get_product(crate::stage::query("a")).await });
    stage.shop.gate().reached(1).await;

    stage
        .purge(Purge::tag("product:a").mode(Mode::Expire))
        .await;
    stage.shop.gate().open();
    call.await.expect("it ends").expect("it answers");
    stage.get("a").await.expect("it answers");

    assert_eq!(stage.shop.executions(), 2);
}
