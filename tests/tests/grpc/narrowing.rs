//! Tests that a cached method sees only the parts of a call that are in the key.

use std::time::Duration;

use isr_layer::{IsrLayer, Page, Policy};

use crate::stage::{Stage, cache_status, query, query_with};

/// The metadata that tonic's server finds in any call made from its key alone.
const ALWAYS: [&str; 2] = ["content-type", "te"];

#[tokio::test]
async fn authorization_is_not_seen_by_a_cached_method() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let mut request = query_with("a", "authorization", "Bearer secret");
    request
        .metadata_mut()
        .insert("cookie", "a=b".parse().expect("it is ASCII"));
    request.set_timeout(Duration::from_secs(5));

    client.get_product(request).await.expect("it answers");

    let seen = stage.shop.last_seen().into_headers();
    let mut names = seen
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect::<Vec<_>>();
    names.retain(|name| !ALWAYS.contains(&name.as_str()));
    assert!(names.is_empty(), "{names:?}");
}

#[tokio::test]
async fn callers_that_differ_in_undeclared_metadata_share_an_answer() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;

    client
        .get_product(query_with("a", "authorization", "Bearer one"))
        .await
        .expect("it answers");
    client
        .get_product(query_with("a", "authorization", "Bearer two"))
        .await
        .expect("it answers");

    assert_eq!(stage.shop.executions(), 1);
}

#[tokio::test]
async fn an_uncached_method_sees_everything() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;

    client
        .update_product(query_with("a", "authorization", "Bearer secret"))
        .await
        .expect("it answers");

    assert!(stage.shop.last_seen().contains_key("authorization"));
}

#[tokio::test]
async fn declared_metadata_is_seen_and_is_part_of_the_key() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;

    for language in ["de", "en", "DE"] {
        client
            .get_localized(query_with("a", "accept-language", language))
            .await
            .expect("it answers");
    }

    assert_eq!(stage.shop.executions(), 2);
    assert_eq!(
        stage
            .shop
            .last_seen()
            .get("accept-language")
            .expect("it is declared"),
        "en"
    );
}

#[tokio::test]
async fn declared_binary_metadata_comes_through() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let blob = tonic::metadata::MetadataValue::from_bytes(b"\0\xff");
    let mut request = query("a");
    request
        .metadata_mut()
        .insert_bin("x-blob-bin", blob.clone());

    let answer = client.get_localized(request).await.expect("it answers");

    assert_eq!(stage.shop.last_seen().get_bin("x-blob-bin"), Some(&blob));
    assert_eq!(cache_status(&answer), "isr; fwd=uri-miss; stored");
}

#[test]
fn what_says_how_a_call_is_sent_is_no_part_of_a_key() {
    for name in [
        "grpc-accept-encoding",
        "grpc-timeout",
        "content-type",
        "te",
        "authorization",
    ] {
        let names: &'static [&'static str] = Vec::leak(vec![name]);
        let page = Page::new("/a.B/C")
            .with_policy(Policy::new().vary(names))
            .with_unary(true);

        let error = IsrLayer::builder()
            .without_registered()
            .pages([page])
            .build()
            .expect_err("it is refused");

        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_unary_method_has_no_parameters() {
    let error = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/a.B/{method}").with_unary(true)])
        .build()
        .expect_err("it is refused");

    assert!(
        error
            .to_string()
            .contains("a unary method has no parameters"),
        "{error}"
    );
}
