//! Tests that behind a router the request's extensions travel with the render, except those of the
//! client's connection.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath};
use axum::{Extension, Router};
use http::{HeaderName, Method};
use isr_layer::{IsrLayer, IsrLayerBuilder, Page, Policy};
use isr_tests::{Seen, Site, ask, get, request, settle};

use crate::{pass, secs};

const POST: Page = Page::new("/posts/{slug}").with_policy(Policy::new().revalidate(secs(10)));

#[derive(Clone, Debug, PartialEq)]
struct Tenant(&'static str);

#[derive(Clone, Debug)]
struct User;

/// Sends a request with extensions through a router with the layer around its routes. Returns the
/// request as the site saw it.
async fn seen_behind(builder: IsrLayerBuilder) -> Seen {
    let site = Site::new();
    let isr = builder
        .without_registered()
        .pages([POST])
        .build()
        .expect("the page is fine");
    let routes = Router::new().route_service("/posts/{slug}", site.for_axum());
    let app = routes
        .layer(isr)
        .layer(Extension(Tenant("one")))
        .layer(Extension(User));
    let mut request = request::<Body>(
        Method::GET,
        "/posts/a",
        &[("x-trace-id", "7"), ("cookie", "id=1")],
    );
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from(([1, 2, 3, 4], 5))));
    ask(&app, request).await;
    site.seen().pop().expect("it was rendered")
}

#[tokio::test]
async fn extensions_travel_and_the_clients_address_does_not() {
    let seen = seen_behind(IsrLayer::builder().trust_extensions()).await;

    assert_eq!(seen.extensions.get::<Tenant>(), Some(&Tenant("one")));
    assert!(seen.extensions.get::<MatchedPath>().is_some());
    assert!(seen.extensions.get::<ConnectInfo<SocketAddr>>().is_none());
}

#[tokio::test]
async fn the_handle_to_change_the_clients_protocol_does_not_travel_and_what_is_no_page_has_it() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let routes = Router::new()
        .route_service("/posts/{slug}", site.for_axum())
        .route_service("/chat", site.for_axum());
    let app = routes.layer(isr);
    for (path, has_it) in [("/posts/a", false), ("/chat", true)] {
        let mut request = get::<Body>(path);
        let upgrade = hyper::upgrade::on(&mut request);
        request.extensions_mut().insert(upgrade);

        ask(&app, request).await;

        let seen = site.seen().pop().expect("it was asked");
        assert_eq!(
            seen.extensions.get::<hyper::upgrade::OnUpgrade>().is_some(),
            has_it,
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_extension_can_be_dropped() {
    let seen = seen_behind(
        IsrLayer::builder()
            .trust_extensions()
            .drop_extension::<User>(),
    )
    .await;

    assert!(seen.extensions.get::<User>().is_none());
    assert!(seen.extensions.get::<Tenant>().is_some());
}

#[tokio::test]
async fn a_kept_header_reaches_the_handler_behind_a_router_as_well() {
    let trace_id = HeaderName::from_static("x-trace-id");
    let seen = seen_behind(IsrLayer::builder().trust_extensions().keep_header(trace_id)).await;

    assert_eq!(seen.headers.len(), 1);
    assert_eq!(seen.headers["x-trace-id"], "7");
}

#[tokio::test(start_paused = true)]
async fn a_background_refresh_behind_a_router_has_the_extensions_too() {
    let site = Site::new();
    let routes = Router::new().route_service("/posts/{slug}", site.for_axum());
    let app = routes
        .layer(crate::trusting([POST]))
        .layer(Extension(Tenant("one")));
    ask(&app, get::<Body>("/posts/a")).await;
    pass(10).await;

    ask(&app, get::<Body>("/posts/a")).await;
    settle().await;

    let seen = site.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].extensions.get::<Tenant>(), Some(&Tenant("one")));
}

#[tokio::test]
async fn a_nested_page_is_known_by_its_public_path() {
    let site = Site::new();
    let isr = crate::trusting([Page::new("/blog/de/posts/{slug}")]);
    let posts = Router::new()
        .route_service("/posts/{slug}", site.for_axum())
        .layer(isr.clone());
    let app = Router::new().nest("/blog", Router::new().nest("/{language}", posts));

    ask(&app, get::<Body>("/blog/de/posts/a")).await;
    let hit = ask(&app, get::<Body>("/blog/de/posts/a")).await;
    let other = ask(&app, get::<Body>("/blog/en/posts/a")).await;

    assert_eq!(hit.cache_status(), "isr; hit");
    assert_eq!(other.cache_status(), "");
    assert_eq!(
        isr.cache()
            .explain("/blog/de/posts/a")
            .await
            .expect("it is a page")
            .freshness(),
        Some(isr_layer::inspect::Freshness::Fresh)
    );
}

