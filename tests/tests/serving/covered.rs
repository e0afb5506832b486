//! Tests that routes that match a page's pattern but are not pages get the client's own request,
//! and that none of their responses is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::get as route;
use http::{HeaderMap, Method, StatusCode};
use isr_layer::auth::StaticSecret;
use isr_layer::{IsrLayer, Wrapped, static_page};
use isr_tests::{ask, get, request};

const SECRET: &str = "a secret of more than twenty-four bytes";

#[static_page("/{slug}")]
pub(crate) async fn article(Path(slug): Path<String>) -> String {
    format!("the article {slug}")
}

async fn account(headers: HeaderMap) -> impl IntoResponse {
    match headers.get("cookie") {
        Some(cookie) => (
            StatusCode::OK,
            cookie.to_str().unwrap_or_default().to_owned(),
        ),
        None => (StatusCode::UNAUTHORIZED, "log in".to_owned()),
    }
}

fn site() -> (IsrLayer, Wrapped<Router>) {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([article::PAGE])
        .build()
        .expect("one page");
    let endpoint = isr
        .revalidate_service(StaticSecret::query("secret", SECRET).expect("a secret"))
        .allow_get(true);
    let routes = isr_layer::routes![article]
        .route("/account", route(account))
        .route(
            "/login",
            route(|| async { AppendHeaders([("set-cookie", "session=1")]) }),
        )
        .route_service("/revalidate", endpoint);
    let wrapped = isr.wrap(routes);
    (isr, wrapped)
}

