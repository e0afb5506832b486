//! The revalidation endpoint names values by their function and its arguments.

use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use isr_layer::auth::Bearer;
use isr_layer::webhook::RevalidateService;
use isr_layer::{Cache, IsrLayer, static_data};
use isr_tests::{Answer, ask};
use serde_json::{Value, json};

use crate::source::{Db, Down};

const SECRET: &str = "zebra-quartz-lantern-0123456789";

#[static_data(name = "purges.titles", skip = [db])]
async fn title(db: &Db, slug: &str, language: Option<&'static str>) -> Result<String, Down> {
    let title = db.post(slug).await?.map(|post| post.title);
    Ok(format!("{title:?} in {language:?}"))
}

/// A layer's endpoint, and its cache with two titles.
async fn stand(db: &Db) -> (RevalidateService, Cache) {
    let isr = IsrLayer::builder()
        .without_registered()
        .build()
        .expect("the settings are good");
    let endpoint = isr.revalidate_service(Bearer::new(SECRET).expect("it is long enough"));
    read_both(&isr.cache(), db).await;
    (endpoint.allow_get(true), isr.cache())
}

async fn read_both(cache: &Cache, db: &Db) {
    let read = async {
        title(db, "a", None).await.expect("it loads");
        title(db, "b", Some("en")).await.expect("it loads");
    };
    cache.scope(read).await;
}

fn authorized(request: http::request::Builder) -> http::request::Builder {
    request.header(AUTHORIZATION, format!("Bearer {SECRET}"))
}

async fn post(endpoint: &RevalidateService, body: &Value) -> Answer {
    let request = authorized(Request::post("/")).header(CONTENT_TYPE, "application/json");
    ask(
        endpoint,
        request
            .body(Body::from(body.to_string()))
            .expect("a request"),
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_purges_all_values_of_a_name_or_the_one_of_its_arguments() {
    for (body, loads) in [
        (json!({"data": "purges.titles", "mode": "expire"}), 4),
        (
            json!({"data": "purges.titles", "args": ["a", null], "mode": "expire"}),
            3,
        ),
        (
            json!({"data": "purges.titles", "args": ["b", "en"], "mode": "expire"}),
            3,
        ),
        (
            json!({"data": "purges.titles", "args": ["a"], "mode": "expire"}),
            2,
        ),
        (json!({"data": "purges.others", "mode": "expire"}), 2),
    ] {
        let db = Db::new();
        let (endpoint, cache) = stand(&db).await;

        let answer = post(&endpoint, &body).await;
        read_both(&cache, &db).await;

        let receipt: Value = serde_json::from_str(answer.text()).unwrap();
        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(receipt["receipts"][0]["data"], body["data"], "{receipt}");
        assert_eq!(receipt["receipts"][0]["args"], body["args"], "{receipt}");
        assert_eq!(receipt["receipts"][0]["status"], "marked", "{receipt}");
        assert_eq!(db.loads(), loads, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_names_a_value_with_its_arguments_as_json() {
    let db = Db::new();
    let (endpoint, cache) = stand(&db).await;
    let query = "/?data=purges.titles&args=%5B%22a%22,null%5D&mode=expire";

    let answer = ask(
        &endpoint,
        authorized(Request::get(query)).body(Body::empty()).unwrap(),
    )
    .await;
    read_both(&cache, &db).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(db.loads(), 3);
}

#[tokio::test(start_paused = true)]
async fn arguments_that_name_no_value_are_refused_and_purge_nothing() {
    for (body, words) in [
        (json!({"data": "purges.titles", "args": "a"}), "array"),
        (
            json!({"data": "purges.titles", "args": {"slug": "a"}}),
            "array",
        ),
        (
            json!({"data": "purges.titles", "args": ["a".repeat(20_000)]}),
            "16 KiB",
        ),
        (json!({"args": ["a"]}), "data"),
        (json!({"data": ""}), "data"),
        (json!({"data": ["purges.titles"]}), "data"),
    ] {
        let db = Db::new();
        let (endpoint, cache) = stand(&db).await;

        let answer = post(&endpoint, &body).await;
        read_both(&cache, &db).await;

        let text = answer.text();
        assert!(!text.contains(r#""revalidated":true"#), "{text}");
        assert!(text.contains(words), "`{words}` in {text}");
        assert_eq!(db.loads(), 2, "{text}");
    }
}
