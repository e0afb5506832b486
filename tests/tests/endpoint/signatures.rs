//! Tests the authenticators that check signatures: each option, and each preset by its name.

use isr_layer::auth::{Contentful, Hmac, Hygraph, StandardWebhooks, Timed};

use crate::SECRET;
use crate::call::Call;
use crate::signed::{
    PURGE, WHSEC, base64, base64url, contentful, github, hex, hygraph, milliseconds, seconds, sha1,
    sha256, standard, stripe,
};
use crate::stand::Stand;

/// Asserts that a call with this header is carried out, and that a change of body, value or name
/// gets a 401.
async fn assert_only(authenticator: Hmac, header: &str, value: String) {
    let stand = Stand::admitting(authenticator).await;

    stand
        .assert_admitted(&Call::anonymous(PURGE).header(header, value.clone()))
        .await;
    stand
        .assert_refused(
            &Call::anonymous(format!("{PURGE} ")).header(header, value.clone()),
            401,
        )
        .await;
    stand
        .assert_refused(&Call::anonymous(PURGE).header(header, spoiled(&value)), 401)
        .await;
    stand
        .assert_refused(&Call::anonymous(PURGE).header("x-other", value), 401)
        .await;
}

/// Changes one digit of the signature. Not the last one, since not all of its bits may count.
fn spoiled(value: &str) -> String {
    let place = value.len() - 5;
    let other = if &value[place..=place] == "0" {
        "1"
    } else {
        "0"
    };
    format!("{}{other}{}", &value[..place], &value[place + 1..])
}

fn key() -> &'static [u8] {
    SECRET.as_bytes()
}

#[tokio::test]
async fn each_digest_in_each_encoding() {
    let (long, short) = (
        sha256(key(), PURGE.as_bytes()),
        sha1(key(), PURGE.as_bytes()),
    );
    let sha256 = || Hmac::sha256("x-signature", SECRET).unwrap();
    let sha1 = || Hmac::sha1("x-signature", SECRET).unwrap();

    assert_only(sha256(), "x-signature", hex(&long)).await;
    assert_only(sha256().base64(), "x-signature", base64(&long)).await;
    assert_only(sha256().base64url(), "x-signature", base64url(&long)).await;
    assert_only(sha1(), "x-signature", hex(&short)).await;
    assert_only(sha1().base64(), "x-signature", base64(&short)).await;
    assert_only(sha1().base64url(), "x-signature", base64url(&short)).await;
    assert_only(
        sha256().prefix("v0:"),
        "x-signature",
        format!("v0:{}", hex(&long)),
    )
    .await;
}

#[tokio::test]
async fn a_time_is_signed_before_or_after_the_body_in_seconds_or_milliseconds() {
    let timed = |timed| Hmac::sha256("x-signature", SECRET).unwrap().timed(timed);
    let (now, millis) = (seconds(0), milliseconds(0));
    let before = |time: i64| hex(&sha256(key(), format!("{time}.{PURGE}").as_bytes()));
    let after = |time: i64| hex(&sha256(key(), format!("{PURGE}{time}").as_bytes()));
    let pairs = || Timed::pairs("t", "v1");

    assert_only(
        timed(pairs()),
        "x-signature",
        format!("t={now},v1={}", before(now)),
    )
    .await;
    assert_only(
        timed(pairs().milliseconds()),
        "x-signature",
        format!("t={millis},v1={}", before(millis)),
    )
    .await;
    assert_only(
        timed(pairs().body_then_time()),
        "x-signature",
        format!("t={now},v1={}", after(now)),
    )
    .await;
}

#[tokio::test]
async fn the_tolerance_of_a_time_can_be_set() {
    let day = Timed::pairs("t", "v1").tolerance(crate::secs(86_400));
    let stand =
        Stand::admitting(Hmac::sha256("stripe-signature", SECRET).unwrap().timed(day)).await;

    stand.assert_admitted(&stripe(-86_000)).await;
    stand.assert_admitted(&stripe(86_000)).await;
    stand.assert_refused(&stripe(-87_000), 401).await;
}

