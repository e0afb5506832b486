//! Tests that another route below a page's pattern responds to its own client, whatever its status
//! and however long it takes, and that it seldom runs a second time for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get as route};
use http::{HeaderMap, Method, Request, StatusCode};
use isr_layer::{IsrLayer, Wrapped, static_page};
use isr_tests::{Answer, ask, get, head, request, settle};

use crate::covered::article;
use crate::{pass, secs};

/// Every status that says something about the request or about the server, and 200.
const STATUSES: [u16; 24] = [
    200, 201, 204, 206, 302, 303, 304, 400, 401, 403, 404, 405, 408, 409, 418, 425, 429, 500, 501,
    502, 503, 504, 507, 511,
];

/// Counts the runs of a route: those with its client's cookie, and those without.
#[derive(Clone, Default)]
struct Runs(Arc<[AtomicUsize; 2]>);

impl Runs {
    fn count(&self, headers: &HeaderMap) -> bool {
        let knows_its_client = headers.contains_key("cookie");
        self.0[usize::from(!knows_its_client)].fetch_add(1, Ordering::Relaxed);
        knows_its_client
    }

    fn with_and_without(&self) -> (usize, usize) {
        let of = |at: usize| self.0[at].load(Ordering::Relaxed);
        (of(0), of(1))
    }
}

/// Puts an application with the page and with `/search` behind the layer. The route `/search` gives
/// its client's cookie; to a request without one it responds with `stranger`.
fn site(
    stranger: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> (Runs, Wrapped<Router>) {
    let runs = Runs::default();
    let counted = runs.clone();
    let search = async move |headers: HeaderMap| {
        if !counted.count(&headers) {
            return stranger();
        }
        headers["cookie"]
            .to_str()
            .unwrap_or_default()
            .to_owned()
            .into_response()
    };
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([article::PAGE])
        .build()
        .expect("one page");
    let wrapped = isr.wrap(isr_layer::routes![article].route("/search", route(search)));
    (runs, wrapped)
}

fn status(status: u16) -> impl Fn() -> Response + Clone + Send + Sync + 'static {
    let status = StatusCode::from_u16(status).expect("a status");
    move || status.into_response()
}

fn known() -> Request<Body> {
    request(Method::GET, "/search", &[("cookie", "anna")])
}

async fn search(service: &Wrapped<Router>) -> Answer {
    ask(service, known()).await
}

