//! Tests that the layer never looks at the paths that `except` names.

use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use http::{HeaderMap, Method, StatusCode};

use isr_layer::purge::SelectorStatus;
use isr_layer::{ErrorKind, IsrLayer, IsrLayerBuilder, Page, Purge, Wrapped};
use isr_tests::{Reply, Site, ask, get, request};
use tower::Layer;

use crate::Plain;
use crate::covered::article;

fn builder() -> IsrLayerBuilder {
    IsrLayer::builder()
        .without_registered()
        .pages([article::PAGE])
}

/// Puts routes below the page that fail without their client.
fn wrapped(isr: &IsrLayer) -> Wrapped<Router> {
    let own = || {
        route(async |headers: HeaderMap| match headers.get("cookie") {
            Some(cookie) => Ok(cookie.to_str().unwrap_or_default().to_owned()),
            None => Err(StatusCode::SERVICE_UNAVAILABLE),
        })
    };
    let routes = isr_layer::routes![article].route("/search", own());
    isr.wrap(routes.route("/api/{*rest}", own()))
}

#[tokio::test]
async fn an_excepted_route_runs_once_for_each_request_and_says_nothing_of_the_cache() {
    let isr = builder()
        .except(["/search", "/api/{*rest}"])
        .build()
        .expect("valid");
    let service = wrapped(&isr);

    for path in ["/search", "/api/a/b"] {
        for _ in 0..2 {
            let answer = ask(
                &service,
                request::<Body>(Method::GET, path, &[("cookie", "anna")]),
            )
            .await;
            assert_eq!(
                (answer.text(), answer.cache_status()),
                ("anna", ""),
                "{path}"
            );
        }
    }
    ask(&service, get::<Body>("/salt")).await;
    let hit = ask(&service, get::<Body>("/salt")).await;
    assert_eq!(hit.cache_status(), "isr; hit");
}

#[tokio::test]
async fn an_excepted_route_gets_one_request_for_each_of_its_clients() {
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/{slug}")])
        .except(["/search"])
        .build()
        .expect("valid");
    let service = isr.layer(site.clone());
    site.act(Reply::status(302));

    for (at, target) in ["/search?token=once", "/search?token=once", "/%73earch"]
        .iter()
        .enumerate()
    {
        ask(&service, get::<Plain>(target)).await;

        let seen = site.seen();
        assert_eq!(seen.len(), at + 1);
        assert_eq!(seen[at].uri, *target);
    }
}

#[tokio::test]
async fn a_path_that_is_excepted_is_no_page_for_a_purge() {
    let isr = builder().except(["/search"]).build().expect("valid");
    let _service = wrapped(&isr);

    let receipt = isr.cache().revalidate(Purge::path("/search")).await;

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::NotAPage);
    assert!(isr.cache().explain("/search").await.is_none());
}

#[tokio::test]
async fn caching_by_headers_leaves_excepted_paths_alone_too() {
    let site = Site::new();
    let isr = builder()
        .except(["/api/{*rest}"])
        .cache_by_headers(true)
        .build()
        .expect("valid");
    let service = isr.layer(site.clone());
    site.act(Reply::page().header("cache-control", "max-age=60"));

    for _ in 0..2 {
        ask(&service, get::<Plain>("/api/rates")).await;
        ask(&service, get::<Plain>("/other/rates")).await;
    }

    let of = |path: &str| {
        site.seen()
            .iter()
            .filter(|seen| seen.uri.path() == path)
            .count()
    };
    assert_eq!((of("/api/rates"), of("/other/rates")), (2, 1));
}

#[tokio::test]
async fn what_cannot_be_excepted_is_an_error_that_says_why() {
    for (patterns, words) in [
        (&["search"][..], "must start with `/`"),
        (&["/{slug}"], "is the path of the page"),
        (&["/[slug]"], "is the path of the page"),
        (&["/a/{x}", "/a/{y}"], "`/a/{x}`"),
    ] {
        let error = builder()
            .except(patterns.iter().copied())
            .build()
            .expect_err(words);

        assert_eq!(error.kind(), ErrorKind::Configuration);
        let message = error.to_string();
        assert!(
            message.contains("`except`") && message.contains(words),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_path_may_be_excepted_twice() {
    assert!(
        builder()
            .except(["/search"])
            .except(["/search"])
            .build()
            .is_ok()
    );
}