#[tokio::test(start_paused = true)]
async fn a_route_below_a_pages_pattern_sees_who_asks_from_the_first_request_on() {
    let (isr, service) = site();
    let ask_as = |user| request::<Body>(Method::GET, "/account", &[("cookie", user)]);

    for user in ["anna", "bert", "anna"] {
        assert_eq!(ask(&service, ask_as(user)).await.text(), user);
    }
    let stranger = ask(&service, get::<Body>("/account")).await;

    assert_eq!((stranger.status.as_u16(), stranger.text()), (401, "log in"));
    assert_eq!(isr.cache().metrics().entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_beside_it_is_kept_as_ever() {
    let (_, service) = site();

    ask(&service, get::<Body>("/account")).await;
    ask(&service, get::<Body>("/salt")).await;
    let hit = ask(&service, get::<Body>("/salt")).await;

    assert_eq!(
        (hit.text(), hit.cache_status()),
        ("the article salt", "isr; hit")
    );
}

#[tokio::test(start_paused = true)]
async fn a_cookie_such_a_route_sets_reaches_its_client_alone() {
    let (_, service) = site();

    let first = ask(&service, get::<Body>("/login")).await;
    let second = ask(&service, get::<Body>("/login")).await;

    assert_eq!(
        (first.header("set-cookie"), second.header("set-cookie")),
        ("session=1", "session=1")
    );
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_is_never_a_page_even_by_get_below_a_pages_pattern() {
    let (isr, service) = site();
    ask(&service, get::<Body>("/salt")).await;

    let wrong = ask(&service, get::<Body>("/revalidate?secret=wrong&path=/salt")).await;
    let uri = format!(
        "/revalidate?secret={}&path=/salt",
        SECRET.replace(' ', "%20")
    );
    let right = ask(&service, get::<Body>(&uri)).await;

    assert_eq!((wrong.status.as_u16(), right.status.as_u16()), (401, 200));
    assert_eq!(isr.cache().metrics().sequence(), 1);
}

/// Gives a 500 without a cookie, as a handler does whose `Extension` no middleware has set.
async fn panel(headers: HeaderMap) -> impl IntoResponse {
    match headers.get("cookie") {
        Some(cookie) => (
            StatusCode::OK,
            cookie.to_str().unwrap_or_default().to_owned(),
        ),
        None => (StatusCode::INTERNAL_SERVER_ERROR, "no user".to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_below_a_pages_pattern_that_fails_without_its_client_is_asked_with_it() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([article::PAGE])
        .build()
        .expect("one page");
    let service = isr.wrap(isr_layer::routes![article].route("/panel", route(panel)));

    for user in ["anna", "bert", "anna"] {
        let known = request::<Body>(Method::GET, "/panel", &[("cookie", user)]);
        assert_eq!(ask(&service, known).await.text(), user);
    }
}

/// Gives a body of unknown length.
async fn streamed() -> Body {
    Body::from_stream(tokio_stream::once(Ok::<_, std::convert::Infallible>(
        "a stream",
    )))
}

#[tokio::test(start_paused = true)]
async fn the_head_of_such_a_route_is_its_own() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([article::PAGE])
        .build()
        .expect("one page");
    let routes = isr_layer::routes![article].route("/streamed", route(streamed));
    let without_us = ask(&routes, isr_tests::head::<Body>("/streamed")).await;
    let service = isr.wrap(routes);

    for _ in 0..2 {
        let head = ask(&service, isr_tests::head::<Body>("/streamed")).await;

        assert_eq!(
            head.header("content-length"),
            without_us.header("content-length")
        );
    }
}

/// A connection from a pool, as an argument of a page. It fails while the database is away.
struct Connection;

impl FromRequestParts<Arc<AtomicBool>> for Connection {
    type Rejection = StatusCode;

    async fn from_request_parts(
        _: &mut http::request::Parts,
        is_away: &Arc<AtomicBool>,
    ) -> Result<Self, StatusCode> {
        if is_away.load(Ordering::Relaxed) {
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        } else {
            Ok(Self)
        }
    }
}

#[static_page("/shop")]
async fn shop(_: Connection) -> &'static str {
    "the shop"
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_before_its_function_runs_is_kept_again_soon_after_it_can() {
    for away in [1, 30] {
        let is_away = Arc::new(AtomicBool::new(true));
        let isr = IsrLayer::builder()
            .without_registered()
            .pages([shop::PAGE])
            .build()
            .expect("one page");
        let service = isr.wrap(isr_layer::routes![shop].with_state(is_away.clone()));
        let second = async || {
            tokio::time::advance(Duration::from_secs(1)).await;
            ask(&service, get::<Body>("/shop")).await
        };
        for _ in 0..away {
            assert_eq!(second().await.status.as_u16(), 500);
        }
        is_away.store(false, Ordering::Relaxed);

        let mut seconds = 1;
        while !second().await.cache_status().starts_with("isr; hit") {
            seconds += 1;
        }

        assert!(
            seconds <= away + 3,
            "not kept for {seconds} s after {away} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_fails_without_its_client_is_asked_without_it_less_and_less() {
    let alone = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = {
        let alone = alone.clone();
        async move |headers: HeaderMap| {
            alone.fetch_add(
                usize::from(!headers.contains_key("cookie")),
                Ordering::Relaxed,
            );
            panel(headers).await
        }
    };
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([article::PAGE])
        .build()
        .expect("one page");
    let service = isr.wrap(isr_layer::routes![article].route("/panel", route(counted)));

    for _ in 0..600 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let known = request::<Body>(Method::GET, "/panel", &[("cookie", "anna")]);
        assert_eq!(ask(&service, known).await.text(), "anna");
    }

    assert!(
        (5..=12).contains(&alone.load(Ordering::Relaxed)),
        "{alone:?} times in ten minutes"
    );
}

#[tokio::test(start_paused = true)]
async fn the_receipt_of_such_a_failure_says_what_was_answered() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([shop::PAGE])
        .build()
        .expect("one page");
    let away = Arc::new(AtomicBool::new(true));
    let _service = isr.wrap(isr_layer::routes![shop].with_state(away));

    let receipt = isr
        .cache()
        .revalidate(isr_layer::Purge::path("/shop"))
        .await;

    let receipt = &receipt.receipts()[0];
    assert_eq!(receipt.status(), isr_layer::purge::SelectorStatus::Failed);
    assert_eq!(receipt.http().map(|status| status.as_u16()), Some(500));
}
