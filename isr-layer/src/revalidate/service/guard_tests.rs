//! Limits and webhooks through the service.

use std::time::Duration;

use serde_json::json;

use super::tests::{Recorder, SECRET, assert_refused, bearer, endpoint, post, send, stranger};
use super::*;
use crate::revalidate::connection;

fn from(last: u8, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    connection::set_peer(request.extensions_mut(), ([192, 0, 2, last], 4_000).into());
    request
}

#[tokio::test(start_paused = true)]
async fn after_ten_failures_an_address_gets_429_and_its_valid_credential_is_still_accepted() {
    let engine = Recorder::new();
    let service = endpoint(&engine);
    for _ in 0..10 {
        assert_refused(&send(&service, from(1, stranger("{}"))).await, 401, &engine);
    }

    tokio::time::advance(Duration::from_millis(500)).await;
    let eleventh = send(&service, from(1, stranger("{}"))).await;
    assert_refused(&eleventh, 429, &engine);
    assert_eq!(
        eleventh.headers["retry-after"], "60",
        "rounded up, so that who obeys is not early"
    );
    assert_refused(&send(&service, from(2, stranger("{}"))).await, 401, &engine);
    assert_eq!(
        send(&service, from(1, post(r#"{"path": "/"}"#)))
            .await
            .status,
        200
    );

    tokio::time::advance(Duration::from_secs(60)).await;
    let purged = engine.take_purges();
    assert_eq!(purged.len(), 1);
    assert_refused(&send(&service, from(1, stranger("{}"))).await, 401, &engine);
}

#[tokio::test(start_paused = true)]
async fn a_credential_over_its_own_rate_gets_429_and_another_does_not() {
    let engine = Recorder::new();
    let two = bearer()
        .or_secret("the other secret of 24 bytes or more")
        .unwrap();
    let service = RevalidateService::with_engine(engine.clone(), two.into());
    let service = service.max_calls_per_minute(1).unwrap();
    let mut other = post(r#"{"path": "/"}"#);
    let secret = "Bearer the other secret of 24 bytes or more"
        .parse()
        .unwrap();
    other.headers_mut().insert("authorization", secret);

    assert_eq!(send(&service, post(r#"{"path": "/"}"#)).await.status, 200);
    engine.take_purges();
    let second = send(&service, post(r#"{"path": "/"}"#)).await;

    assert_refused(&second, 429, &engine);
    assert_eq!(second.headers["retry-after"], "60");
    assert_eq!(send(&service, other).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_failures_can_be_set() {
    let engine = Recorder::new();
    let service = endpoint(&engine).max_failures_per_minute(1).unwrap();

    assert_refused(&send(&service, from(1, stranger("{}"))).await, 401, &engine);
    assert_refused(&send(&service, from(1, stranger("{}"))).await, 429, &engine);
}

fn hooked(engine: &Arc<Recorder>, webhook: Webhook) -> RevalidateService {
    endpoint(engine).webhook(webhook).unwrap()
}

#[tokio::test]
async fn a_webhook_revalidates_what_its_payload_names() {
    let engine = Recorder::new();
    let service = hooked(
        &engine,
        Webhook::new().tag("{/_type}").path("/blog/{/slug/current}"),
    );

    let answer = send(
        &service,
        post(r#"{"_type": "post", "slug": {"current": "a"}}"#),
    )
    .await;

    assert_eq!(answer.status, 200);
    assert_eq!(
        engine.purges(),
        [Purge::batch([Purge::tag("post"), Purge::path("/blog/a")])]
    );
}

#[tokio::test]
async fn a_webhook_that_lacks_the_mapped_field_is_422_and_purges_nothing() {
    let engine = Recorder::new();
    let service = hooked(
        &engine,
        Webhook::new().tag("all").path("/blog/{/slug/current}"),
    );

    let answer = send(&service, post(r#"{"all": true}"#)).await;

    assert_refused(&answer, 422, &engine);
    assert!(
        answer.body["message"]
            .as_str()
            .unwrap()
            .contains("`/slug/current`")
    );
}

#[tokio::test]
async fn a_webhook_that_is_none_of_ours_is_acknowledged_and_nothing_is_done() {
    let engine = Recorder::new();
    let mut ping = post(r#"{"zen": "Design for failure."}"#);
    ping.headers_mut()
        .insert("x-github-event", "ping".parse().unwrap());

    let answer = send(&hooked(&engine, Webhook::github_push()), ping).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["revalidated"], false);
    assert_eq!(answer.body["receipts"], json!([]));
    assert!(engine.purges().is_empty());
}

/// Whatever a stranger, or a clumsy owner, sends: the answer says nothing of the secret. `send`
/// checks every answer.
#[tokio::test]
async fn no_answer_contains_the_secret() {
    let engine = Recorder::new();
    let service =
        RevalidateService::with_engine(engine.clone(), bearer().also_query("secret").into())
            .allow_get(true);
    let query: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();

    for body in [
        json!({"secret": SECRET, "path": "/a"}),
        json!({"secret": SECRET}),
        json!({"secret": SECRET, "x": 1}),
    ] {
        send(&service, post(body.to_string())).await;
        send(&service, post(body.to_string()[1..].to_owned())).await;
    }
    for rest in [
        "path=/a",
        "path=a",
        "pth=/a",
        "mode=x&path=/a",
        "path=https://x/",
        "",
    ] {
        let get = Request::get(format!("/?secret={query}&{rest}"))
            .body(Full::<Bytes>::default())
            .unwrap();
        send(&service, get).await;
        let twice = Request::get(format!("/?secret={query}&secret={query}&{rest}"));
        send(&service, twice.body(Full::<Bytes>::default()).unwrap()).await;
    }
    assert!(!format!("{service:?}").contains(SECRET));
}

#[tokio::test]
async fn the_host_of_http_2_and_not_a_header_is_compared_with_the_origin() {
    let engine = Recorder::new();
    let any = crate::auth::from_fn(|_| crate::auth::Verdict::accepted());
    let service = RevalidateService::with_engine(engine.clone(), any.into());
    let from = |origin: &str| {
        let request = Request::post("https://one.example/").header("origin", origin);
        request
            .body(Full::<Bytes>::from(r#"{"path": "/"}"#))
            .unwrap()
    };

    assert_eq!(
        send(&service, from("https://one.example")).await.status,
        200
    );
    engine.take_purges();
    let other = send(&service, from("https://two.example")).await;
    assert_refused(&other, 403, &engine);
}
