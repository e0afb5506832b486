//! Tests that signatures that are almost right get 401 and do nothing.

use isr_layer::auth::{Contentful, Hmac, Hygraph, StandardWebhooks};

use crate::call::Call;
use crate::signed::{
    PURGE, WHSEC, contentful, github, hex, hygraph, seconds, sha256, standard, stripe,
};
use crate::stand::Stand;
use crate::{SECRET, WRONG};

async fn stripe_stand() -> Stand {
    Stand::admitting(Hmac::stripe(SECRET).expect("the secret is long enough")).await
}

fn stripe_header(time: impl std::fmt::Display) -> String {
    hex(&sha256(
        SECRET.as_bytes(),
        format!("{time}.{PURGE}").as_bytes(),
    ))
}

#[tokio::test]
async fn the_right_code_with_an_old_time_or_one_to_come_is_401() {
    let stripe_stand = stripe_stand().await;
    let standard_stand = Stand::admitting(StandardWebhooks::new(WHSEC).unwrap()).await;
    let contentful_stand = Stand::admitting(Contentful::new(SECRET).unwrap()).await;
    let hygraph_stand = Stand::admitting(Hygraph::new(SECRET).unwrap()).await;

    for from_now in [-310, 310, -1_000_000] {
        stripe_stand.assert_refused(&stripe(from_now), 401).await;
        standard_stand
            .assert_refused(&standard("webhook-", "msg_1", from_now, PURGE), 401)
            .await;
        contentful_stand
            .assert_refused(&contentful("/api/revalidate", from_now), 401)
            .await;
        hygraph_stand
            .assert_refused(&hygraph(from_now * 12), 401)
            .await;
    }
}

#[tokio::test]
async fn a_time_that_was_not_signed_is_401() {
    let stand = stripe_stand().await;
    let (then, now) = (seconds(-4_000), seconds(0));
    let old = stripe_header(then);

    for header in [
        format!("t={now},v1={old}"),
        format!("t={then},t={now},v1={old}"),
        format!("t={now},v1={old},t={then}"),
        format!("v1={old}"),
        format!("t=,v1={old}"),
        format!("t={then}"),
    ] {
        stand
            .assert_refused(
                &Call::anonymous(PURGE).header("stripe-signature", header),
                401,
            )
            .await;
    }
}

#[tokio::test]
async fn a_time_that_is_no_plain_number_is_401_even_when_it_is_signed() {
    let stand = stripe_stand().await;
    let now = seconds(0);

    for time in [
        format!("+{now}"),
        format!(" {now}"),
        format!("{now}.0"),
        "-1".to_owned(),
        "9".repeat(30),
        String::new(),
    ] {
        let header = format!("t={time},v1={}", stripe_header(&time));
        stand
            .assert_refused(
                &Call::anonymous(PURGE).header("stripe-signature", header),
                401,
            )
            .await;
    }
}

#[tokio::test]
async fn of_two_signatures_one_that_is_right_is_enough() {
    let stand = stripe_stand().await;
    let now = seconds(0);
    let (right, wrong) = (stripe_header(now), hex(&[7; 32]));

    for pairs in [
        format!("v1={right},v1={wrong}"),
        format!("v1={wrong},v1={right}"),
        format!("v0={wrong},v1={right}"),
    ] {
        let call = Call::anonymous(PURGE).header("stripe-signature", format!("t={now},{pairs}"));
        stand.assert_admitted(&call).await;
    }
    for pairs in [
        format!("v1={wrong},v1={wrong}"),
        format!("v0={right},v1={wrong}"),
        format!("v1={right}{wrong}"),
    ] {
        let call = Call::anonymous(PURGE).header("stripe-signature", format!("t={now},{pairs}"));
        stand.assert_refused(&call, 401).await;
    }
}

#[tokio::test]
async fn of_two_signatures_of_standard_webhooks_one_that_is_right_is_enough() {
    let stand = Stand::admitting(StandardWebhooks::new(WHSEC).unwrap()).await;
    let wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let with = |id: &str, change: &dyn Fn(&str) -> String| {
        let signed = standard("webhook-", id, 0, PURGE);
        let bytes = String::from_utf8(signed.bytes()).unwrap();
        let (before, after) = bytes.split_once("webhook-signature: ").unwrap();
        let (signature, after) = after.split_once("\r\n").unwrap();
        format!(
            "{before}webhook-signature: {}\r\n{after}",
            change(signature)
        )
        .into_bytes()
    };

    for (id, change) in [
        (
            "1",
            &(|right: &str| format!("{wrong} {right}")) as &dyn Fn(&str) -> String,
        ),
        ("2", &|right: &str| format!("{right} {wrong}")),
        ("3", &|right: &str| format!("v1a,AAAA {right}")),
    ] {
        assert_eq!(
            stand.send_bytes(&with(id, change)).await.status,
            200,
            "{id}"
        );
    }
    for (id, change) in [
        (
            "4",
            &(|_: &str| wrong.to_owned()) as &dyn Fn(&str) -> String,
        ),
        ("5", &|right: &str| right.replace("v1,", "v1a,")),
        ("6", &|right: &str| right.replace("v1,", "")),
        ("7", &|right: &str| format!("{right},{right}")),
    ] {
        stand.assert_bytes_refused(&with(id, change), 401).await;
    }
}

#[tokio::test]
async fn a_signature_that_is_cut_longer_or_of_another_digest_is_401() {
    let stand = Stand::admitting(Hmac::github(SECRET).unwrap()).await;
    let right = hex(&sha256(SECRET.as_bytes(), PURGE.as_bytes()));
    let sha1 = hex(&crate::signed::sha1(SECRET.as_bytes(), PURGE.as_bytes()));
    let values = [
        right.clone(),
        format!("sha256={}", &right[..32]),
        format!("sha256={right}00"),
        format!("sha1={sha1}"),
        format!("sha256={sha1}"),
        "sha256=".to_owned(),
    ];

    for value in values {
        stand
            .assert_refused(
                &Call::anonymous(PURGE).header("x-hub-signature-256", value),
                401,
            )
            .await;
    }
}

#[tokio::test]
async fn a_signature_by_another_secret_or_sent_twice_is_401() {
    let stand = Stand::admitting(Hmac::github(SECRET).unwrap()).await;
    let right = format!(
        "sha256={}",
        hex(&sha256(SECRET.as_bytes(), PURGE.as_bytes()))
    );
    let wrong = format!(
        "sha256={}",
        hex(&sha256(WRONG.as_bytes(), PURGE.as_bytes()))
    );
    let with = |value: &str| Call::anonymous(PURGE).header("x-hub-signature-256", value);

    stand.assert_refused(&with(&wrong), 401).await;
    stand
        .assert_refused(
            &with(&right).header("x-hub-signature-256", right.clone()),
            401,
        )
        .await;
}

#[tokio::test]
async fn a_signature_is_checked_over_the_raw_bytes() {
    let stand = Stand::admitting(Hmac::github(SECRET).unwrap()).await;
    let spaced = "{ \"path\" :\"/about\"\n}";

    stand.assert_admitted(&github(spaced)).await;
    let value = format!(
        "sha256={}",
        hex(&sha256(SECRET.as_bytes(), spaced.as_bytes()))
    );
    stand
        .assert_refused(
            &Call::anonymous(PURGE).header("x-hub-signature-256", value),
            401,
        )
        .await;
    stand
        .assert_refused(&github("no JSON, well signed"), 400)
        .await;
}
