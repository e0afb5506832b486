use std::time::Duration;

use super::*;
use crate::revalidate::auth::testing::Recorded;

const OTHER: &str = "another secret of 24 bytes or more";
const HOUR: Duration = Duration::from_secs(60 * 60);
const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);
const SECOND: Duration = Duration::from_secs(1);

fn accepted_only_whole(
    preset: fn(&'static str) -> Result<Hmac, Error>,
    secret: &'static str,
    recorded: &Recorded,
    header: &str,
) {
    recorded.assert_only_accepted_whole(
        &preset(secret).unwrap(),
        &preset(OTHER).unwrap(),
        &[header],
    );
}

/// From GitHub's documentation, "Validating webhook deliveries".
#[test]
fn github_s_documented_signature_is_accepted() {
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let recorded = Recorded::new(&[("x-hub-signature-256", signature)], "Hello, World!");

    accepted_only_whole(
        Hmac::github,
        "It's a Secret to Everybody",
        &recorded,
        "x-hub-signature-256",
    );
}

/// `sign` of npm `@octokit/webhooks-methods` 6.0.0.
#[test]
fn github_is_accepted() {
    let body = "{\"ref\":\"refs/heads/main\",\"commits\":[{\"id\":\"1\",\
                \"added\":[\"posts/new.md\"],\"removed\":[],\"modified\":[\"posts/ü.md\"]}]}";
    let signature = "sha256=3f39f716a63aa318148c893d79149a17fa31b616ffa2b0ee21051dc82323e733";
    let recorded = Recorded::new(&[("x-hub-signature-256", signature)], body);

    accepted_only_whole(
        Hmac::github,
        "github-secret-of-24-bytes-or-more",
        &recorded,
        "x-hub-signature-256",
    );
    let without_prefix = recorded.with("x-hub-signature-256", &signature["sha256=".len()..]);
    assert!(
        !without_prefix.is_accepted_by(&Hmac::github("github-secret-of-24-bytes-or-more").unwrap())
    );
}

/// `getHmac` of npm `@shopify/shopify-api` 13.1.0, accepted by its `webhooks.validate`.
#[test]
fn shopify_is_accepted() {
    let signature = "Xr6jcFfAOAQtSCj94RrNkkLJUeJeL8+PlODDq3Hecc8=";
    let recorded = Recorded::new(
        &[("x-shopify-hmac-sha256", signature)],
        r#"{"id":1,"handle":"blue-shirt"}"#,
    );

    accepted_only_whole(
        Hmac::shopify,
        "shopify-secret-of-24-bytes-or-more",
        &recorded,
        "x-shopify-hmac-sha256",
    );
}

/// `encodeSignatureHeader` of npm `@sanity/webhook` 4.0.4.
#[test]
fn sanity_is_accepted_for_an_hour_since_it_retries() {
    let header = "t=1790000000123,v1=0_GAbqVgsLcmB_ajBjkhgBjpldLS4aFHskxL8faVn7Y";
    let body = r#"{"_id":"a1","_type":"post","slug":{"current":"hällo"}}"#;
    let recorded = Recorded::new(&[("sanity-webhook-signature", header)], body);
    let secret = "sanity-secret-of-24-bytes-or-more";
    let sanity = Hmac::sanity(secret).unwrap();

    accepted_only_whole(Hmac::sanity, secret, &recorded, "sanity-webhook-signature");
    assert!(recorded.clone().later(HOUR).is_accepted_by(&sanity));
    assert!(!recorded.later(HOUR + SECOND).is_accepted_by(&sanity));
}

/// `webhooks.generateTestHeaderString` of npm `stripe` 23.1.0.
#[test]
fn stripe_is_accepted_for_five_minutes_both_ways() {
    let header = "t=1790000000,v1=4d27da6de2cc24515df674a06f5551a1b18dee03a49303d04e5ea1fead52f374";
    let recorded = Recorded::new(
        &[("stripe-signature", header)],
        r#"{"id":"evt_1","type":"product.updated"}"#,
    );
    let secret = "whsec_stripe-secret-of-24-bytes-or-more";
    let stripe = Hmac::stripe(secret).unwrap();

    accepted_only_whole(Hmac::stripe, secret, &recorded, "stripe-signature");
    assert!(
        recorded
            .clone()
            .earlier(FIVE_MINUTES)
            .is_accepted_by(&stripe)
    );
    assert!(
        !recorded.clone().later(FIVE_MINUTES).is_accepted_by(&stripe),
        "an old time under the right code"
    );
    assert!(
        !recorded
            .earlier(FIVE_MINUTES + SECOND)
            .is_accepted_by(&stripe)
    );
}

#[test]
fn one_right_signature_of_two_is_enough_and_a_moved_time_is_not() {
    let right = "v1=4d27da6de2cc24515df674a06f5551a1b18dee03a49303d04e5ea1fead52f374";
    let wrong = format!("v1={}", "0".repeat(64));
    let body = r#"{"id":"evt_1","type":"product.updated"}"#;
    let stripe = Hmac::stripe("whsec_stripe-secret-of-24-bytes-or-more").unwrap();
    let accepts =
        |header: &str| Recorded::new(&[("stripe-signature", header)], body).is_accepted_by(&stripe);

    assert!(accepts(&format!("t=1790000000,{wrong},{right}")));
    assert!(accepts(&format!("t=1790000000,{right},{wrong}")));
    assert!(!accepts(&format!("t=1790000001,{right}")));
    assert!(
        !accepts(&format!(
            "t=1790000000,{}{right}",
            format!("{wrong},").repeat(8)
        )),
        "beyond the eighth"
    );
}

/// Made by the signing lines of Ghost itself (TryGhost/Ghost, `services/webhooks`): the first by
/// `webhook-trigger.js` at commit 8b75352, the second by `trigger.js` at 1272871, which did not
/// sign the time yet.
#[test]
fn both_schemes_of_ghost_are_accepted() {
    let body = r#"{"post":{"current":{"id":"1","slug":"hällo"},"previous":{}}}"#;
    let new =
        "sha256=57eb636df4ce7dab18aedf960f8743e5562e793e141597ac9d67c73c67c6deb6, t=1790000000123";
    let old =
        "sha256=df6557cdb72c5e5b7d55f44d1a94aa53cb2e6e86cf68a904537ee4d8a8677ce6, t=1790000000123";
    let secret = "ghost-secret-of-24-bytes-or-more";
    let ghost = Hmac::ghost(secret).unwrap();

    for header in [new, old] {
        let recorded = Recorded::new(&[("x-ghost-signature", header)], body);
        accepted_only_whole(Hmac::ghost, secret, &recorded, "x-ghost-signature");
        assert!(!recorded.later(FIVE_MINUTES + SECOND).is_accepted_by(&ghost));
    }
    let moved = Recorded::new(&[("x-ghost-signature", &new.replace("0123", "0124"))], body);
    assert!(!moved.is_accepted_by(&ghost));
}

/// Made by the program in Storyblok's "Securing Webhooks: Verifying Signatures in Different
/// Technologies", on Node.js 20.20.2.
#[test]
fn storyblok_is_accepted() {
    let body = r#"{"action":"published","story_id":123,"space_id":123,"full_slug":"posts/a"}"#;
    let recorded = Recorded::new(
        &[(
            "webhook-signature",
            "9649a950b021aaba42a1cda9415341bcdba1cfa0",
        )],
        body,
    );

    accepted_only_whole(
        Hmac::storyblok,
        "storyblok-secret-of-24-bytes-or-more",
        &recorded,
        "webhook-signature",
    );
}

#[test]
fn both_secrets_are_accepted_and_told_apart() {
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let recorded = Recorded::new(&[("x-hub-signature-256", signature)], "Hello, World!");
    let rotated = Hmac::github(OTHER)
        .unwrap()
        .or_secret("It's a Secret to Everybody")
        .unwrap();

    let verdict = recorded.verdict(&rotated);

    assert!(verdict.is_accepted());
    assert_eq!(verdict.credential, 1);
}

#[test]
fn a_short_secret_and_a_bad_header_are_refused_at_start() {
    assert_eq!(Hmac::github("short").unwrap_err().kind(), ErrorKind::Secret);
    assert_eq!(
        Hmac::sha1("x y", OTHER).unwrap_err().kind(),
        ErrorKind::Configuration
    );
}

#[test]
fn debug_prints_no_secret() {
    assert!(!format!("{:?}", Hmac::github(OTHER).unwrap()).contains("another"));
}
