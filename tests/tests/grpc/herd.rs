//! Tests that each message is executed once, however many calls arrive together.

use crate::stage::{Stage, query};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_at_once_are_one_execution() {
    let stage = Stage::new().await;
    stage.shop.gate().close();
    let client = stage.client().await;

    let calls = (0..1000)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.get_product(query("a")).await })
        })
        .collect::<Vec<_>>();
    stage.shop.gate().reached(1).await;
    stage.shop.gate().open();
    for call in calls {
        let answer = call
            .await
            .expect("no call panics")
            .expect("every call is answered");
        assert_eq!(answer.get_ref().id, "a");
    }

    assert_eq!(stage.shop.executions(), 1);
}

#[tokio::test]
async fn another_message_is_another_execution() {
    let stage = Stage::new().await;

    let a = stage.get("a").await.expect("it answers").into_inner();
    let b = stage.get("b").await.expect("it answers").into_inner();

    assert_eq!((a.id.as_str(), b.id.as_str()), ("a", "b"));
    assert_eq!(stage.shop.executions(), 2);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_end_the_execution() {
    let stage = Stage::new().await;
    stage.shop.gate().close();
    let mut client = stage.client().await;
    let call = tokio::spawn(async move { client.get_product(query("a")).await });
    stage.shop.gate().reached(1).await;

    call.abort();
    stage.shop.gate().open();
    let answer = stage.get("a").await;

    assert_eq!(answer.expect("it answers").get_ref().id, "a");
    assert_eq!(stage.shop.executions(), 1);
}
