//! Tests that renders without a client keep to their limits and share their results, however often
//! pages are purged.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use isr_layer::purge::SelectorStatus;
use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{Answer, ask, get, settle};
use tokio::task::JoinHandle;
use tower::Layer;

use crate::house::{A, POST};

const LIST: Page = Page::new("/list/{n}").with_policy(Policy::new().query(&["q"]));
/// The renders without a client that may run at once.
const LIMIT: usize = 4;

/// An application whose renders take a while. Counts them, and those that run at once.
#[derive(Clone, Default)]
struct Slow {
    renders: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
}

impl Slow {
    /// Serves the usual pages, each of which takes `time` to render.
    fn serve(&self, time: Duration) -> (Cache, impl AsyncFn(&str) -> Answer + use<>) {
        let isr = IsrLayer::builder()
            .pages([POST, LIST])
            .background_renders(LIMIT)
            .new_keys_per_second(u32::MAX)
            .build()
            .expect("the pages fit together");
        let slow = self.clone();
        let service = tower::service_fn(move |_: Request<Body>| {
            let slow = slow.clone();
            async move { Ok::<_, Infallible>(slow.render(time).await) }
        });
        let app = isr.layer(service);
        let ask = async move |path: &str| ask(&app, get::<Body>(path)).await;
        (isr.cache(), ask)
    }

    async fn render(&self, time: Duration) -> Response<Body> {
        self.renders.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(running, Ordering::SeqCst);
        tokio::time::sleep(time).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        Response::new(Body::from("a page"))
    }

    fn renders(&self) -> usize {
        self.renders.load(Ordering::SeqCst)
    }

    fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }
}

/// Purges `count` times, `pause` apart, and waits for all receipts.
async fn purge_often(cache: &Cache, purge: &Purge, count: usize, pause: Duration) {
    let mut purging = Vec::<JoinHandle<SelectorStatus>>::new();
    for _ in 0..count {
        let (cache, purge) = (cache.clone(), purge.clone());
        purging.push(tokio::spawn(async move {
            cache.revalidate(purge).await.receipts()[0].status()
        }));
        settle().await;
        tokio::time::sleep(pause).await;
    }
    for purging in purging {
        let status = purging.await.expect("the purge does not panic");
        assert!(
            matches!(
                status,
                SelectorStatus::Regenerated | SelectorStatus::Running
            ),
            "{status}"
        );
    }
    cache.drained().await;
}

#[tokio::test(start_paused = true)]
async fn three_hundred_purges_of_a_slow_page_keep_to_the_limit_of_renders() {
    for purge in [
        Purge::path(A),
        Purge::instance("/posts/{slug}", [("slug", "a")]),
        Purge::tag("post:a").mode(Mode::Regenerate),
        Purge::page("/posts/{slug}").mode(Mode::Regenerate),
        Purge::prefix("/posts").mode(Mode::Regenerate),
        Purge::all().mode(Mode::Regenerate),
        Purge::path("/list/1"),
    ] {
        let slow = Slow::default();
        let (cache, ask) = slow.serve(Duration::from_secs(1));
        ask(A).await;
        ask("/list/1?q=a").await;

        purge_often(&cache, &purge, 300, Duration::from_millis(3)).await;

        assert!(slow.peak() <= LIMIT, "{purge:?}: {} at once", slow.peak());
        let renders = slow.renders() - 2;
        // 900 ms of purges begin at most one group of renders, and the last purge a second one.
        assert!(renders <= 4 * LIMIT, "{purge:?}: {renders} renders");
    }
}

#[tokio::test(start_paused = true)]
async fn purges_of_a_path_that_was_never_rendered_keep_to_the_limit_as_well() {
    let slow = Slow::default();
    let (cache, ask) = slow.serve(Duration::from_secs(1));
    ask("/posts/other").await;

    purge_often(&cache, &Purge::path(A), 300, Duration::from_millis(3)).await;

    assert!(slow.peak() <= LIMIT, "{} at once", slow.peak());
}

#[tokio::test(start_paused = true)]
async fn twenty_regenerations_of_a_hundred_pages_share_their_renders() {
    let slow = Slow::default();
    let (cache, ask) = slow.serve(Duration::from_millis(10));
    for number in 0..100 {
        ask(&format!("/posts/{number}")).await;
    }

    let purge = Purge::tag("posts").mode(Mode::Regenerate);
    purge_often(&cache, &purge, 20, Duration::from_millis(5)).await;

    assert!(slow.peak() <= LIMIT, "{} at once", slow.peak());
    let renders = slow.renders() - 100;
    // Each purge makes useless at most those that run, and those that ended since the one before.
    assert!(
        (100..=100 + 20 * LIMIT).contains(&renders),
        "{renders} renders"
    );
}
