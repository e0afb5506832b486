//! Tests that a replay is recognized if the scheme has a delivery id, and is harmless otherwise.

use isr_layer::auth::{Hmac, StandardWebhooks};
use isr_tests::{Act, Reply};
use serde_json::Value;

use crate::SECRET;
use crate::call::{Call, json};
use crate::signed::{PURGE, WHSEC, github, standard, stripe};
use crate::stand::Stand;

async fn with_ids() -> Stand {
    Stand::admitting(StandardWebhooks::new(WHSEC).expect("the secret is long enough")).await
}

fn delivery(id: &str) -> Call {
    standard("webhook-", id, 0, PURGE)
}

#[tokio::test]
async fn a_delivery_that_was_acknowledged_is_acknowledged_again_and_nothing_is_done() {
    let stand = with_ids().await;
    let first = json(&stand.send(&delivery("msg_1")).await);
    let after = stand.work();

    let again = stand.send(&delivery("msg_1")).await;

    let told = json(&again);
    assert_eq!(
        (again.status.as_u16(), &told["replayed"]),
        (200, &true.into()),
        "{told}"
    );
    assert_eq!(
        (&told["sequence"], &told["revalidated"]),
        (&first["sequence"], &true.into())
    );
    assert!(told["now"].is_u64());
    assert_eq!(stand.work(), after);
}

#[tokio::test]
async fn another_delivery_of_the_same_body_is_another_purge() {
    let stand = with_ids().await;

    stand.assert_admitted(&delivery("msg_1")).await;
    stand.assert_admitted(&delivery("msg_2")).await;

    assert_eq!(stand.site.renders(), 2);
}

#[tokio::test]
async fn a_delivery_that_failed_is_carried_out_when_it_comes_again() {
    let stand = with_ids().await;
    stand.site.act(Act::Error);
    assert_eq!(stand.send(&delivery("msg_1")).await.status, 500);
    stand.site.act(Reply::page());

    let again = json(&stand.send(&delivery("msg_1")).await);

    assert_eq!(
        (&again["revalidated"], &again["replayed"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(stand.site.renders(), 2);
}

#[tokio::test]
async fn a_delivery_by_a_stranger_takes_no_id_away_from_its_owner() {
    let stand = with_ids().await;
    let forged = Call::anonymous(PURGE)
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", crate::signed::seconds(0).to_string())
        .header(
            "webhook-signature",
            "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        );

    stand.assert_refused(&forged, 401).await;

    stand.assert_admitted(&delivery("msg_1")).await;
}

#[tokio::test]
async fn a_signature_is_no_id_so_that_two_publishes_with_one_body_are_two_purges() {
    let github_stand = Stand::admitting(Hmac::github(SECRET).unwrap()).await;
    let stripe_stand = Stand::admitting(Hmac::stripe(SECRET).unwrap()).await;
    let (push, event) = (github(PURGE), stripe(0));

    for _ in 0..2 {
        github_stand.assert_admitted(&push).await;
        stripe_stand.assert_admitted(&event).await;
    }
}

#[tokio::test]
async fn a_delivery_without_an_id_or_with_one_too_long_is_401() {
    let stand = with_ids().await;

    stand.assert_refused(&delivery(""), 401).await;
    stand.assert_refused(&delivery(&"m".repeat(300)), 401).await;
}
