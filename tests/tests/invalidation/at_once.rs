//! Tests what a page may ask of the layer while it is hard pressed: at most three renders of one key
//! at once, receipts of pages that memory does not keep, pages that include each other, and panics
//! that panic again.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use isr_layer::purge::SelectorStatus;
use isr_layer::{Cache, IsrLayer, Mode, Purge, Wrapped};
use isr_tests::{Answer, ask, get, settle};
use tower::Service;

use crate::house::{A, ABOUT, B, House, POST, done, is_hit, only, pass, version};
use crate::stage::End;

/// The renders of one key that may run at once.
const AT_ONCE: usize = 3;

#[tokio::test(start_paused = true)]
async fn two_hundred_purges_with_a_request_after_each_run_three_renders_of_the_page_at_once() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    let mut visits = Vec::new();

    for number in 2..202 {
        house.stage.publish(A, number);
        house.purge(Purge::path(A).mode(Mode::Expire)).await;
        visits.push((number, house.visit(A).await));
        let running = house.stage.held().len();
        assert!(running <= AT_ONCE, "{running} renders of one page");
    }

    // One place is free again: one render does for all who wait.
    house.stage.held()[0].end(End::Page);
    settle().await;
    assert_eq!(house.stage.held().len(), AT_ONCE);
    house.stage.open();
    for (number, visit) in visits {
        let seen = version(&done(visit).await);
        assert!(seen >= Some(number), "{seen:?} after a purge of {number}");
    }
    assert_eq!(house.stage.renders(), 1 + AT_ONCE + 1);
}

