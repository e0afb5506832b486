//! Tests that every page gets its encodings in the end, however many pages want them at once.

use std::sync::mpsc;

use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{Site, ask, get, request, settle};
use tokio::task::JoinHandle;
use tower::Layer;

use crate::{BROWSER, Plain, html, only, secs};

const POST: Page = Page::new("/posts/{slug}");
/// More pages than computations may wait.
const MANY: usize = 1_100;

/// Runs a test on a runtime with one thread that can encode.
fn with_one_encoder(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .max_blocking_threads(1)
        .build();
    runtime.expect("a runtime starts").block_on(test);
}

/// Keeps the only thread busy that could encode, until it is dropped.
struct Busy(#[allow(dead_code)] mpsc::Sender<()>);

fn busy() -> Busy {
    let (go_on, until) = mpsc::channel::<()>();
    drop(tokio::task::spawn_blocking(move || until.recv()));
    Busy(go_on)
}

fn site(page: Page) -> (Site, IsrLayer, isr_layer::Isr<Site>) {
    let site = Site::new();
    site.act(html());
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([page])
        .params(POST.path(), || async { (0..4_000).collect::<Vec<u32>>() })
        .new_keys_per_second(u32::MAX)
        .build();
    let isr = isr.expect("the page does not contradict itself");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

async fn is_encoded(service: &isr_layer::Isr<Site>, path: &str) -> bool {
    let request = request::<Plain>(http::Method::GET, path, &only("br"));
    let answer = ask(service, request).await;
    assert_eq!(answer.cache_status(), "isr; hit", "{path}");
    answer.header("content-encoding") == "br"
}

/// Waits until `site` renders no more, though it may have to.
async fn stands_still(site: &Site) {
    let mut renders = usize::MAX;
    while renders != site.renders() {
        renders = site.renders();
        for _ in 0..20 {
            settle().await;
        }
    }
}

async fn drained(cache: &Cache) {
    settle().await;
    cache.drained().await;
}

#[test]
fn each_of_four_thousand_prerendered_pages_is_encoded() {
    with_one_encoder(async {
        let (site, isr, service) = site(POST);
        ask(&service, get::<Plain>("/posts/0")).await;
        let busy = busy();
        let cache = isr.cache();
        let prerender: JoinHandle<_> = tokio::spawn(async move { cache.prerender().await });
        stands_still(&site).await;
        let before = site.renders();

        drop(busy);
        let report = prerender.await.expect("it does not panic");
        drained(&isr.cache()).await;

        assert_eq!(report.failed(), 0, "{report:?}");
        let mut encoded = 0;
        for n in 0..4_000 {
            encoded += usize::from(is_encoded(&service, &format!("/posts/{n}")).await);
        }
        assert_eq!(encoded, 4_000, "so many of 4,000 pages are encoded");
        assert!(
            before < 1_100,
            "{before} pages were rendered while no encoder was free"
        );
    });
}

/// Fills the queue of computations by the pages of a flood, while no encoder is free.
async fn flood(service: &isr_layer::Isr<Site>) {
    for n in 0..MANY {
        ask(service, get::<Plain>(&format!("/posts/flood-{n}"))).await;
    }
}

#[test]
fn a_page_that_a_flood_kept_from_being_encoded_is_encoded_after_a_later_hit() {
    for accept in ["br", "gzip", BROWSER] {
        with_one_encoder(async {
            let (_, isr, service) = site(POST);
            let flooded = busy();
            flood(&service).await;
            ask(&service, get::<Plain>("/posts/good")).await;
            drop(flooded);
            drained(&isr.cache()).await;

            let get = || request::<Plain>(http::Method::GET, "/posts/good", &only(accept));
            let first = ask(&service, get()).await;
            drained(&isr.cache()).await;
            let second = ask(&service, get()).await;

            assert_eq!(first.cache_status(), "isr; hit");
            assert_eq!(first.header("content-encoding"), "", "{accept}");
            assert_ne!(second.header("content-encoding"), "", "{accept}");
        });
    }
}

#[test]
fn a_stale_page_that_a_flood_kept_from_being_encoded_is_encoded_after_a_later_hit() {
    let page = POST.with_policy(Policy::new().revalidate(secs(10)));
    with_one_encoder(async {
        let (site, isr, service) = site(page);
        let flooded = busy();
        flood(&service).await;
        ask(&service, get::<Plain>("/posts/good")).await;
        drop(flooded);
        drained(&isr.cache()).await;
        tokio::time::advance(secs(20)).await;
        site.before().close();

        let get = || request::<Plain>(http::Method::GET, "/posts/good", &only("br"));
        let first = ask(&service, get()).await;
        while isr.cache().metrics().tasks() > 1 {
            settle().await;
        }
        let second = ask(&service, get()).await;
        site.before().open();

        assert!(first.cache_status().contains("stale"), "{first:?}");
        assert!(second.cache_status().contains("stale"), "{second:?}");
        assert_eq!(second.header("content-encoding"), "br");
    });
}

#[test]
fn many_hits_of_a_page_without_encodings_ask_for_them_once() {
    with_one_encoder(async {
        let (_, isr, service) = site(POST);
        let flooded = busy();
        flood(&service).await;
        ask(&service, get::<Plain>("/posts/good")).await;
        drop(flooded);
        drained(&isr.cache()).await;
        let _busy = busy();

        for _ in 0..10 {
            // A client that accepts no encoding asks for none.
            ask(&service, get::<Plain>("/posts/good")).await;
        }
        let without = isr.cache().metrics().tasks();
        for _ in 0..10 {
            is_encoded(&service, "/posts/good").await;
            settle().await;
        }

        assert_eq!((without, isr.cache().metrics().tasks()), (0, 1));
    });
}

#[test]
fn a_page_that_is_rendered_on_demand_during_a_flood_is_encoded() {
    with_one_encoder(async {
        let (_, isr, service) = site(POST);
        ask(&service, get::<Plain>("/posts/good")).await;
        drained(&isr.cache()).await;
        let flooded = busy();
        flood(&service).await;

        let purge = Purge::path("/posts/good").mode(Mode::Regenerate);
        let receipt = isr.cache().revalidate(purge).await;
        drop(flooded);
        drained(&isr.cache()).await;

        // The receipt does not wait for the encodings.
        assert!(receipt.is_revalidated(), "{receipt:?}");
        assert!(is_encoded(&service, "/posts/good").await);
    });
}