#[tokio::test(start_paused = true)]
async fn a_route_that_fails_without_its_client_responds_to_its_client_whatever_its_status() {
    for code in STATUSES {
        let (_, service) = site(status(code));

        for _ in 0..3 {
            let answer = search(&service).await;

            assert_eq!(
                (answer.status.as_u16(), answer.text()),
                (200, "anna"),
                "{code}"
            );
        }
        let stranger = ask(&service, get::<Body>("/search")).await;
        assert_eq!(stranger.status.as_u16(), code, "as the route itself says");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_panics_without_its_client_responds_to_its_client() {
    let (_, service) = site(|| panic!("nobody is logged in"));

    for _ in 0..3 {
        assert_eq!(search(&service).await.text(), "anna");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_takes_longer_than_the_pages_time_limit_responds_in_its_own_time() {
    let slow = async |headers: HeaderMap| {
        tokio::time::sleep(secs(50)).await;
        headers["cookie"].to_str().unwrap_or_default().to_owned()
    };
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([article::PAGE])
        .build()
        .expect("one page");
    let service = isr.wrap(isr_layer::routes![article].route("/search", route(slow)));

    let began = tokio::time::Instant::now();
    let first = search(&service).await;
    let met = began.elapsed();
    let second = search(&service).await;

    assert_eq!((first.status.as_u16(), first.text()), (200, "anna"));
    assert_eq!(
        met,
        secs(30 + 50),
        "the page's time limit, then the route's own time"
    );
    assert_eq!(second.text(), "anna");
    assert_eq!(
        began.elapsed() - met,
        secs(50),
        "the route is known by then"
    );
}

#[tokio::test(start_paused = true)]
async fn a_route_runs_a_second_time_when_it_is_met_first_and_seldom_later() {
    for (code, most) in [
        (302, 4),
        (400, 4),
        (418, 4),
        (204, 4),
        (401, 4),
        (200, 4),
        (503, 18),
    ] {
        let (runs, service) = site(status(code));

        for _ in 0..120 {
            assert_eq!(search(&service).await.text(), "anna", "{code}");
            pass(10).await;
        }

        let (with, without) = runs.with_and_without();
        assert_eq!(with, 120, "each request runs once for its client, {code}");
        assert!(
            (1..=most).contains(&without),
            "{without} runs in 20 minutes, {code}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_herd_on_such_a_route_gets_its_own_responses_and_one_run_is_in_vain() {
    for code in [302, 429, 503] {
        let (runs, service) = site(status(code));

        let herd = (0..200).map(|_| {
            let service = service.clone();
            tokio::spawn(async move { search(&service).await })
        });
        for client in herd.collect::<Vec<_>>() {
            assert_eq!(
                client.await.expect("it is answered").text(),
                "anna",
                "{code}"
            );
        }

        assert_eq!(runs.with_and_without(), (200, 1), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_route_that_fails_without_its_client_is_its_own() {
    for code in [302, 429, 503] {
        let (_, service) = site(status(code));

        for _ in 0..2 {
            let mut request = head::<Body>("/search");
            let cookie = "anna".parse().expect("a value");
            request.headers_mut().insert("cookie", cookie);
            let answer = ask(&service, request).await;

            assert_eq!(answer.status.as_u16(), 200, "{code}");
            assert_eq!(answer.header("content-length"), "4", "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_beside_a_failing_route_is_kept_as_ever() {
    let (_, service) = site(status(503));
    search(&service).await;

    ask(&service, get::<Body>("/salt")).await;
    let hit = ask(&service, get::<Body>("/salt")).await;

    assert_eq!(
        (hit.text(), hit.cache_status()),
        ("the article salt", "isr; hit")
    );
    settle().await;
}

/// The page below which the next tests have another route is mounted by hand: `get(handler)` does
/// not check in before extraction.
#[static_page("/by-hand/{slug}", timeout = 10)]
async fn by_hand(Path(slug): Path<String>) -> String {
    format!("by hand {slug}")
}

fn by_hand_beside(search: MethodRouter) -> Wrapped<Router> {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([by_hand::PAGE])
        .build()
        .expect("one page");
    let routes = Router::new().route(by_hand::PATH, route(by_hand));
    isr.wrap(routes.route("/by-hand/search", search))
}

fn known_by_hand() -> Request<Body> {
    request(Method::GET, "/by-hand/search", &[("cookie", "anna")])
}

/// Gives its client's cookie, and to a stranger a status or a panic.
fn search_or(stranger: impl Fn() -> Response + Clone + Send + Sync + 'static) -> MethodRouter {
    route(
        async move |headers: HeaderMap| match headers.get("cookie") {
            Some(cookie) => cookie
                .to_str()
                .unwrap_or_default()
                .to_owned()
                .into_response(),
            None => stranger(),
        },
    )
}

#[tokio::test(start_paused = true)]
async fn beside_a_page_mounted_by_hand_a_failing_route_is_asked_once_more_with_its_client() {
    for code in STATUSES {
        let service = by_hand_beside(search_or(status(code)));

        let herd = (0..20).map(|_| {
            let service = service.clone();
            tokio::spawn(async move { ask(&service, known_by_hand()).await })
        });
        for client in herd.collect::<Vec<_>>() {
            let answer = client.await.expect("it is answered");
            assert_eq!(
                (answer.status.as_u16(), answer.text()),
                (200, "anna"),
                "{code}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn beside_a_page_mounted_by_hand_a_route_that_panics_for_everybody_is_one_failure() {
    let service = by_hand_beside(route(async || -> &'static str { panic!("broken") }));

    let herd = (0..20).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, known_by_hand()).await })
    });
    for client in herd.collect::<Vec<_>>() {
        assert_eq!(client.await.expect("it is answered").status.as_u16(), 500);
    }
    let next = ask(&service, known_by_hand()).await;

    assert_eq!(next.cache_status(), "isr; hit; detail=backoff");
}

#[tokio::test(start_paused = true)]
async fn those_who_follow_wait_for_the_leaders_own_request_no_longer_than_for_a_render() {
    let slow = async |headers: HeaderMap| {
        tokio::time::sleep(secs(60)).await;
        headers["cookie"].to_str().unwrap_or_default().to_owned()
    };
    let service = by_hand_beside(route(slow));
    let began = tokio::time::Instant::now();

    let ask = || {
        let service = service.clone();
        tokio::spawn(async move { (ask(&service, known_by_hand()).await, began.elapsed()) })
    };
    let leader = ask();
    settle().await;
    let follower = ask();

    let (follower, after) = follower.await.expect("it is answered");
    assert_eq!((follower.status.as_u16(), after), (504, secs(10 + 10)));
    let (leader, after) = leader.await.expect("it is answered");
    assert_eq!(
        (leader.text(), after),
        ("anna", secs(10 + 60)),
        "in its own time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_leader_who_leaves_while_its_own_request_runs_leaves_the_others_to_look_again() {
    let gate = Arc::new(isr_tests::Gate::default());
    gate.close();
    let stands = gate.clone();
    let search = async move |headers: HeaderMap| {
        if !headers.contains_key("cookie") {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        stands.pass().await;
        headers["cookie"]
            .to_str()
            .unwrap_or_default()
            .to_owned()
            .into_response()
    };
    let service = by_hand_beside(route(search));
    let ask = || {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, known_by_hand()).await })
    };
    let leader = ask();
    gate.reached(1).await;
    let follower = ask();
    settle().await;

    leader.abort();
    settle().await;
    gate.open();

    assert_eq!(follower.await.expect("it is answered").text(), "anna");
}
