//! Tests calls from other runtimes than the one that serves, and from none: renders run where
//! requests are served, and every wait has an end.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use isr_layer::purge::SelectorStatus;
use isr_layer::{Cache, Isr, IsrLayer, Mode, Page, Policy, Purge, Receipt};
use isr_tests::{Answer, Site, ask, get, settle};
use tokio::runtime::{Builder, Runtime};
use tower::Layer;

use crate::Plain;

const A: Page = Page::new("/a").with_policy(Policy::new().timeout(Duration::from_secs(10)));
const OTHER: Page = Page::new("/other");

/// The longest time after which a request must have its response; the clock is mostly paused.
const AT_LAST: Duration = Duration::from_secs(60);

fn runtime(is_paused: bool) -> Runtime {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(is_paused)
        .build();
    runtime.expect("a runtime starts")
}

/// Runs a test on a runtime that serves requests.
fn serving(is_paused: bool, test: impl Future<Output = ()>) {
    runtime(is_paused).block_on(test);
}

/// A runtime that lives until this is dropped, and does nothing more.
struct Parked(Option<Runtime>);

impl Drop for Parked {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Does `work` on a runtime of its own.
async fn elsewhere<T: Send + 'static>(
    is_paused: bool,
    work: impl Future<Output = T> + Send + 'static,
) -> (T, Parked) {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = runtime(is_paused);
        let result = runtime.block_on(work);
        let _ = done.send((result, Parked(Some(runtime))));
    });
    result.await.expect("the work does not panic")
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Does `work` on a thread without any runtime, and sends the result unless it panics.
fn without_runtime<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> mpsc::Receiver<T> {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut work = Box::pin(work);
        loop {
            if let Poll::Ready(result) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                let _ = done.send(result);
                return;
            }
            std::thread::park();
        }
    });
    result
}

fn site() -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    site.publish(1);
    let isr = IsrLayer::builder().without_registered().pages([A, OTHER]);
    let isr = isr.build().expect("the pages do not contradict each other");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

/// Asks for `/a`. A clock that is paused ends every wait.
async fn ask_for_a(service: &Isr<Site>) -> Answer {
    let answer = tokio::time::timeout(AT_LAST, ask(service, get::<Plain>("/a")));
    answer.await.expect("no request waits for ever")
}

async fn regenerate(cache: Cache) -> Receipt {
    let purge = Purge::path("/a").mode(Mode::Regenerate);
    cache.revalidate(purge).await
}

fn status(receipt: &Receipt) -> SelectorStatus {
    receipt.receipts()[0].status()
}

#[test]
fn a_cold_page_that_a_job_on_another_runtime_renders_waits_for_no_parked_runtime() {
    serving(false, async {
        let (site, isr, service) = site();
        ask(&service, get::<Plain>("/other")).await;
        site.before().close();

        let (receipt, _parked) = elsewhere(true, regenerate(isr.cache())).await;
        site.before().open();
        let answer = ask_for_a(&service).await;

        assert_eq!(status(&receipt), SelectorStatus::Running, "{receipt:?}");
        assert_eq!(answer.status, 200);
        assert_eq!(site.renders(), 2, "the job's render is the client's");
    });
}

#[test]
fn a_warm_page_that_a_job_on_another_runtime_renders_does_not_stay_old() {
    serving(false, async {
        let (site, isr, service) = site();
        ask_for_a(&service).await;
        site.publish(2);
        site.before().close();

        let (receipt, _parked) = elsewhere(true, regenerate(isr.cache())).await;
        site.before().open();
        settle().await;
        let answer = ask_for_a(&service).await;

        assert_eq!(status(&receipt), SelectorStatus::Running, "{receipt:?}");
        assert_eq!(answer.cache_status(), "isr; hit");
        assert_eq!(site.renders(), 2);
    });
}

