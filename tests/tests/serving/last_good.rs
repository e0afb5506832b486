//! Tests that a good page is never replaced by a bad one.

use isr_layer::{Mode, Purge};
use isr_tests::{Act, Reply, settle};

use crate::{A, pass, secs, site_and_layer, site_with, ten_seconds, visit};

/// Returns each way in which a render can fail, with its word in `Cache-Status`.
fn failures() -> [(Act, &'static str); 15] {
    [
        (Act::Panic, "panic"),
        (Act::Error, "service-error"),
        (Act::Hang, "timeout"),
        (Reply::status(500).into(), "failed-status"),
        (
            Reply::status(503).header("set-cookie", "id=1").into(),
            "failed-status",
        ),
        (Reply::status(408).into(), "failed-status"),
        (Reply::status(425).into(), "failed-status"),
        (Reply::status(429).into(), "failed-status"),
        (Reply::status(304).into(), "failed-status"),
        (Reply::status(206).into(), "failed-status"),
        (Reply::page().chunk("half").cut().into(), "body-cut"),
        // Cut without an error, as some proxies do: shorter or longer than `content-length` says.
        (
            Reply::page()
                .header("content-length", "8")
                .chunk("half")
                .into(),
            "body-cut",
        ),
        (
            Reply::page()
                .header("content-length", "2")
                .chunk("half")
                .into(),
            "body-cut",
        ),
        (Reply::page().chunk("half").hang().into(), "timeout"),
        (Reply::page().empty().into(), "empty-body"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_keeps_the_last_good_page() {
    for (act, word) in failures() {
        let (site, service) = site_with(ten_seconds());
        visit(&service).await;
        site.act(act);
        pass(10).await;

        visit(&service).await;
        tokio::time::sleep(secs(31)).await;
        let kept = visit(&service).await;

        assert_eq!(
            (kept.status.as_u16(), kept.text()),
            (200, "/a v1"),
            "{word}"
        );
        assert!(!kept.headers.contains_key("set-cookie"));
        assert!(
            kept.cache_status().starts_with("isr; hit; ttl=-"),
            "{word}: {}",
            kept.cache_status()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_a_hard_purge_gives_the_last_good_page_to_all_that_waited() {
    for (act, word) in failures() {
        let (site, isr, service) = site_and_layer(A);
        visit(&service).await;
        site.act(act);
        let _ = isr
            .cache()
            .revalidate(Purge::path("/a").mode(Mode::Expire))
            .await;
        site.before().close();
        let ask = || {
            let service = service.clone();
            tokio::spawn(async move { visit(&service).await })
        };
        let leader = ask();
        site.before().reached(2).await;
        let follower = ask();
        settle().await;

        site.before().open();
        let (leader, follower) = (leader.await.unwrap(), follower.await.unwrap());

        for answer in [&leader, &follower] {
            assert_eq!(
                (answer.status.as_u16(), answer.text()),
                (200, "/a v1"),
                "{word}"
            );
            assert!(!answer.headers.contains_key("set-cookie"), "{word}");
        }
        assert_eq!(
            leader.cache_status(),
            format!("isr; fwd=stale; detail={word}")
        );
        assert_eq!(
            follower.cache_status(),
            format!("isr; fwd=stale; detail={word}; collapsed")
        );
        assert_eq!(site.renders(), 2, "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn under_back_off_the_last_good_page_is_served_at_once_also_after_a_hard_purge() {
    let (site, isr, service) = site_and_layer(A);
    visit(&service).await;
    site.act(Reply::status(500));
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;
    visit(&service).await;

    let at_once = visit(&service).await;

    assert_eq!(at_once.text(), "/a v1");
    assert_eq!(at_once.cache_status(), "isr; hit; ttl=0; detail=backoff");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_regeneration_on_demand_keeps_the_last_good_page_and_says_so() {
    for (act, word) in failures() {
        let (site, isr, service) = site_and_layer(A);
        visit(&service).await;
        // `Regenerate` can reach the application because there was a request before.
        site.act(act);

        let receipt = isr.cache().revalidate(Purge::path("/a")).await;
        tokio::time::sleep(secs(31)).await;
        let kept = visit(&service).await;

        let status = receipt.receipts()[0].status();
        let expected = if word == "timeout" {
            isr_layer::purge::SelectorStatus::Running
        } else {
            isr_layer::purge::SelectorStatus::Failed
        };
        assert_eq!(status, expected, "{word}");
        assert_eq!(
            (kept.status.as_u16(), kept.text()),
            (200, "/a v1"),
            "{word}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_recovers_is_replaced() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;
    site.act(Act::Panic);
    pass(10).await;
    visit(&service).await;
    settle().await;
    site.act(Reply::page());
    site.publish(2);

    pass(1).await;
    visit(&service).await;
    settle().await;

    assert_eq!(visit(&service).await.text(), "/a v2");
    assert_eq!(site.renders(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_as_long_as_it_says_replaces_no_good_page() {
    for length in ["1000", "1"] {
        let (site, service) = site_with(ten_seconds());
        visit(&service).await;
        site.act(
            Reply::page()
                .header("content-length", length)
                .chunk("half a page"),
        );
        pass(10).await;

        visit(&service).await;
        settle().await;
        let kept = visit(&service).await;

        assert_eq!(kept.text(), "/a v1", "{length}");
    }
}
