//! Purges of values by the endpoint.

use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use isr_layer::Policy;
use isr_layer::auth::Bearer;
use isr_tests::{ask, get};
use serde_json::{Value, json};

use super::source::Site;

const SECRET: &str = "a secret that is long enough";

async fn purge(site: &Site, body: Value) -> Value {
    let service = site
        .layer
        .revalidate_service(Bearer::new(SECRET).expect("it is long enough"));
    let request = Request::post("/")
        .header(AUTHORIZATION, format!("Bearer {SECRET}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("its parts are valid");
    let answer = ask(&service, request).await;
    serde_json::from_str(answer.text()).expect("a receipt is JSON")
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_purges_values_and_its_receipt_repeats_them() {
    for (selector, is_reached) in [
        (json!({"data": "item"}), true),
        (json!({"data": "item", "args": ["a"]}), true),
        (json!({"data": "item", "args": ["b"]}), false),
        (json!({"data": "other"}), false),
    ] {
        let site = Site::new(Policy::new());
        site.source.publish("a", 1);
        ask(&site.app, get("/page/a")).await;
        site.source.publish("a", 2);
        let mut body = selector.clone();
        body["mode"] = json!("expire");

        let receipt = purge(&site, body).await;
        let page = ask(&site.app, get("/page/a")).await;

        let expected = if is_reached { "version 2" } else { "version 1" };
        assert_eq!(page.text(), expected, "{selector}");
        let told = &receipt["receipts"][0];
        for (name, value) in selector.as_object().unwrap() {
            assert_eq!(&told[name], value, "{receipt}");
        }
        assert_eq!(told["status"], json!("marked"), "{receipt}");
        assert_eq!(told["matched"].as_u64() > Some(0), is_reached, "{receipt}");
    }
}
