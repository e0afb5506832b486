//! Tests all places for the layer: outermost, around a router, around a route, inside a nested
//! router.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, get as route};
use http::{Method, Request};
use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{Answer, Site, ask, get, request, settle};

use crate::{pass, secs};

const POST: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().revalidate(secs(10)).tags(&["posts"]));

fn routes(site: &Site) -> Router {
    Router::new()
        .route_service("/posts/{slug}", site.for_axum())
        .route_service("/other", site.for_axum())
}

/// Makes a handler from the site.
fn handler(site: &Site) -> MethodRouter {
    let site = site.clone();
    route(move |request: axum::extract::Request| ask_site(site.clone(), request))
}

async fn ask_site(site: Site, request: axum::extract::Request) -> axum::response::Response {
    use tower::ServiceExt;
    site.for_axum()
        .oneshot(request)
        .await
        .expect("what axum routes to cannot fail")
}

/// Returns each way to put the layer around the routes of a site.
fn everywhere(site: &Site) -> Vec<(&'static str, IsrLayer, Router)> {
    let place = |name, make: &dyn Fn(&IsrLayer) -> Router| {
        let isr = crate::trusting([POST]);
        let router = make(&isr);
        (name, isr, router)
    };
    vec![
        place("wrap", &|isr| {
            Router::new().fallback_service(isr.wrap(routes(site)))
        }),
        place("layer", &|isr| {
            use tower::Layer;
            Router::new().fallback_service(isr.layer(routes(site)))
        }),
        place("Router::layer", &|isr| routes(site).layer(isr.clone())),
        place("Router::layer with state", &|isr| {
            let routes: Router<u32> = Router::new()
                .route_service("/posts/{slug}", site.for_axum())
                .route_service("/other", site.for_axum());
            routes.layer(isr.clone()).with_state(7)
        }),
        place("route_layer", &|isr| routes(site).route_layer(isr.clone())),
        place("MethodRouter::layer", &|isr| {
            let posts = axum::routing::get_service(site.for_axum()).layer(isr.clone());
            Router::new()
                .route("/posts/{slug}", posts)
                .route_service("/other", site.for_axum())
        }),
        place("Router::layer over handlers", &|isr| {
            // Handlers without `with_state` are layered anew for each request.
            Router::new()
                .route("/posts/{slug}", handler(site))
                .route("/other", handler(site))
                .layer(isr.clone())
        }),
        place("a bare MethodRouter", &|isr| {
            Router::new().fallback_service(handler(site).layer(isr.clone()))
        }),
        place("nested inside", &|isr| {
            let posts = Router::new()
                .route_service("/{slug}", site.for_axum())
                .layer(isr.clone());
            Router::new()
                .nest("/posts", posts)
                .route_service("/other", site.for_axum())
        }),
        place("nested outside", &|isr| {
            let posts = Router::new().route_service("/{slug}", site.for_axum());
            Router::new()
                .nest("/posts", posts)
                .route_service("/other", site.for_axum())
                .layer(isr.clone())
        }),
    ]
}

async fn post(app: &Router) -> Answer {
    ask(app, get::<Body>("/posts/a")).await
}

