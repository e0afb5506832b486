//! Deliveries that are signed, and those that come twice.

use base64::Engine as _;
use hmac::{KeyInit, Mac};

use super::tests::{Recorder, assert_refused, bearer, post, send, stranger};
use super::*;
use crate::auth::{Hmac, StandardWebhooks};
use crate::invalidation::SelectorStatus;

/// A delivery signed now, as the specification says.
fn signed(id: &str, body: &'static str) -> Request<Full<Bytes>> {
    let key = base64::prelude::BASE64_STANDARD
        .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .unwrap();
    let time = clock::unix_time().as_secs();
    let mut code = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    code.update(format!("{id}.{time}.{body}").as_bytes());
    let signature = base64::prelude::BASE64_STANDARD.encode(code.finalize().into_bytes());
    Request::post("/")
        .header("webhook-id", id)
        .header("webhook-timestamp", time)
        .header("webhook-signature", format!("v1,{signature}"))
        .body(Full::from(body))
        .unwrap()
}

fn with_ids(engine: &Arc<Recorder>) -> RevalidateService {
    let sender = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    RevalidateService::with_engine(engine.clone(), sender.into())
}

#[tokio::test]
async fn a_replayed_delivery_is_acknowledged_again_and_purges_nothing() {
    let engine = Recorder::new();
    let service = with_ids(&engine);

    let first = send(&service, signed("msg_1", r#"{"path": "/a"}"#)).await;
    let again = send(&service, signed("msg_1", r#"{"path": "/a"}"#)).await;
    let other = send(&service, signed("msg_2", r#"{"path": "/a"}"#)).await;

    assert_eq!(
        (
            first.status.as_u16(),
            again.status.as_u16(),
            other.status.as_u16()
        ),
        (200, 200, 200)
    );
    assert_eq!(again.body["revalidated"], true);
    assert_eq!(again.body["sequence"], first.body["sequence"]);
    assert_eq!(again.body["replayed"], true);
    assert!(again.body["now"].is_u64());
    assert_eq!(engine.purges().len(), 2);
}

#[tokio::test]
async fn a_delivery_without_an_id_or_with_one_too_long_to_remember_is_401_though_it_is_signed() {
    let engine = Recorder::new();

    for id in [String::new(), "m".repeat(257)] {
        assert_refused(
            &send(&with_ids(&engine), signed(&id, r#"{"path": "/a"}"#)).await,
            401,
            &engine,
        );
    }
    assert_eq!(
        send(
            &with_ids(&engine),
            signed(&"m".repeat(256), r#"{"path": "/a"}"#)
        )
        .await
        .status,
        200
    );
}

#[tokio::test]
async fn a_delivery_that_failed_or_was_malformed_is_carried_out_when_it_comes_again() {
    let engine = Recorder::new();
    let service = with_ids(&engine);
    engine.answers(SelectorStatus::Failed);

    assert_eq!(
        send(&service, signed("msg_1", r#"{"path": "/a"}"#))
            .await
            .status,
        500
    );
    assert_eq!(
        send(&service, signed("msg_2", r#"{"pth": "/a"}"#))
            .await
            .status,
        400
    );
    engine.answers(SelectorStatus::Regenerated);

    assert_eq!(
        send(&service, signed("msg_1", r#"{"path": "/a"}"#))
            .await
            .body["replayed"],
        serde_json::Value::Null
    );
    assert_eq!(
        send(&service, signed("msg_2", r#"{"path": "/b"}"#))
            .await
            .status,
        200
    );
    assert_eq!(engine.purges().len(), 3);
}

#[tokio::test]
async fn two_publishes_with_one_body_and_one_signature_are_two_purges() {
    let engine = Recorder::new();
    let github = Hmac::github("It's a Secret to Everybody").unwrap();
    let service = RevalidateService::with_engine(engine.clone(), github.into());
    let mut code =
        hmac::Hmac::<sha2::Sha256>::new_from_slice(b"It's a Secret to Everybody").unwrap();
    code.update(b"{\"path\": \"/a\"}");
    let digits: String = code
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let request = || {
        let request = Request::post("/").header("x-hub-signature-256", format!("sha256={digits}"));
        request
            .body(Full::<Bytes>::from("{\"path\": \"/a\"}"))
            .unwrap()
    };

    assert_eq!(send(&service, request()).await.status, 200);
    assert_eq!(send(&service, request()).await.status, 200);
    assert_eq!(engine.purges().len(), 2);
}

#[tokio::test]
async fn several_authenticators_are_tried_in_order() {
    let engine = Recorder::new();
    let either = Authenticators::from(
        StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap(),
    );
    let service = RevalidateService::with_engine(engine.clone(), either.or(bearer()));

    assert_eq!(
        send(&service, signed("msg_1", r#"{"path": "/a"}"#))
            .await
            .status,
        200
    );
    assert_eq!(send(&service, post(r#"{"path": "/a"}"#)).await.status, 200);
    engine.take_purges();
    assert_refused(
        &send(&service, stranger(r#"{"path": "/a"}"#)).await,
        401,
        &engine,
    );
}
