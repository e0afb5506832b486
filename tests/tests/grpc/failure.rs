//! Tests methods that fail: the last good response stays, and no failure is stored as a page.

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Purge};
use tonic::Code;

use crate::frames::{self, Raw};
use crate::shop::{Act, GET_PRODUCT};
use crate::stage::{Stage, cache_status, query};

#[tokio::test]
async fn a_failing_method_keeps_the_last_good_answer() {
    for act in [
        Act::Fail(Code::Unavailable),
        Act::Fail(Code::Aborted),
        Act::Panic,
    ] {
        let stage = Stage::new().await;
        stage.get("a").await.expect("it answers");
        stage.shop.act(act.clone());

        let receipt = stage
            .purge(Purge::path(GET_PRODUCT).mode(Mode::Regenerate))
            .await;
        let kept = stage.get("a").await.expect("the last good answer is there");

        assert_eq!(
            receipt.receipts()[0].status(),
            SelectorStatus::Failed,
            "{act:?}"
        );
        assert!(
            cache_status(&kept).contains("hit"),
            "{act:?}: {}",
            cache_status(&kept)
        );
    }
}

#[tokio::test]
async fn a_failing_method_keeps_the_last_good_answer_also_when_it_must_not_be_served_unasked() {
    let stage = Stage::new().await;
    stage.get("a").await.expect("it answers");
    stage.shop.act(Act::Fail(Code::Internal));
    stage.purge(Purge::tag("catalog").mode(Mode::Expire)).await;

    let kept = stage.get("a").await.expect("the last good answer is there");

    assert_eq!(cache_status(&kept), "isr; fwd=stale; detail=grpc-status");
    assert_eq!(stage.shop.executions(), 2);
}

#[tokio::test]
async fn an_error_status_is_answered_as_it_is_and_never_stored() {
    let stage = Stage::new().await;
    stage.shop.act(Act::Fail(Code::OutOfRange));

    let failed = stage.get("a").await.expect_err("the method fails");
    stage.shop.act(Act::Answer);
    stage.purge(Purge::tag("catalog").mode(Mode::Expire)).await;
    let answer = stage.get("a").await.expect("it answers");

    assert_eq!(
        (failed.code(), failed.message()),
        (Code::OutOfRange, "told to fail")
    );
    assert_eq!(cache_status(&answer), "isr; fwd=uri-miss; stored");
    assert_eq!(stage.cache.metrics().entries(), 1);
}

#[tokio::test]
async fn a_method_that_just_failed_is_left_alone_for_a_moment() {
    let stage = Stage::new().await;
    stage.shop.act(Act::Fail(Code::ResourceExhausted));

    let first = stage.get("a").await.expect_err("the method fails");
    let second = stage.get("a").await.expect_err("the failure is remembered");

    assert_eq!(
        (first.code(), first.message()),
        (second.code(), second.message())
    );
    assert_eq!(stage.shop.executions(), 1);
}

#[tokio::test]
async fn a_failure_without_an_answer_is_a_status() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;

    stage.shop.act(Act::Panic);
    let panicked = client
        .get_product(query("a"))
        .await
        .expect_err("the method panics");
    stage.shop.act(Act::Hang);
    let late = client
        .get_hastily(query("a"))
        .await
        .expect_err("the method hangs");

    assert_eq!(
        (panicked.code(), panicked.message()),
        (Code::Internal, "the method panicked")
    );
    assert_eq!(
        (late.code(), late.message()),
        (Code::DeadlineExceeded, "the method took too long")
    );
}

#[tokio::test]
async fn a_status_of_ours_is_headers_only() {
    let stage = Stage::new().await;
    stage.shop.act(Act::Panic);

    let answer = frames::send(stage.address, Raw::call(GET_PRODUCT, frames::query("a"))).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/grpc");
    assert_eq!(answer.headers["grpc-status"], "13");
    assert!(answer.data.is_empty() && answer.trailers.is_none());
}
