//! Responses that are never stored.

use http::Method;
use isr_tests::{Reply, Site, ask, request, settle};
use tower::Layer;

use crate::{Plain, builder, pass, says, site_and_layer, site_that_says, site_with, visit};

async fn assert_not_stored(reply: Reply, detail: &str) {
    let (site, service) = site_that_says("");
    site.act(reply);

    let first = visit(&service).await;
    visit(&service).await;

    assert_eq!(site.renders(), 2, "{detail}");
    assert_eq!(
        first.cache_status(),
        format!("isr; fwd=uri-miss; detail={detail}")
    );
}

#[tokio::test]
async fn no_store_private_and_no_cache_are_obeyed_in_every_spelling() {
    for cache_control in [
        "max-age=60, no-store",
        "No-Store, max-age=60",
        "max-age=60, private",
        "max-age=60, private=\"x-user\"",
        "max-age=60, no-cache",
        "no-cache=\"x\", max-age=60",
        "max-age=60, x=\"unfinished",
    ] {
        assert_not_stored(says(cache_control), "cache-control").await;
    }
    assert_not_stored(
        says("max-age=60").header("cache-control", "no-store"),
        "cache-control",
    )
    .await;
}

#[tokio::test]
async fn must_understand_stands_above_no_store_for_a_status_we_understand() {
    let (site, service) = site_that_says("max-age=60, no-store, must-understand");

    visit(&service).await;
    visit(&service).await;

    assert_eq!(site.renders(), 1);
    assert_not_stored(
        Reply::status(599).header("cache-control", "max-age=60, must-understand"),
        "status",
    )
    .await;
}

#[tokio::test]
async fn a_set_cookie_a_206_and_a_304_are_not_stored() {
    assert_not_stored(says("max-age=60").header("set-cookie", "a=b"), "set-cookie").await;
    assert_not_stored(
        Reply::status(206).header("cache-control", "max-age=60"),
        "status",
    )
    .await;
    assert_not_stored(
        Reply::status(304).header("cache-control", "max-age=60"),
        "status",
    )
    .await;
}

/// A client that sent no `Accept-Encoding` cannot read it.
#[tokio::test]
async fn an_encoded_body_that_does_not_vary_by_accept_encoding_is_not_stored() {
    for coding in ["gzip", "br", "identity, zstd", "X-GZip"] {
        let encoded = || says("max-age=60").header("content-encoding", coding);
        assert_not_stored(encoded(), "vary").await;
        assert_not_stored(encoded().header("vary", "accept-language"), "vary").await;
        for (name, value) in [
            ("vary", "Accept-Encoding"),
            ("vary", "origin, ACCEPT-encoding"),
        ] {
            let (site, service) = site_that_says("");
            site.act(encoded().header(name, value));
            visit(&service).await;

            assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=60");
        }
    }
    for no_coding in ["identity", "utf-8"] {
        let (site, service) = site_that_says("");
        site.act(says("max-age=60").header("content-encoding", no_coding));
        visit(&service).await;

        assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=60");
    }
}

#[tokio::test]
async fn every_final_status_with_an_explicit_lifetime_is_stored_and_none_without() {
    for status in [
        200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599,
    ] {
        let (site, service) = site_that_says("");
        site.act(Reply::status(status).header("cache-control", "max-age=60"));
        visit(&service).await;

        let hit = visit(&service).await;

        assert_eq!((hit.status.as_u16(), site.renders()), (status, 1));
        assert_not_stored(Reply::status(status), "no-lifetime").await;
    }
}