#[tokio::test(start_paused = true)]
async fn a_page_is_cached_wherever_the_layer_stands() {
    let site = Site::new();
    for (place, _, app) in everywhere(&site) {
        let before = site.renders();

        let first = post(&app).await;
        let second = post(&app).await;

        assert_eq!(first.cache_status(), "isr; fwd=uri-miss; stored", "{place}");
        assert_eq!(second.cache_status(), "isr; hit; ttl=10", "{place}");
        assert_eq!(first.text(), second.text(), "{place}");
        assert_eq!(site.renders(), before + 1, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_page_is_refreshed_wherever_the_layer_stands() {
    let site = Site::new();
    for (place, _, app) in everywhere(&site) {
        site.publish(1);
        post(&app).await;
        site.publish(2);
        pass(10).await;

        let stale = post(&app).await;
        settle().await;
        let fresh = post(&app).await;

        assert!(stale.text().ends_with("v1"), "{place}: {}", stale.text());
        assert!(
            fresh.text().ends_with("v2"),
            "{place}: {} {}",
            fresh.text(),
            fresh.cache_status()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_purge_works_wherever_the_layer_stands() {
    let site = Site::new();
    let purges = [
        Purge::path("/posts/a"),
        Purge::page("/posts/{slug}"),
        Purge::instance("/posts/{slug}", [("slug", "a")]),
        Purge::prefix("/posts"),
        Purge::tag("posts"),
        Purge::all(),
    ];
    for purge in purges {
        for (place, isr, app) in everywhere(&site) {
            site.publish(1);
            post(&app).await;
            site.publish(2);

            let _ = isr
                .cache()
                .revalidate(purge.clone().mode(Mode::Expire))
                .await;

            assert!(
                post(&app).await.text().ends_with("v2"),
                "{place}: {purge:?}"
            );
        }
    }
}

/// A route behind a router lives only as long as a connection, so a receipt could not promise that
/// it renders.
#[tokio::test(start_paused = true)]
async fn regeneration_on_demand_renders_at_once_in_front_of_a_router_and_is_marked_behind_one() {
    let site = Site::new();
    for (place, isr, app) in everywhere(&site) {
        site.publish(1);
        post(&app).await;
        site.publish(2);

        let receipt = isr.cache().revalidate(Purge::path("/posts/a")).await;
        let status = receipt.receipts()[0].status();
        let first = post(&app).await;
        settle().await;
        let second = post(&app).await;

        let is_in_front = ["wrap", "layer"].contains(&place);
        let (expected, version) = match is_in_front {
            true => (SelectorStatus::Regenerated, "v2"),
            false => (SelectorStatus::Marked, "v1"),
        };
        assert_eq!(status, expected, "{place}");
        assert!(first.text().ends_with(version), "{place}");
        assert!(second.text().ends_with("v2"), "{place}");
        assert!(second.cache_status().starts_with("isr; hit"), "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_handler_sees_no_header_query_and_body_of_the_client_wherever_the_layer_stands() {
    let site = Site::new();
    for (place, _, app) in everywhere(&site) {
        let headers = [
            ("cookie", "id=1"),
            ("authorization", "x"),
            ("x-forwarded-host", "evil.example"),
        ];
        ask(
            &app,
            request::<Body>(Method::GET, "/posts/a?utm=1", &headers),
        )
        .await;

        let seen = site.seen().pop().expect("it was rendered");
        assert!(seen.headers.is_empty(), "{place}: {:?}", seen.headers);
        assert_eq!(seen.uri.query(), None, "{place}");
        assert!(seen.uri.path().ends_with("/a"), "{place}: {}", seen.uri);
    }
}

#[tokio::test(start_paused = true)]
async fn no_extension_shows_the_query_of_the_client_behind_a_router() {
    let site = Site::new();
    for (place, _, app) in everywhere(&site) {
        ask(&app, get::<Body>("/posts/a?utm=1")).await;

        let seen = site.seen().pop().expect("it was rendered");
        let original = seen
            .extensions
            .get::<axum::extract::OriginalUri>()
            .map(|uri| uri.0.to_string());
        assert!(
            original.as_ref().is_none_or(|uri| !uri.contains("utm")),
            "{place}: {original:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_spellings_of_a_path_give_a_nested_handler_one_and_the_same_path() {
    let site = Site::new();
    let mut seen = Vec::new();
    for spelling in ["/posts/ab", "/posts/%61b"] {
        for (place, _, app) in everywhere(&site) {
            if place == "nested inside" {
                ask(&app, get::<Body>(spelling)).await;
                seen.push(site.seen().pop().expect("it was rendered").uri);
            }
        }
    }

    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_page_passes_wherever_the_layer_stands() {
    let site = Site::new();
    for (place, _, app) in everywhere(&site) {
        let headers = [("cookie", "id=1")];
        let answer = ask(&app, request::<Body>(Method::GET, "/other?q=1", &headers)).await;

        let seen = site.seen().pop().expect("it passed");
        assert_eq!(seen.uri.query(), Some("q=1"), "{place}");
        assert_eq!(seen.headers["cookie"], "id=1", "{place}");
        assert_eq!(answer.cache_status(), "", "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrap_can_render_what_was_never_asked_for_and_other_places_report_marked() {
    let site = Site::new();
    for (place, isr, _app) in everywhere(&site) {
        let receipt = isr.cache().revalidate(Purge::path("/posts/a")).await;

        let expected = if place == "wrap" {
            SelectorStatus::Regenerated
        } else {
            SelectorStatus::Marked
        };
        assert_eq!(receipt.receipts()[0].status(), expected, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_fallback_of_a_router_never_renders_the_page_of_a_route() {
    let site = Site::new();
    let isr = crate::trusting([POST, Page::new("/unmounted")]);
    let app = routes(&site).layer(isr.clone());
    ask(&app, get::<Body>("/unmounted")).await;

    let receipt = isr.cache().revalidate(Purge::path("/posts/a")).await;
    let answer = post(&app).await;

    assert_eq!(
        receipt.receipts()[0].status(),
        SelectorStatus::Marked,
        "no route of this page is known yet"
    );
    assert_eq!(answer.status, 200);
}

#[tokio::test(start_paused = true)]
async fn state_and_path_parameters_reach_a_page_behind_a_router_at_each_render() {
    async fn handler(State(site): State<Site>, Path(slug): Path<String>) -> String {
        let inner = ask(&site, get::<crate::Plain>("/db")).await;
        format!("{slug}: {}", inner.text())
    }
    let site = Site::new();
    for isr in [crate::trusting([POST]), crate::isr([POST])] {
        let routes: Router<Site> =
            Router::new().route("/posts/{slug}", route(handler).layer(isr.clone()));
        let app = routes.with_state(site.clone());
        site.publish(1);
        assert_eq!(post(&app).await.text(), "a: /db v1");
        site.publish(2);
        pass(10).await;

        post(&app).await;
        settle().await;

        assert_eq!(post(&app).await.text(), "a: /db v2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_behind_an_auth_layer_is_not_served_to_whom_that_layer_refuses() {
    use axum::extract::Request as AxumRequest;
    use axum::middleware::{Next, from_fn};
    use axum::response::IntoResponse;

    let guard = from_fn(|request: AxumRequest, next: Next| async move {
        match request.headers().get("authorization") {
            Some(_) => next.run(request).await,
            None => http::StatusCode::UNAUTHORIZED.into_response(),
        }
    });
    let site = Site::new();
    for (place, _, app) in everywhere(&site) {
        let guarded = app.layer(guard.clone());
        let known: Request<Body> = request(Method::GET, "/posts/a", &[("authorization", "me")]);

        let welcome = ask(&guarded, known).await;
        let refused = post(&guarded).await;

        assert_eq!(
            (welcome.status.as_u16(), refused.status.as_u16()),
            (200, 401),
            "{place}"
        );
        assert!(!refused.text().contains("v1"), "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_behind_its_own_layer_twice_is_rendered_once_and_kept() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let app = Router::new().fallback_service(isr.wrap(routes(&site).layer(isr.clone())));
    let before = tokio::time::Instant::now();

    let first = post(&app).await;
    let second = post(&app).await;

    assert_eq!(
        (first.status.as_u16(), first.cache_status()),
        (200, "isr; fwd=uri-miss; stored")
    );
    assert_eq!(second.cache_status(), "isr; hit; ttl=10");
    assert_eq!(
        (site.renders(), before.elapsed()),
        (1, secs(0)),
        "no render waits for itself"
    );
}
