//! Tests that nothing hangs and nothing is left behind when failures of each kind, clients that
//! leave and purges come together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isr_layer::{IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{Act, Reply, Site, ask, get, try_ask};
use tokio::task::JoinSet;
use tower::Layer;
use tower::limit::ConcurrencyLimit;

use crate::Plain;

const PAGE: Page = Page::new("/p/{n}").with_policy(
    Policy::new()
        .tags(&["posts"])
        .timeout(Duration::from_millis(50))
        .revalidate(Duration::from_millis(3)),
);

/// Returns the action of the render with this number. Each kind of end comes again and again.
fn act(number: usize) -> Act {
    match number % 13 {
        0 => Act::Panic,
        1 => Act::Error,
        2 => Reply::status(500).into(),
        3 => Reply::page().header("set-cookie", "id=1").into(),
        4 => Reply::page().chunk("half").cut().into(),
        5 => Reply::status(404).into(),
        6 if number.is_multiple_of(2) => Act::Hang,
        7 => Reply::page().chunk("half").panic().into(),
        _ => Reply::page().into(),
    }
}

fn site() -> Site {
    let site = Site::new();
    let number = AtomicUsize::new(0);
    site.script(move |_, _| act(number.fetch_add(1, Ordering::Relaxed)));
    site
}

/// Sends `clients` requests for ten pages to a service that serves four at once. Each seventh
/// client leaves.
async fn storm(isr: &IsrLayer, site: &Site, clients: usize) {
    let service = isr.layer(ConcurrencyLimit::new(site.clone(), 4));
    let mut running = JoinSet::new();
    for client in 0..clients {
        let service = service.clone();
        let answer = running.spawn(async move {
            let path = format!("/p/{}", client % 10);
            // A streamed body may be cut. Its client sees the error, so it is no failure of the
            // test.
            let asked =
                tokio::spawn(async move { try_ask(&service, get::<Plain>(&path)).await.is_ok() });
            _ = asked.await;
        });
        if client % 7 == 0 {
            answer.abort();
        }
        if client % 50 == 0 {
            let _ = isr
                .cache()
                .revalidate(Purge::tag("posts").mode([Mode::Stale, Mode::Expire][client / 50 % 2]))
                .await;
        }
        if client % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    while running.join_next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hangs_and_nothing_is_left_whatever_happens() {
    let site = site();
    let isr = crate::isr([PAGE]);

    let ended = tokio::time::timeout(Duration::from_secs(60), storm(&isr, &site, 2000)).await;
    let drained = tokio::time::timeout(Duration::from_secs(60), isr.cache().drained()).await;

    assert!(ended.is_ok(), "every wait has an end");
    assert!(drained.is_ok());
    let stats = isr.cache().metrics();
    assert_eq!((stats.flights(), stats.tasks(), site.running()), (0, 0, 0));
    assert!(stats.entries() <= 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_every_page_heals() {
    let site = site();
    let isr = crate::isr([PAGE]);
    let service = isr.layer(site.clone());
    storm(&isr, &site, 300).await;
    isr.cache().drained().await;
    site.act(Reply::page());
    site.publish(2);

    let _ = isr
        .cache()
        .revalidate(Purge::all().mode(Mode::Expire))
        .await;

    for n in 0..10 {
        let answer = ask(&service, get::<Plain>(&format!("/p/{n}"))).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (200, format!("/p/{n} v2").as_str())
        );
    }
}
