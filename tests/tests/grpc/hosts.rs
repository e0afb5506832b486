//! Tests calls for listed hosts: the host is part of a call's key, as for any page.

use isr_layer::{IsrLayer, Mode, Purge};
use tonic::Response;
use tonic::transport::Endpoint;

use crate::proto::Product;
use crate::proto::catalog_client::CatalogClient;
use crate::stage::{Stage, cache_status, query};

async fn stage() -> Stage {
    let builder = IsrLayer::builder().hosts(["one.example", "two.example:8080"]);
    Stage::behind(builder.build().expect("all of it is accepted")).await
}

/// Sends a call with this `:authority`.
async fn get_at(stage: &Stage, authority: &str) -> Response<Product> {
    let endpoint = Endpoint::from_shared(format!("http://{}", stage.address)).expect("it is a URI");
    let endpoint = endpoint.origin(format!("http://{authority}").parse().expect("it is a URI"));
    let channel = endpoint.connect().await.expect("the server listens");
    CatalogClient::new(channel)
        .get_product(query("a"))
        .await
        .expect("it answers")
}

#[tokio::test]
async fn each_host_has_answers_of_its_own() {
    let stage = stage().await;

    for status in ["isr; fwd=uri-miss; stored", "isr; hit; ttl=60"] {
        for authority in ["one.example", "two.example:8080"] {
            let answer = get_at(&stage, authority).await;

            assert_eq!(cache_status(&answer), status, "{authority}");
        }
    }
    assert_eq!(
        cache_status(&get_at(&stage, "ONE.example:81").await),
        "isr; hit; ttl=60"
    );
    assert_eq!(
        stage
            .shop
            .last_seen()
            .get("host")
            .expect("a method sees the host"),
        "two.example:8080"
    );
    assert_eq!(stage.shop.executions(), 2);
}

#[tokio::test]
async fn one_purge_reaches_the_answers_of_all_hosts() {
    let stage = stage().await;
    get_at(&stage, "one.example").await;
    get_at(&stage, "two.example:8080").await;
    stage.shop.publish(2);

    stage
        .purge(Purge::tag("product:a").mode(Mode::Expire))
        .await;

    for authority in ["one.example", "two.example:8080"] {
        assert_eq!(
            get_at(&stage, authority).await.get_ref().version,
            2,
            "{authority}"
        );
    }
    assert_eq!(stage.shop.executions(), 4);
}

#[tokio::test]
async fn a_call_for_another_host_passes_untouched() {
    let stage = stage().await;

    for _ in 0..2 {
        let answer = get_at(&stage, "evil.example").await;

        assert_eq!(cache_status(&answer), "");
    }

    assert_eq!(
        (stage.shop.executions(), stage.cache.metrics().entries()),
        (2, 0)
    );
}
