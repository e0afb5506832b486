use std::time::Duration;

use super::*;
use crate::revalidate::auth::testing::Recorded;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SIGNATURE: &str = "v1,bHjcB0neGnxaGXS1DxdmxFSCLvBt2PDKa79Jvdgq90I=";

/// `Webhook.sign` of npm `standardwebhooks` 1.1.1.
fn recorded() -> Recorded {
    let headers = [
        ("webhook-id", ID),
        ("webhook-timestamp", "1790000000"),
        ("webhook-signature", SIGNATURE),
    ];
    Recorded::new(&headers, r#"{"path":"/posts/a"}"#)
}

fn sender(secret: &str) -> StandardWebhooks {
    StandardWebhooks::new(secret).unwrap()
}

#[test]
fn a_signed_delivery_is_accepted_with_its_id() {
    let needed = ["webhook-id", "webhook-timestamp", "webhook-signature"];

    recorded().assert_only_accepted_whole(&sender(SECRET), &sender(OTHER), &needed);
    assert_eq!(
        recorded().verdict(&sender(SECRET)).delivery.as_deref(),
        Some(ID)
    );
}

/// The example of the specification 1.0.0, which npm `standardwebhooks` 1.1.1 signs alike.
#[test]
fn the_example_of_the_specification_is_accepted() {
    let headers = [
        ("webhook-id", ID),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ];
    let mut example = Recorded::new(&headers, r#"{"test": 2432232314}"#);
    example.received_at = Duration::from_secs(1_614_265_330);

    assert!(example.is_accepted_by(&sender("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
}

/// `Webhook.sign` of npm `svix` 1.99.1.
#[test]
fn svix_s_names_of_headers_are_accepted() {
    let headers = [
        ("svix-id", "msg_2b"),
        ("svix-timestamp", "1790000000"),
        (
            "svix-signature",
            "v1,tkOMQ28lfqOPTj7ksOCQ/vq0flhl5+Kr9eFmPxDg56k=",
        ),
    ];
    let recorded = Recorded::new(&headers, r#"{"path":"/posts/a"}"#);

    assert!(recorded.is_accepted_by(&sender(SECRET).header_prefix("svix-").unwrap()));
    assert!(!recorded.is_accepted_by(&sender(SECRET)));
}

#[test]
fn a_time_is_accepted_for_five_minutes_both_ways() {
    // The recorded time has no milliseconds; the request was received 123 ms after it.
    let moved = |seconds: i64| {
        let by = Duration::from_secs(seconds.unsigned_abs());
        let recorded = if seconds < 0 {
            recorded().earlier(by)
        } else {
            recorded().later(by)
        };
        recorded.is_accepted_by(&sender(SECRET))
    };

    assert!(moved(299) && moved(-300));
    assert!(!moved(300) && !moved(-301));
}

#[test]
fn one_right_signature_of_several_is_enough_whatever_their_versions() {
    let wrong = format!("v1,{}=", "A".repeat(43));
    let with = |signatures: &str| {
        recorded()
            .with("webhook-signature", signatures)
            .is_accepted_by(&sender(SECRET))
    };

    assert!(with(&format!("{wrong} {SIGNATURE}")));
    assert!(with(&format!("v1a,xyz v2,abc {SIGNATURE} {wrong}")));
    assert!(!with(&SIGNATURE.replace("v1,", "v1a,")));
    assert!(!with(&SIGNATURE.replace("v1,", "")));
}

#[test]
fn both_secrets_are_accepted_while_one_is_replaced() {
    let rotated = sender(OTHER).or_secret(SECRET).unwrap();

    assert_eq!(recorded().verdict(&rotated).credential, 1);
}

#[test]
fn a_secret_that_is_not_base64_or_short_is_refused_at_start() {
    assert_eq!(
        StandardWebhooks::new("whsec_*").unwrap_err().kind(),
        ErrorKind::Secret
    );
    assert!(
        StandardWebhooks::new("whsec_AAAA")
            .unwrap_err()
            .to_string()
            .contains("3 bytes")
    );
}