#[test]
fn a_job_on_another_runtime_gets_its_receipt() {
    serving(true, async {
        let (_, isr, service) = site();
        ask_for_a(&service).await;

        for is_many in [false, true] {
            let cache = isr.cache();
            let job = async move {
                let purge = if is_many {
                    Purge::all()
                } else {
                    Purge::path("/a")
                };
                cache.revalidate(purge.mode(Mode::Regenerate)).await
            };
            let (receipt, _parked) = elsewhere(false, job).await;

            assert_eq!(status(&receipt), SelectorStatus::Regenerated, "{receipt:?}");
        }
    });
}

#[test]
fn a_runtime_that_has_ended_serves_no_more() {
    serving(true, async {
        let (_, isr, service) = site();
        let before = service.clone();
        let first = async move { ask_for_a(&before).await };
        let (_, ended) = elsewhere(true, first).await;
        drop(ended);

        let receipt = regenerate(isr.cache()).await;

        assert_eq!(status(&receipt), SelectorStatus::Regenerated, "{receipt:?}");
    });
}

/// Nobody served when the job came, so its render began on its own runtime.
#[test]
fn a_request_that_waits_for_a_parked_runtime_renders_itself_at_last() {
    serving(true, async {
        let (site, isr, service) = site();
        // The application is known, though no request came on a runtime that lives.
        let first = service.clone();
        let warm_up = async move { ask(&first, get::<Plain>("/other")).await };
        let (_, _parked_first) = elsewhere(true, warm_up).await;
        site.before().close();
        let (receipt, _parked) = elsewhere(true, regenerate(isr.cache())).await;
        site.before().open();

        let answer = ask_for_a(&service).await;

        assert_eq!(answer.status, 200, "{receipt:?}");
        assert!(ask_for_a(&service).await.cache_status().contains("hit"));
    });
}

#[test]
fn a_stale_page_does_not_wait_for_a_parked_runtime_for_ever() {
    serving(true, async {
        let (site, isr, service) = site();
        let first = service.clone();
        let (_, _parked) = elsewhere(true, async move {
            ask_for_a(&first).await;
            first
        })
        .await;
        site.publish(2);
        site.before().close();
        let (_, _parked_too) = elsewhere(true, regenerate(isr.cache())).await;
        site.before().open();

        let mut answers = Vec::new();
        for _ in 0..20 {
            answers.push(ask_for_a(&service).await.cache_status().to_owned());
            settle().await;
            tokio::time::advance(Duration::from_secs(30)).await;
        }

        assert_eq!(
            answers.last().map(String::as_str),
            Some("isr; hit"),
            "{answers:?}"
        );
    });
}

#[test]
fn a_purge_without_any_runtime_marks_and_does_not_panic() {
    for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
        for purge in [Purge::path("/a"), Purge::all(), Purge::page("/a")] {
            let (site, isr, service) = site();
            let asked = service.clone();
            let first = std::thread::spawn(move || runtime(true).block_on(ask_for_a(&asked)));
            first.join().expect("a page is served");
            site.publish(2);

            let cache = isr.cache();
            let purge = purge.mode(mode);
            let receipt = without_runtime(async move { cache.revalidate(purge).await });
            let receipt = receipt.recv_timeout(Duration::from_secs(10));
            let receipt = receipt.expect("the call neither panics nor hangs");

            assert_eq!(status(&receipt), SelectorStatus::Marked, "{receipt:?}");
            let answer = runtime(true).block_on(ask_for_a(&service));
            assert_ne!(answer.cache_status(), "isr; hit", "the purge is not lost");
        }
    }
}

#[test]
fn a_purge_without_a_runtime_renders_where_requests_are_served() {
    serving(true, async {
        let (site, isr, service) = site();
        ask_for_a(&service).await;
        site.publish(2);

        let receipt = without_runtime(regenerate(isr.cache()));
        let receipt = tokio::task::spawn_blocking(move || receipt.recv_timeout(AT_LAST)).await;

        let receipt = receipt.expect("no panic").expect("the call does not panic");
        assert_eq!(status(&receipt), SelectorStatus::Regenerated, "{receipt:?}");
        assert_eq!(ask_for_a(&service).await.cache_status(), "isr; hit");
        assert_eq!(site.renders(), 2);
    });
}
