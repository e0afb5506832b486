//! `Cache-Control` of requests: `no-store` and `only-if-cached` are obeyed (RFC 9111, 5.2.1).

use std::time::Duration;

use http::Method;
use isr_tests::{Reply, ask, get, request, settle};

use crate::{Plain, pass, says, site_that_says, visit, visit_with, with};

const NO_STORE: &[(&str, &str)] = &[("cache-control", "no-store")];
const ONLY_IF_CACHED: &[(&str, &str)] = &[("cache-control", "only-if-cached")];

#[tokio::test]
async fn a_request_with_no_store_passes_and_its_response_is_not_stored() {
    for lines in [
        NO_STORE,
        &[("cache-control", "No-Store")],
        &[("cache-control", "max-age=0, no-store")],
        &[("cache-control", ",, no-store=\"x\" ,")],
        &[
            ("cache-control", "max-age=0"),
            ("cache-control", "no-store"),
        ],
        &[("cache-control", "x=\"a,b\", no-store")],
        &[("cache-control", "x=\"unfinished, no-store")],
    ] {
        let (site, service) = site_that_says("max-age=60");

        let passed = visit_with(&service, lines).await;

        assert_eq!(
            passed.cache_status(),
            "isr; fwd=uri-miss; detail=request",
            "{lines:?}"
        );
        assert_eq!(
            visit(&service).await.cache_status(),
            "isr; fwd=uri-miss; stored",
            "{lines:?}"
        );
        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test]
async fn other_words_are_no_such_directive() {
    for cache_control in [
        "no-stores",
        "x=\"no-store\"",
        "x=no-store",
        "only-if-cached2",
        "x=\",only-if-cached\"",
    ] {
        let (_, service) = site_that_says("max-age=60");

        let stored = visit_with(&service, &[("cache-control", cache_control)]).await;

        assert_eq!(
            stored.cache_status(),
            "isr; fwd=uri-miss; stored",
            "{cache_control}"
        );
    }
}

#[tokio::test]
async fn a_request_with_no_store_leads_no_one_and_follows_no_one() {
    for lines in [[&[][..], NO_STORE], [NO_STORE, &[]]] {
        let (site, service) = site_that_says("max-age=60");
        site.before().close();
        let come = |headers: &'static [(&str, &str)]| {
            let service = service.clone();
            tokio::spawn(async move { visit_with(&service, headers).await })
        };
        let first = come(lines[0]);
        site.before().reached(1).await;

        let second = come(lines[1]);
        settle().await;

        assert_eq!(site.renders(), 2, "{lines:?}");
        site.before().open();
        for client in [first, second] {
            assert_eq!(client.await.unwrap().text(), "/a v1");
        }
    }
}

/// It forces nothing: what is stored already is served.
#[tokio::test(start_paused = true)]
async fn a_request_with_no_store_is_served_from_memory_and_starts_no_refresh() {
    let (site, service) =
        site_that_says("max-age=10, stale-while-revalidate=10, stale-if-error=90");
    visit(&service).await;

    let fresh = visit_with(&service, NO_STORE).await;
    pass(15).await;
    let stale = visit_with(&service, NO_STORE).await;
    settle().await;

    assert!(
        fresh.cache_status().starts_with("isr; hit; ttl=10"),
        "{fresh:?}"
    );
    assert!(
        stale.cache_status().starts_with("isr; hit; ttl=-5"),
        "{stale:?}"
    );
    assert_eq!(site.renders(), 1, "its refresh would be stored");

    pass(10).await;
    site.act(Reply::status(503));
    let stands_in = visit_with(&service, NO_STORE).await;
    assert_eq!(
        (stands_in.status.as_u16(), stands_in.text()),
        (200, "/a v1")
    );
}

#[tokio::test]
async fn a_response_to_no_store_takes_nothing_from_others() {
    let (site, service) = site_that_says("max-age=60");
    visit(&service).await;
    site.act(says("no-store"));

    for _ in 0..20 {
        visit_with(&service, NO_STORE).await;
    }

    assert!(visit(&service).await.cache_status().starts_with("isr; hit"));
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_with_nothing_stored_is_a_504_and_the_origin_is_not_asked() {
    for lines in [
        ONLY_IF_CACHED,
        &[("cache-control", "Only-If-Cached, max-stale")],
        &[
            ("cache-control", "no-store"),
            ("cache-control", "only-if-cached"),
        ],
        &[("cache-control", "only-if-cached"), ("range", "bytes=0-0")],
        &[
            ("cache-control", "only-if-cached"),
            ("if-none-match", "\"x\""),
        ],
        &[
            ("cache-control", "only-if-cached"),
            ("authorization", "Basic x"),
        ],
    ] {
        for method in [Method::GET, Method::HEAD] {
            let (site, service) = site_that_says("max-age=60");

            let refused = ask(&service, request::<Plain>(method.clone(), "/a", lines)).await;

            assert_eq!(refused.status, 504, "{method} {lines:?}");
            assert_eq!(refused.cache_status(), "isr; detail=only-if-cached");
            let length = refused.body.len();
            match method {
                Method::HEAD => assert_eq!((length, refused.header("content-length")), (0, "37")),
                _ => assert_eq!(length, 37),
            }
            assert_eq!(site.renders(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_gets_what_may_be_served_at_once_and_else_a_504() {
    let (site, service) =
        site_that_says("max-age=10, stale-while-revalidate=10, stale-if-error=90");
    visit(&service).await;

    let fresh = visit_with(&service, ONLY_IF_CACHED).await;
    pass(15).await;
    site.publish(2);
    let stale = visit_with(&service, ONLY_IF_CACHED).await;
    settle().await;
    let refreshed = visit_with(&service, ONLY_IF_CACHED).await;
    pass(20).await;
    let expired = visit_with(&service, ONLY_IF_CACHED).await;

    assert_eq!(
        (fresh.text(), stale.text(), refreshed.text()),
        ("/a v1", "/a v1", "/a v2")
    );
    assert_eq!((expired.status.as_u16(), site.renders()), (504, 2));
    let other = ask(
        &service,
        request::<Plain>(Method::GET, "/b", ONLY_IF_CACHED),
    )
    .await;
    assert_eq!(other.status, 504);
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_does_not_wait_for_a_fetch() {
    let (site, service) = site_that_says("max-age=60");
    site.before().close();
    let leader = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.before().reached(1).await;

    let refused = visit_with(&service, ONLY_IF_CACHED);
    let refused = tokio::time::timeout(Duration::from_secs(1), refused).await;

    assert_eq!(refused.expect("it does not wait").status, 504);
    site.before().open();
    leader.await.unwrap();
}

#[tokio::test]
async fn a_page_and_a_request_that_passes_untouched_do_not_mind() {
    let (_, service) = site_that_says("max-age=60");
    let page = request::<Plain>(Method::GET, "/page", ONLY_IF_CACHED);
    assert_eq!(
        ask(&service, page).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
    assert!(
        ask(&service, get::<Plain>("/page"))
            .await
            .cache_status()
            .starts_with("isr; hit")
    );

    let conditional = with(&[("cache-control", "only-if-cached"), ("if-match", "*")]);
    assert_eq!(ask(&service, conditional).await.status, 200);
}