#[tokio::test]
async fn pages_of_two_routers_behind_one_layer_do_not_mix() {
    let (one, two) = (Site::new(), Site::new());
    two.publish(2);
    let isr = crate::trusting([Page::new("/one/{n}"), Page::new("/two/{n}")]);
    let routes = |site: &Site| {
        Router::new()
            .route_service("/{n}", site.for_axum())
            .layer(isr.clone())
    };
    let app = Router::new()
        .nest("/one", routes(&one))
        .nest("/two", routes(&two));

    for _ in 0..2 {
        assert_eq!(ask(&app, get::<Body>("/one/x")).await.text(), "/x v1");
        assert_eq!(ask(&app, get::<Body>("/two/x")).await.text(), "/x v2");
    }
    let _ = isr
        .cache()
        .revalidate(isr_layer::Purge::path("/one/x"))
        .await;
    ask(&app, get::<Body>("/one/x")).await;
    ask(&app, get::<Body>("/two/x")).await;
    settle().await;

    assert_eq!((one.renders(), two.renders()), (2, 1));
}

#[tokio::test]
async fn the_index_of_a_nested_router_is_no_other_page_than_its_own() {
    let (home, blog) = (Site::new(), Site::new());
    blog.publish(2);
    let isr = crate::trusting([Page::new("/"), Page::new("/blog")]);
    let posts = Router::new()
        .route_service("/", blog.for_axum())
        .layer(isr.clone());
    let app = Router::new().nest("/blog", posts).merge(
        Router::new()
            .route_service("/", home.for_axum())
            .layer(isr.clone()),
    );

    for _ in 0..2 {
        assert_eq!(ask(&app, get::<Body>("/")).await.text(), "/ v1");
        assert_eq!(ask(&app, get::<Body>("/blog")).await.text(), "/ v2");
    }
    let receipt = isr
        .cache()
        .revalidate(isr_layer::Purge::path("/blog"))
        .await;

    assert_eq!(
        receipt.receipts()[0].status(),
        isr_layer::purge::SelectorStatus::Marked
    );
    assert_eq!(ask(&app, get::<Body>("/blog")).await.text(), "/ v2");
    settle().await;
    assert_eq!((home.renders(), blog.renders()), (1, 2));
}

#[tokio::test]
async fn a_nested_service_is_known_by_its_public_path_too() {
    use tower::Layer;
    let (home, blog) = (Site::new(), Site::new());
    blog.publish(2);
    let isr = crate::trusting([
        Page::new("/"),
        Page::new("/blog"),
        Page::new("/blog/{slug}"),
        Page::new("/{slug}"),
    ]);
    let posts = Router::new().fallback_service(blog.for_axum());
    let pages = Router::new()
        .route_service("/", home.for_axum())
        .route_service("/{slug}", home.for_axum());
    let app = pages
        .layer(isr.clone())
        .nest_service("/blog", isr.layer(posts));

    for _ in 0..2 {
        assert_eq!(ask(&app, get::<Body>("/")).await.text(), "/ v1");
        assert_eq!(ask(&app, get::<Body>("/a")).await.text(), "/a v1");
        assert_eq!(ask(&app, get::<Body>("/blog")).await.text(), "/ v2");
        assert_eq!(ask(&app, get::<Body>("/blog/a")).await.text(), "/a v2");
    }
    for path in ["/a", "/blog/a"] {
        let receipt = isr.cache().revalidate(isr_layer::Purge::path(path)).await;
        let status = receipt.receipts()[0].status();
        assert_eq!(status, isr_layer::purge::SelectorStatus::Marked, "{path}");
        ask(&app, get::<Body>(path)).await;
        settle().await;
    }

    assert_eq!((home.renders(), blog.renders()), (3, 3));
    assert_eq!(ask(&app, get::<Body>("/blog/a")).await.text(), "/a v2");
}
