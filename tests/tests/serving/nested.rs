//! Tests a layer inside of a layer: a guarded page is kept behind its guard, and what the guard
//! refuses gets nothing of it.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Page, Policy, Purge, Wrapped};
use isr_tests::{Answer, Site, ask, get, request, settle};

use crate::{pass, secs};

const NEWS: Page = Page::new("/members/{slug}")
    .with_policy(Policy::new().revalidate(secs(10)))
    .__handler("news", "nested.rs", 1, 1);
const OPEN: Page = Page::new("/open/{slug}");

async fn guard(request: Request, next: Next) -> Response {
    match request.headers().get("cookie") {
        Some(_) => next.run(request).await,
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// Serves `site` and says that the page runs, as the attribute does.
fn members(site: &Site) -> Router {
    let site = site.clone();
    Router::new().route(
        "/members/{slug}",
        axum::routing::get(async move |request: Request| {
            isr_layer::__private::mark_handler_ran(&[NEWS]);
            ask(&site, request.map(|_| Body::empty())).await.body
        }),
    )
}

/// Puts the layer around the application, and again around the routes behind the guard.
fn application(members_site: &Site, open_site: &Site) -> (IsrLayer, Wrapped<Router>) {
    let isr = crate::trusting([NEWS, OPEN]);
    let guarded = members(members_site)
        .layer(isr.clone())
        .layer(from_fn(guard));
    let open = Router::new().route_service("/open/{slug}", open_site.for_axum());
    let wrapped = isr.wrap(open.merge(guarded));
    (isr, wrapped)
}

async fn as_member(service: &Wrapped<Router>) -> Answer {
    ask(
        service,
        request::<Body>(Method::GET, "/members/a", &[("cookie", "id=1")]),
    )
    .await
}

/// Returns the first member of `Cache-Status`: the one of the cache nearest to the handler.
fn inner_status(answer: &Answer) -> &str {
    answer.cache_status().split(", ").next().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_guarded_page_is_kept_by_the_inner_layer_and_shown_to_nobody_whom_the_guard_refuses() {
    let (site, open) = (Site::new(), Site::new());
    let (_, service) = application(&site, &open);

    assert_eq!(
        inner_status(&as_member(&service).await),
        "isr; fwd=uri-miss; stored"
    );
    for _ in 0..3 {
        let member = as_member(&service).await;
        let stranger = ask(&service, get::<Body>("/members/a")).await;

        assert_eq!(
            (member.text(), inner_status(&member)),
            ("/members/a v1", "isr; hit; ttl=10")
        );
        assert_eq!((stranger.status.as_u16(), stranger.text()), (401, ""));
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_who_comes_first_keeps_nobody_from_the_page() {
    let (site, open) = (Site::new(), Site::new());
    let (_, service) = application(&site, &open);

    for _ in 0..3 {
        let stranger = ask(&service, get::<Body>("/members/a")).await;
        assert_eq!(stranger.status.as_u16(), 401);
    }
    as_member(&service).await;

    assert_eq!(inner_status(&as_member(&service).await), "isr; hit; ttl=10");
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_guarded_page_goes_stale_and_is_purged_as_any_other_behind_a_router() {
    let (site, open) = (Site::new(), Site::new());
    let (isr, service) = application(&site, &open);
    as_member(&service).await;
    site.publish(2);
    pass(10).await;

    assert_eq!(as_member(&service).await.text(), "/members/a v1");
    settle().await;
    assert_eq!(as_member(&service).await.text(), "/members/a v2");

    for (version, mode) in [(3, Mode::Regenerate), (4, Mode::Stale), (5, Mode::Expire)] {
        site.publish(version);
        let purge = Purge::path("/members/a").mode(mode);
        let receipt = isr.cache().revalidate(purge).await;
        assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Marked);

        as_member(&service).await;
        settle().await;
        let expected = format!("/members/a v{version}");
        assert_eq!(as_member(&service).await.text(), expected, "{mode:?}");
        assert_eq!(
            ask(&service, get::<Body>("/members/a"))
                .await
                .status
                .as_u16(),
            401
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_other_pages_are_the_outer_layers_as_before() {
    let (site, open) = (Site::new(), Site::new());
    let (isr, service) = application(&site, &open);
    as_member(&service).await;

    ask(&service, get::<Body>("/open/a")).await;
    let hit = ask(&service, get::<Body>("/open/a")).await;
    let receipt = isr.cache().revalidate(Purge::path("/open/a")).await;

    assert_eq!(hit.cache_status(), "isr; hit");
    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
}

#[tokio::test(start_paused = true)]
async fn three_layers_leave_a_page_to_the_innermost_that_its_guards_let_it_reach() {
    let site = Site::new();
    let isr = crate::trusting([NEWS]);
    let admins = async |request: Request, next: Next| match request.headers().get("x-admin") {
        Some(_) => next.run(request).await,
        None => StatusCode::FORBIDDEN.into_response(),
    };
    let routes = members(&site).layer(isr.clone()).layer(from_fn(admins));
    let service = isr.wrap(routes.layer(isr.clone()).layer(from_fn(guard)));
    let ask_with = async |headers: &[(&'static str, &'static str)]| {
        ask(
            &service,
            request::<Body>(Method::GET, "/members/a", headers),
        )
        .await
    };
    let admin = [("cookie", "id=1"), ("x-admin", "1")];

    ask_with(&admin).await;
    for _ in 0..2 {
        assert_eq!(inner_status(&ask_with(&admin).await), "isr; hit; ttl=10");
        assert_eq!(ask_with(&[("cookie", "id=1")]).await.status.as_u16(), 403);
        assert_eq!(ask_with(&[]).await.status.as_u16(), 401);
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_layers_are_told_apart_by_their_names() {
    let layer = |name| {
        let isr = IsrLayer::builder().without_registered().pages([NEWS]);
        let isr = isr.trust_extensions().cache_name(name).build();
        isr.expect("the name is a token")
    };
    let site = Site::new();
    let guarded = members(&site)
        .layer(layer("isr-members"))
        .layer(from_fn(guard));
    let service = layer("edge.1").wrap(guarded);
    as_member(&service).await;

    let hit = as_member(&service).await;

    assert_eq!(
        hit.cache_status(),
        "isr-members; hit; ttl=10, edge.1; fwd=bypass; detail=handler-not-run"
    );
}
