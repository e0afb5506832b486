//! Tests the responses of the endpoint: the receipt of each selector, and the status that sums them
//! up.

use std::net::SocketAddr;

use axum::Router;
use isr_layer::auth::{Bearer, Secret, StaticSecret};
use isr_layer::{ErrorKind, IsrLayer, Page};
use isr_tests::{Act, Reply};
use serde_json::{Value, json as value};

use crate::call::{Call, exchange, json};
use crate::stand::{Stand, assert_problem, bearer, listener};
use crate::{SECRET, WRONG};

#[tokio::test]
async fn a_receipt_tells_all_there_is_to_tell() {
    let stand = Stand::new().await;
    let before = stand.page("/posts/a").await.header("etag").to_owned();
    stand.site.publish(2);

    let answer = stand.revalidate(r#"{"path": "/posts/a"}"#).await;
    let after = stand.page("/posts/a").await.header("etag").to_owned();

    assert!(
        answer["now"].as_u64().unwrap() > 1_700_000_000_000,
        "{answer}"
    );
    assert_eq!(
        (&answer["revalidated"], &answer["sequence"]),
        (&true.into(), &1.into())
    );
    let mut receipt = answer["receipts"][0].clone();
    assert!(receipt["render_ms"].take().is_u64(), "{answer}");
    let expected = value!({
        "path": "/posts/a", "page": "/posts/{slug}", "status": "regenerated", "http": 200,
        "etag": after, "previous_etag": before, "render_ms": null,
    });
    assert_eq!(receipt, expected);
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_path_that_no_page_has_is_not_a_page_and_nothing_is_revalidated() {
    let stand = Stand::new().await;

    let answer = stand.revalidate(r#"{"path": "/no/such/page"}"#).await;

    assert_eq!(answer["revalidated"], false);
    let receipt = &answer["receipts"][0];
    assert_eq!(
        (&receipt["path"], &receipt["status"]),
        (&"/no/such/page".into(), &"not_a_page".into())
    );
    assert_eq!(
        (&receipt["page"], &receipt["http"]),
        (&Value::Null, &Value::Null),
        "{answer}"
    );
    assert_eq!(stand.site.renders(), 0);
}

#[tokio::test]
async fn a_path_that_a_page_has_and_the_database_has_not_is_unknown() {
    let stand = Stand::new().await;
    stand.site.act(Reply::status(404));

    let answer = stand
        .revalidate(r#"{"paths": ["/posts/nowhere", "/about"]}"#)
        .await;

    assert_eq!(answer["revalidated"], false);
    let receipt = &answer["receipts"][0];
    assert_eq!(
        (&receipt["status"], &receipt["http"]),
        (&"unknown_path".into(), &404.into()),
        "{answer}"
    );
}

#[tokio::test]
async fn a_good_page_that_became_404_is_regenerated() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;
    stand.site.act(Reply::status(404));

    let answer = stand.revalidate(r#"{"path": "/posts/a"}"#).await;

    let receipt = &answer["receipts"][0];
    assert_eq!(
        (&receipt["status"], &receipt["http"]),
        (&"regenerated".into(), &404.into()),
        "{answer}"
    );
    assert_eq!(answer["revalidated"], true);
    assert_eq!(stand.page("/posts/a").await.status, 404);
}

/// The purge took effect: nothing old can be served. An editor was told of a failure by which the
/// old page stays, which it did not.
#[tokio::test]
async fn a_page_that_may_not_be_stored_is_uncacheable_and_no_failure() {
    for (reply, reason) in [
        (Reply::page().header("set-cookie", "a=b"), "set-cookie"),
        (
            Reply::page().header("cache-control", "private"),
            "cache-control",
        ),
        (Reply::page().header("vary", "cookie"), "vary"),
        (Reply::status(403), "status"),
        (Reply::status(302).header("location", "/"), "status"),
    ] {
        for cached in [true, false] {
            let stand = Stand::new().await;
            if cached {
                stand.page("/posts/a").await;
            }
            stand.site.publish(2);
            stand.site.act(reply.clone());

            let path = stand.revalidate(r#"{"path": "/posts/a"}"#).await;
            let entries = stand.cache.metrics().entries();

            let receipt = &path["receipts"][0];
            assert_eq!(path["revalidated"], true, "{reason}: {path}");
            assert_eq!(receipt["status"], "uncacheable", "{reason}: {path}");
            assert_eq!(receipt["error"], Value::Null, "{reason}: {path}");
            assert_eq!(entries, 0, "{reason}: nothing old is kept");
            assert_ne!(stand.page("/posts/a").await.text(), "/posts/a v1");
        }
    }
}

#[tokio::test]
async fn of_several_pages_those_that_may_not_be_stored_are_no_failures() {
    let stand = Stand::new().await;
    for path in ["/posts/a", "/posts/b"] {
        stand.page(path).await;
    }
    stand.site.script(|seen, _| match seen.uri.path() {
        "/posts/a" => Reply::page().header("set-cookie", "a=b").into(),
        _ => Reply::page().into(),
    });

    let some = stand
        .revalidate(r#"{"tag": "posts", "mode": "regenerate"}"#)
        .await;
    let both = stand
        .revalidate(r#"{"paths": ["/posts/a", "/posts/b"]}"#)
        .await;

    let receipt = &some["receipts"][0];
    assert_eq!(receipt["status"], "uncacheable", "{some}");
    assert_eq!(receipt["error"], Value::Null, "{some}");
    assert_eq!(
        (&receipt["regenerated"], &receipt["failed"]),
        (&1.into(), &0.into())
    );
    assert_eq!(some["revalidated"], true);
    assert_eq!(both["receipts"][0]["status"], "uncacheable", "{both}");
    assert_eq!(both["receipts"][1]["status"], "regenerated", "{both}");
    assert_eq!(both["revalidated"], true);
}

#[tokio::test]
async fn a_tag_that_nobody_carries_is_no_error() {
    let stand = Stand::new().await;

    let answer = stand.revalidate(r#"{"tag": "nobody"}"#).await;

    assert_eq!(answer["revalidated"], true);
    assert_eq!(answer["receipts"][0]["matched"], 0);
}

#[tokio::test]
async fn one_unknown_among_many_is_told_and_the_rest_is_done() {
    let stand = Stand::new().await;

    let answer = stand
        .revalidate(r#"{"paths": ["/posts/a", "/nowhere"], "tag": "posts"}"#)
        .await;

    let statuses: Vec<_> = (0..3)
        .map(|place| answer["receipts"][place]["status"].clone())
        .collect();
    assert_eq!(statuses, ["regenerated", "not_a_page", "marked"]);
    assert_eq!(answer["revalidated"], false);
}

#[tokio::test]
async fn when_every_render_fails_it_is_500_and_the_last_good_pages_stay() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;
    for act in [
        Act::Error,
        Act::Panic,
        Reply::status(503).into(),
        Reply::page().chunk("half").cut().into(),
    ] {
        stand.site.act(act);

        let answer = stand
            .send(&Call::post(r#"{"paths": ["/posts/a", "/about"]}"#))
            .await;

        assert_problem(&answer, 500);
        let told = json(&answer);
        assert_eq!(told["revalidated"], false);
        assert!(told["now"].is_u64() && told["sequence"].is_u64(), "{told}");
        assert_eq!(told["receipts"][0]["status"], "failed");
        assert!(told["receipts"][0]["error"].is_string(), "{told}");
        assert_eq!(stand.page("/posts/a").await.text(), "/posts/a v1");
    }
}

#[tokio::test]
async fn when_some_renders_fail_it_is_200_and_says_which() {
    let stand = Stand::new().await;
    stand.site.script(|seen, _| match seen.uri.path() {
        "/about" => Act::Error,
        _ => Reply::page().into(),
    });

    let answer = stand
        .revalidate(r#"{"paths": ["/posts/a", "/about"]}"#)
        .await;

    assert_eq!(answer["revalidated"], false);
    assert_eq!(answer["receipts"][0]["status"], "regenerated");
    assert_eq!(answer["receipts"][1]["status"], "failed");
}

#[tokio::test]
async fn every_failure_of_a_credential_has_one_answer() {
    let both = bearer().also_query("secret");
    let stand = Stand::set(both, |service| {
        service
            .allow_get(true)
            .max_failures_per_minute(100)
            .expect("a hundred is a limit")
    })
    .await;
    let body = r#"{"path": "/about"}"#;
    let anonymous = || Call::anonymous(body);
    let calls = [
        anonymous(),
        anonymous().bearer(WRONG),
        anonymous().bearer(""),
        anonymous().bearer(&SECRET[1..]),
        anonymous().bearer(&format!("{SECRET}x")),
        anonymous().bearer(&SECRET.to_uppercase()),
        anonymous().bearer(&"x".repeat(4_000)),
        anonymous().header("authorization", SECRET),
        anonymous().header("authorization", format!("Basic {SECRET}")),
        anonymous().bearer(SECRET).bearer(SECRET),
        anonymous().to("/api/revalidate?secret="),
        anonymous().to(format!("/api/revalidate?secret={WRONG}")),
        anonymous().to(format!("/api/revalidate?secret={SECRET}&secret={SECRET}")),
        Call::anonymous("no JSON at all"),
        Call::anonymous(format!(r#"{{"secret": "{SECRET}", "path": "/about"}}"#)),
        Call::get("/api/revalidate?path=/about"),
    ];
    let mut bodies = Vec::new();
    for call in calls {
        let answer = stand.assert_refused(&call, 401).await;

        assert_eq!(answer.header("www-authenticate"), "Bearer");
        bodies.push(json(&answer));
    }
    assert_eq!(bodies[0]["message"], "Invalid token");
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn without_a_secret_there_is_no_endpoint_to_start() {
    let refused = [
        Bearer::from_env("A_SECRET_THAT_NOBODY_SETS").map(drop),
        Bearer::new("").map(drop),
        Bearer::new("23 bytes, one too few!!").map(drop),
        StaticSecret::query("secret", Secret::from("").allow_short_secret_insecure()).map(drop),
    ];

    for outcome in refused {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Secret);
    }
}

#[tokio::test]
async fn another_method_is_405_and_says_which_there_are() {
    let closed = Stand::new().await;
    let open = Stand::set(bearer(), |service| service.allow_get(true)).await;

    for method in ["PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
        let call = Call::post(r#"{"path": "/about"}"#).method(method);
        let closed = closed.assert_refused(&call, 405).await;
        let open = open.assert_refused(&call, 405).await;

        assert_eq!(closed.header("allow"), "POST, PUT", "{method}");
        assert_eq!(open.header("allow"), "GET, POST, PUT", "{method}");
    }
}

#[tokio::test]
async fn head_is_405_too_and_has_no_body() {
    let stand = Stand::new().await;

    let answer = stand
        .send_bytes(&Call::post("").method("HEAD").bytes())
        .await;

    assert_eq!((answer.status.as_u16(), answer.body.len()), (405, 0));
}

#[tokio::test]
async fn no_answer_ever_is_410() {
    // Ghost deletes a webhook when the endpoint responds with 410.
    let stand = Stand::new().await;
    stand.page("/posts/a").await;
    stand.site.act(Reply::status(410));

    let answer = stand.revalidate(r#"{"path": "/posts/a"}"#).await;

    assert_eq!(answer["receipts"][0]["http"], 410);
}

#[tokio::test]
async fn the_endpoint_below_a_page_with_a_wildcard_is_still_no_page() {
    let isr = IsrLayer::builder()
        .pages([Page::new("/{*rest}")])
        .build()
        .expect("one page cannot contradict itself");
    let router = Router::new().route_service("/api/revalidate", isr.revalidate_service(bearer()));
    let app = isr
        .wrap(router)
        .into_make_service_with_connect_info::<SocketAddr>();
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let call = Call::post(r#"{"tag": "a"}"#).bytes();
    let mut sequences = Vec::new();
    for _ in 0..2 {
        let answer = exchange(address, &call).await;
        assert_eq!(
            (answer.header("cache-control"), answer.cache_status()),
            ("no-store", "")
        );
        sequences.push(json(&answer)["sequence"].clone());
    }

    assert_eq!(
        sequences,
        [1, 2],
        "a second purge is not the first one's answer"
    );
}
