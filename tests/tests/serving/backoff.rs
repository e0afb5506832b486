//! Tests that a key is not rendered for a while after a failure: for 1 s, then twice as long each
//! time, up to 60 s, or up to 5 s if there is no stored page to serve.

use std::time::Duration;

use isr_layer::{Isr, Mode, Policy, Purge};
use isr_tests::{Act, Reply, Site, settle, try_ask};

use crate::{A, a, pass, secs, site_and_layer, site_with, ten_seconds, visit};

/// Sends a request every 50 ms for the time `total`. Returns the pauses between renders, in tenths
/// of a second.
async fn pauses(site: &Site, service: &Isr<Site>, total: Duration) -> Vec<u64> {
    let end = tokio::time::Instant::now() + total;
    let mut renders = site.renders();
    let mut last = None;
    let mut pauses = Vec::new();
    while tokio::time::Instant::now() < end {
        let now = tokio::time::Instant::now();
        let _ = try_ask(service, a()).await;
        settle().await;
        if site.renders() > renders {
            renders = site.renders();
            if let Some(last) = last.replace(now) {
                pauses.push(
                    now.duration_since(last).as_secs() * 10
                        + u64::from(now.duration_since(last).subsec_millis() / 100),
                );
            }
        }
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    pauses
}

/// Asserts each pause: up to a tenth shorter than `seconds` says, and up to one tenth of a second
/// longer, since requests come every 50 ms.
fn assert_pauses(pauses: &[u64], seconds: &[u64]) {
    assert!(pauses.len() >= seconds.len(), "{pauses:?} for {seconds:?}");
    for (tenths, seconds) in pauses.iter().zip(seconds) {
        assert!(
            (seconds * 9..=seconds * 10 + 1).contains(tenths),
            "{pauses:?} for {seconds:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_of_a_page_with_something_to_show_doubles_to_sixty_seconds() {
    let (site, service) = site_with(A.with_policy(Policy::new().revalidate(secs(10))));
    visit(&service).await;
    site.act(Act::Error);
    pass(10).await;

    let pauses = pauses(&site, &service, secs(260)).await;

    assert_pauses(&pauses, &[1, 2, 4, 8, 16, 32, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn the_pause_of_a_cold_key_doubles_to_five_seconds() {
    for act in [
        Act::Panic,
        Act::Error,
        Reply::status(500).into(),
        Reply::page().cut().into(),
    ] {
        let (site, service) = site_with(A);
        site.act(act);

        let pauses = pauses(&site, &service, secs(24)).await;

        assert_pauses(&pauses, &[1, 2, 4, 5, 5]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_of_an_expired_page_is_that_of_a_cold_key() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;
    site.act(Reply::status(500));
    pass(100).await;

    let pauses = pauses(&site, &service, secs(24)).await;

    assert_pauses(&pauses, &[1, 2, 4, 5, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_remembered_failure_says_when_to_come_again() {
    let (site, service) = site_with(A);
    site.act(
        Reply::status(503)
            .header("set-cookie", "id=1")
            .chunk("down"),
    );
    visit(&service).await;

    let remembered = visit(&service).await;

    assert_eq!(
        (remembered.status.as_u16(), remembered.text()),
        (503, "down")
    );
    assert_eq!(remembered.header("retry-after"), "1");
    assert_eq!(remembered.header("cache-control"), "no-store");
    assert!(!remembered.headers.contains_key("set-cookie"));
    assert_eq!(remembered.cache_status(), "isr; hit; detail=backoff");
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_after_a_failure_are_no_further_render() {
    let (site, service) = site_with(A);
    site.act(Act::Panic);

    for _ in 0..1000 {
        assert_eq!(visit(&service).await.status, 500);
    }

    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn success_resets_the_pause() {
    let (site, service) = site_with(A.with_policy(Policy::new().revalidate(secs(1))));
    site.act(Act::Error);
    pauses(&site, &service, secs(8)).await;
    site.act(Reply::page());
    pass(60).await;
    assert_eq!(visit(&service).await.text(), "/a v1");
    site.act(Act::Error);
    pass(1).await;

    let pauses = pauses(&site, &service, secs(8)).await;

    assert_pauses(&pauses, &[1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_purge_ends_the_pause() {
    for purge in [
        Purge::path("/a"),
        Purge::page("/a"),
        Purge::prefix("/"),
        Purge::all(),
    ] {
        let (site, isr, service) = site_and_layer(A);
        site.act(Reply::status(500));
        visit(&service).await;
        site.act(Reply::page());

        let _ = isr
            .cache()
            .revalidate(purge.clone().mode(Mode::Stale))
            .await;
        let answer = visit(&service).await;

        assert_eq!(
            (answer.status.as_u16(), site.renders()),
            (200, 2),
            "{purge:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_purge_the_pauses_begin_anew() {
    let (site, isr, service) = site_and_layer(A.with_policy(Policy::new().revalidate(secs(10))));
    visit(&service).await;
    site.act(Act::Error);
    pass(10).await;
    assert_pauses(&pauses(&site, &service, secs(16)).await, &[1, 2, 4, 8]);

    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Stale))
        .await;

    assert_pauses(&pauses(&site, &service, secs(8)).await, &[1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn regeneration_on_demand_ignores_the_pause() {
    let (site, isr, service) = site_and_layer(A);
    site.act(Reply::status(500));
    visit(&service).await;
    site.act(Reply::page());

    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Regenerate))
        .await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_pause_of_one_key_is_not_that_of_another() {
    let site = Site::new();
    let service = tower::Layer::layer(&crate::isr([isr_layer::Page::new("/p/{n}")]), site.clone());
    site.script(|seen, _| {
        if seen.uri.path() == "/p/1" {
            Act::Panic
        } else {
            Reply::page().into()
        }
    });

    let failed = isr_tests::ask(&service, isr_tests::get::<crate::Plain>("/p/1")).await;
    let other = isr_tests::ask(&service, isr_tests::get::<crate::Plain>("/p/2")).await;

    assert_eq!((failed.status.as_u16(), other.status.as_u16()), (500, 200));
}

#[tokio::test(start_paused = true)]
async fn keys_that_failed_together_are_not_tried_together() {
    let site = Site::new();
    let service = tower::Layer::layer(&crate::isr([isr_layer::Page::new("/p/{n}")]), site.clone());
    site.act(Reply::status(500));
    let ask_all = async || {
        for n in 0..100 {
            isr_tests::ask(&service, isr_tests::get::<crate::Plain>(&format!("/p/{n}"))).await;
        }
    };
    ask_all().await;

    tokio::time::advance(Duration::from_millis(950)).await;
    ask_all().await;

    let again = site.renders() - 100;
    assert!((10..90).contains(&again), "{again} of 100 after 950 ms");
}

#[tokio::test(start_paused = true)]
async fn once_a_page_has_expired_a_failing_one_is_tried_every_five_seconds_at_least() {
    let policy = Policy::new().revalidate(secs(1)).expire(secs(130));
    let (site, service) = site_with(A.with_policy(policy));
    visit(&service).await;
    site.act(Act::Error);
    pass(1).await;
    for _ in 1..130 {
        visit(&service).await;
        settle().await;
        pass(1).await;
    }

    // The page has just expired. The back-off of a page with something to show is longer by now.
    let before = site.renders();
    let mut seconds = 0;
    while site.renders() == before {
        let _ = try_ask(&service, a()).await;
        settle().await;
        pass(1).await;
        seconds += 1;
        assert!(seconds < 60, "no try in a minute");
    }

    assert!(seconds <= 6, "the first try came after {seconds} s");
}