#[tokio::test(start_paused = true)]
async fn regenerations_of_a_page_that_hangs_run_three_renders_of_it_at_once_too() {
    for purge in [Purge::path(A), Purge::tag("post:a").mode(Mode::Regenerate)] {
        let house = House::with(|builder| builder.background_renders(10));
        house.get(A).await;
        house.stage.hold();

        for _ in 0..10 {
            house.purging(purge.clone()).await;
        }
        assert_eq!(house.stage.held().len(), AT_ONCE, "{purge:?}");

        // Their time ends, and the last purge gets its render.
        pass(Duration::from_secs(31)).await;
        house.stage.publish(A, 2);
        house.stage.open();
        settle().await;
        house.cache.drained().await;
        assert_eq!(version(&house.get(A).await), Some(2), "{purge:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_needs_a_fourth_render_waits_no_longer_than_the_time_of_a_hung_one() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    for _ in 0..AT_ONCE {
        house.purge(Purge::path(A).mode(Mode::Expire)).await;
        house.visit(A).await;
    }
    house.stage.publish(A, 2);
    house.purge(Purge::path(A).mode(Mode::Expire)).await;

    let last = house.visit(A).await;
    assert!(!last.is_finished());
    pass(Duration::from_secs(31)).await;
    house.stage.open();

    assert_eq!(version(&done(last).await), Some(2));
}

#[tokio::test(start_paused = true)]
async fn other_pages_do_not_wait_for_a_page_that_hangs() {
    let house = House::new();
    house.stage.hold();
    for _ in 0..2 * AT_ONCE {
        house.purge(Purge::path(A).mode(Mode::Expire)).await;
        house.visit(A).await;
    }

    house.visit(B).await;

    let held = house.stage.held();
    assert_eq!(held.len(), AT_ONCE + 1);
    assert_eq!(held[AT_ONCE].path, B);
}

/// A page of this many bytes, with many fields in its head.
fn large(bytes: usize, fields: usize) -> Response<Body> {
    let mut response = Response::new(Body::from("x".repeat(bytes)));
    let html = HeaderValue::from_static("text/html");
    response.headers_mut().insert(CONTENT_TYPE, html);
    for field in 0..fields {
        let name = HeaderName::try_from(format!("x-field-{field}")).expect("a name");
        let value = HeaderValue::try_from("v".repeat(200)).expect("a value");
        response.headers_mut().insert(name, value);
    }
    response
}

#[tokio::test(start_paused = true)]
async fn a_regeneration_of_many_does_not_wait_for_a_page_that_hangs() {
    let house = House::with(|builder| builder.background_renders(4));
    house.get(A).await;
    house.get(B).await;
    house.stage.hold();
    house
        .purging(Purge::tag("post:a").mode(Mode::Regenerate))
        .await;

    let purging = house
        .purging(Purge::tag("post:b").mode(Mode::Regenerate))
        .await;
    let held = house.stage.held();
    held.iter()
        .filter(|held| held.path == B)
        .for_each(|held| held.end(End::Page));
    // The render that hangs may yet add the tag, and the purge waits a little for that.
    pass(Duration::from_millis(251)).await;

    assert_eq!(only(&done(purging).await).regenerated(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn nothing_says_that_a_page_is_stored_which_memory_does_not_keep() {
    let (mut kept, mut refused) = (0, 0);
    for (bytes, fields) in (300..560)
        .step_by(10)
        .flat_map(|kilobytes| [0, 10, 40].map(|fields| (kilobytes * 1_000, fields)))
    {
        let isr = IsrLayer::builder()
            .pages([POST])
            .max_memory_bytes(1 << 20)
            .build()
            .expect("the page is fine");
        let app = isr.wrap(tower::service_fn(move |_: Request<Body>| async move {
            Ok::<_, Infallible>(large(bytes, fields))
        }));

        let is_stored = async || is_hit(&ask(&app, get::<Body>(A)).await);

        let first = ask(&app, get::<Body>(A)).await;
        let told = first.cache_status().contains("stored");
        let status = first.cache_status().to_owned();
        assert_eq!(told, is_stored().await, "{bytes}, {fields}: {status}");

        let receipt = only(&isr.cache().revalidate(Purge::path(A)).await);
        let told = receipt.status() == SelectorStatus::Regenerated;
        assert_eq!(told, is_stored().await, "{bytes}, {fields}: {receipt:?}");

        let many = Purge::all().mode(Mode::Regenerate);
        let receipt = only(&isr.cache().revalidate(many).await);
        let told = receipt.regenerated() == Some(1);
        assert_eq!(told, is_stored().await, "{bytes}, {fields}: {receipt:?}");
        match told {
            true => kept += 1,
            false => refused += 1,
        }
    }
    assert!(kept > 10 && refused > 10, "{kept} kept, {refused} refused");
}

/// Pages, each with the pages that it includes.
type Includes = &'static [(&'static str, &'static [&'static str])];

/// A site whose pages request other pages through the layer while they are rendered.
#[derive(Clone)]
struct Including {
    includes: Includes,
    app: Arc<OnceLock<Wrapped<Self>>>,
    is_stored: bool,
}

impl Including {
    fn new(includes: Includes, is_stored: bool) -> (Self, Cache) {
        let isr = IsrLayer::builder()
            .pages([POST, ABOUT])
            .build()
            .expect("the pages fit together");
        let app = Arc::new(OnceLock::new());
        let site = Self {
            includes,
            app: app.clone(),
            is_stored,
        };
        assert!(app.set(isr.wrap(site.clone())).is_ok());
        (site, isr.cache())
    }

    async fn get(&self, path: &str) -> Answer {
        let app = self.app.get().expect("the application is wrapped");
        ask(app, get::<Body>(path)).await
    }

    async fn render(self, path: String) -> Response<Body> {
        // All renders begin before any of them includes another.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut text = path.clone();
        for (_, included) in self.includes.iter().filter(|(page, _)| *page == path) {
            for include in *included {
                let answer = Box::pin(self.get(include)).await;
                text.push_str(&format!(" {} {}", answer.status.as_u16(), answer.text()));
            }
        }
        let mut response = Response::new(Body::from(text));
        if !self.is_stored {
            let cookie = HeaderValue::from_static("a=b");
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }
}

impl Service<Request<Body>> for Including {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let site = self.clone();
        Box::pin(async move { Ok(site.render(request.uri().path().to_owned()).await) })
    }
}

const C: &str = "/posts/c";

/// Pages that include each other in circles of one, two and three.
const CIRCLES: [(Includes, &[&str]); 4] = [
    (&[(A, &[A])], &[A]),
    (&[(A, &[B]), (B, &[A])], &[A, B]),
    (&[(A, &[B]), (B, &[C]), (C, &[A])], &[A, B, C]),
    (
        &[(A, &["/about", B]), (B, &[C]), (C, &["/about", B])],
        &[A, B, C],
    ),
];

#[tokio::test(start_paused = true)]
async fn pages_that_include_each_other_are_told_at_once() {
    for (includes, paths) in CIRCLES {
        for is_stored in [true, false] {
            // First one client for each page, then one alone, then all again after a purge.
            let (site, cache) = Including::new(includes, is_stored);
            for round in 0..3 {
                let began = tokio::time::Instant::now();
                let visits = match round {
                    1 => &paths[..1],
                    _ => paths,
                }
                .iter()
                .map(|path| {
                    let site = site.clone();
                    tokio::spawn(async move { site.get(path).await })
                });
                for visit in visits.collect::<Vec<_>>() {
                    let answer = visit.await.expect("the request does not panic");
                    assert_eq!(answer.status, StatusCode::OK, "{includes:?}, {is_stored}");
                }
                let took = began.elapsed();
                assert!(took < Duration::from_secs(2), "{includes:?}: {took:?}");
                let _ = cache.revalidate(Purge::all().mode(Mode::Expire)).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_include_that_closes_the_circle_gets_508_and_the_reason() {
    let (site, _) = Including::new(&[(A, &[B]), (B, &[A])], true);

    let answer = site.get(A).await;

    assert!(
        answer.text().starts_with("/posts/a 200 /posts/b 508 "),
        "{}",
        answer.text()
    );
    assert!(
        answer.text().contains("includes itself"),
        "{}",
        answer.text()
    );
}

#[tokio::test(start_paused = true)]
async fn pages_that_include_one_page_are_no_circle() {
    let (site, _) = Including::new(&[(A, &[C]), (B, &[C, A]), (C, &["/about"])], true);

    let visits = [A, B, C, "/about", B, A].map(|path| {
        let site = site.clone();
        tokio::spawn(async move { site.get(path).await })
    });
    for visit in visits {
        let answer = visit.await.expect("the request does not panic");
        assert!(!answer.text().contains("508"), "{}", answer.text());
    }
}

/// A payload of a panic that panics again when it is dropped.
struct Bomb(u8);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Self(self.0 - 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_whose_payload_panics_when_it_is_dropped_is_a_failed_render() {
    for bomb in [0, 1, 2] {
        let isr = IsrLayer::builder()
            .pages([POST])
            .build()
            .expect("the page is fine");
        let app = isr.wrap(tower::service_fn(
            move |request: Request<Body>| async move {
                if request.uri().path() == A {
                    std::panic::panic_any(Bomb(bomb));
                }
                Ok::<_, Infallible>(Response::new(Body::from("a page")))
            },
        ));

        let answer = ask(&app, get::<Body>(A)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(
            answer.cache_status().contains("detail=panic"),
            "{bomb}: {}",
            answer.cache_status()
        );
        let receipt = only(&isr.cache().revalidate(Purge::path(A)).await);
        assert_eq!(receipt.status(), SelectorStatus::Failed, "{bomb}");
        assert_eq!(ask(&app, get::<Body>(B)).await.status, StatusCode::OK);
    }
}