#[tokio::test]
async fn github_shopify_and_storyblok_sign_the_body_alone() {
    let (long, short) = (
        sha256(key(), PURGE.as_bytes()),
        sha1(key(), PURGE.as_bytes()),
    );

    assert_only(
        Hmac::github(SECRET).unwrap(),
        "X-Hub-Signature-256",
        format!("sha256={}", hex(&long)),
    )
    .await;
    assert_only(
        Hmac::shopify(SECRET).unwrap(),
        "X-Shopify-Hmac-Sha256",
        base64(&long),
    )
    .await;
    assert_only(
        Hmac::storyblok(SECRET).unwrap(),
        "webhook-signature",
        hex(&short),
    )
    .await;
}

#[tokio::test]
async fn sanity_and_stripe_sign_the_time_before_the_body() {
    let (now, millis) = (seconds(0), milliseconds(0));
    let signed = |time: i64| sha256(key(), format!("{time}.{PURGE}").as_bytes());

    let sanity = format!("t={millis},v1={}", base64url(&signed(millis)));
    assert_only(
        Hmac::sanity(SECRET).unwrap(),
        "sanity-webhook-signature",
        sanity,
    )
    .await;
    let stripe = format!("t={now},v1={}", hex(&signed(now)));
    assert_only(Hmac::stripe(SECRET).unwrap(), "Stripe-Signature", stripe).await;
}

#[tokio::test]
async fn ghost_signs_the_time_after_the_body_and_once_signed_the_body_alone() {
    let millis = milliseconds(0);
    let new = hex(&sha256(key(), format!("{PURGE}{millis}").as_bytes()));
    let old = hex(&sha256(key(), PURGE.as_bytes()));

    for signature in [new, old] {
        let stand = Stand::admitting(Hmac::ghost(SECRET).unwrap()).await;
        let header = |signature: &str| format!("sha256={signature}, t={millis}");
        stand
            .assert_admitted(
                &Call::anonymous(PURGE).header("X-Ghost-Signature", header(&signature)),
            )
            .await;
        let wrong =
            Call::anonymous(PURGE).header("X-Ghost-Signature", header(&spoiled(&signature)));
        stand.assert_refused(&wrong, 401).await;
    }
}

#[tokio::test]
async fn standard_webhooks_with_their_own_headers_or_svix() {
    let own = Stand::admitting(StandardWebhooks::new(WHSEC).unwrap()).await;
    let svix = StandardWebhooks::new(WHSEC)
        .unwrap()
        .header_prefix("svix-")
        .unwrap();
    let svix = Stand::admitting(svix).await;

    own.assert_admitted(&standard("webhook-", "msg_1", 0, PURGE))
        .await;
    svix.assert_admitted(&standard("svix-", "msg_1", 0, PURGE))
        .await;
    own.assert_refused(&standard("svix-", "msg_2", 0, PURGE), 401)
        .await;
    svix.assert_refused(&standard("webhook-", "msg_2", 0, PURGE), 401)
        .await;
}

#[tokio::test]
async fn contentful_signs_the_method_the_path_and_the_headers_it_names() {
    let stand = Stand::admitting(Contentful::new(SECRET).unwrap()).await;

    stand
        .assert_admitted(&contentful("/api/revalidate", 0))
        .await;
    stand
        .assert_refused(&contentful("/api/other", 0).to("/api/revalidate"), 401)
        .await;
    stand
        .assert_refused(&contentful("/api/revalidate", 0).method("PUT"), 401)
        .await;
}

#[tokio::test]
async fn hygraph_signs_the_body_its_environment_and_the_time() {
    let stand = Stand::admitting(Hygraph::new(SECRET).unwrap()).await;

    stand.assert_admitted(&hygraph(0)).await;
    stand
        .assert_refused(
            &Call::anonymous(PURGE).header("gcms-signature", "sign=, env=master, t=1"),
            401,
        )
        .await;
}

#[tokio::test]
async fn a_signature_by_the_secret_being_rotated_is_accepted() {
    let rotated = Hmac::github("the-next-secret-of-24-bytes")
        .unwrap()
        .or_secret(SECRET)
        .unwrap();

    Stand::admitting(rotated)
        .await
        .assert_admitted(&github(PURGE))
        .await;
}