#[tokio::test]
async fn a_body_that_was_cut_or_is_shorter_than_it_said_is_not_stored_and_nothing_is_retried() {
    for reply in [
        says("max-age=60").chunk("half").cut(),
        says("max-age=60").header("content-length", "99"),
    ] {
        let (site, service) = site_that_says("");
        site.act(reply);

        let answer = visit(&service).await;

        assert_eq!(answer.status, 502);
        assert_eq!(answer.cache_status(), "isr; fwd=uri-miss; detail=body-cut");
        assert_eq!(site.renders(), 1);
        site.act(says("max-age=60"));
        assert_eq!(visit(&service).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_streamed_on() {
    let (site, service) = site_that_says("");
    site.act(
        says("max-age=60")
            .chunk(vec![b'a'; 8 * 1024 * 1024])
            .chunk("b"),
    );

    let first = visit(&service).await;

    assert_eq!(first.body.len(), 8 * 1024 * 1024 + 1);
    assert_eq!(first.cache_status(), "isr; fwd=uri-miss; detail=too-large");
    visit(&service).await;
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_takes_long_is_streamed_on_too() {
    let (site, mut service) = site_that_says("");
    site.act(says("max-age=60").chunk("first").hang());

    let response = tower::Service::call(&mut service, crate::with(&[]))
        .await
        .unwrap();

    assert_eq!(
        response.headers()["cache-status"],
        "isr; fwd=uri-miss; detail=too-large"
    );
}

#[tokio::test]
async fn the_request_forces_nothing() {
    for cache_control in ["no-cache", "max-age=0", "min-fresh=999", "max-stale"] {
        let (site, service) = site_that_says("max-age=60");
        let with = || {
            request::<Plain>(
                Method::GET,
                "/a",
                &[("cache-control", cache_control), ("pragma", "no-cache")],
            )
        };

        assert_eq!(ask(&service, with()).await.text(), "/a v1");
        assert!(
            ask(&service, with())
                .await
                .cache_status()
                .starts_with("isr; hit"),
            "{cache_control}"
        );
        assert_eq!(site.renders(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_to_be_stored_ends_what_was() {
    let (site, service) = site_that_says("max-age=10, stale-if-error=100");
    visit(&service).await;
    pass(10).await;
    site.act(says("no-store"));
    visit(&service).await;
    site.act(Reply::status(503));

    assert_eq!(
        visit(&service).await.status,
        503,
        "the old answer stands in for nothing any more"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_stored_leaves_as_it_came() {
    let (_, service) = site_with(&[
        ("etag", "\"x\""),
        ("age", "7"),
        ("cache-status", "behind; hit"),
    ]);

    let answer = visit(&service).await;

    assert_eq!(answer.header("cache-control"), "");
    assert_eq!(answer.header("age"), "7");
    assert_eq!(
        answer.cache_status(),
        "behind; hit, isr; fwd=uri-miss; detail=no-lifetime"
    );
}

#[tokio::test]
async fn a_panic_is_a_500_and_an_error_the_services_own() {
    let (site, isr, service) = site_and_layer(&[]);
    site.act(isr_tests::Act::Panic);
    assert_eq!(visit(&service).await.status, 500);

    site.act(isr_tests::Act::Error);
    let error = isr_tests::try_ask(&service, crate::with(&[])).await;

    assert!(error.is_err());
    settle().await;
    assert_eq!(
        (
            isr.cache().metrics().flights(),
            isr.cache().metrics().tasks()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn a_cookie_in_trailers_is_for_one_client_too() {
    assert_not_stored(
        says("max-age=60").trailer("set-cookie", "session=1"),
        "set-cookie",
    )
    .await;
}

#[tokio::test]
async fn what_memory_has_no_room_for_is_not_said_to_be_stored() {
    let site = Site::new();
    site.act(says("max-age=60").chunk(vec![b'x'; 600_000]));
    // Half of it, since pages have the other half.
    let service = builder()
        .max_memory_bytes(1 << 20)
        .build()
        .expect("a megabyte")
        .layer(site.clone());

    let answers = [visit(&service).await, visit(&service).await];

    assert!(answers.iter().all(|answer| answer.body.len() == 600_000));
    assert!(
        answers
            .iter()
            .all(|answer| answer.cache_status() == "isr; fwd=uri-miss; detail=too-large")
    );
}

#[tokio::test]
async fn no_limit_is_too_large_to_be_one() {
    let service = builder()
        .max_entries(u64::MAX)
        .build()
        .expect("no contradiction")
        .layer(Site::new());

    assert_eq!(visit(&service).await.status, 200);
}
