//! `stale-if-error`: a stale entry is served in place of an error.

use isr_tests::{Act, Reply, ask, head, try_ask};

use crate::{Plain, pass, says, site_that_says, visit, with};

#[tokio::test(start_paused = true)]
async fn within_the_window_it_stands_in_for_500_502_503_504_and_for_no_answer() {
    for (act, detail) in [
        (Reply::status(500).into(), "failed-status"),
        (Reply::status(502).into(), "failed-status"),
        (
            Reply::status(503)
                .header("cache-control", "max-age=60")
                .into(),
            "failed-status",
        ),
        (Reply::status(504).into(), "failed-status"),
        (Act::Error, "service-error"),
        (Act::Panic, "panic"),
        (says("max-age=60").cut().into(), "body-cut"),
    ] {
        let (site, service) = site_that_says("max-age=10, stale-if-error=20");
        visit(&service).await;
        site.act(act);
        pass(29).await;

        let kept = visit(&service).await;

        assert_eq!((kept.status.as_u16(), kept.text()), (200, "/a v1"));
        assert_eq!(
            kept.cache_status(),
            format!("isr; fwd=stale; detail={detail}")
        );
        assert_eq!(site.renders(), 2, "nothing is retried");
        pass(1).await;
        assert!(
            try_ask(&service, with(&[]))
                .await
                .is_ok_and(|answer| answer.status != 200)
                || detail == "service-error"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn other_statuses_are_answers() {
    for status in [404, 429, 501, 505] {
        let (site, service) = site_that_says("max-age=10, stale-if-error=20");
        visit(&service).await;
        site.act(Reply::status(status));
        pass(10).await;

        assert_eq!(visit(&service).await.status.as_u16(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_window_and_under_must_revalidate_an_error_is_an_error() {
    for cache_control in [
        "max-age=10",
        "s-maxage=10",
        "max-age=10, stale-while-revalidate=5",
        "max-age=10, stale-if-error=20, must-revalidate",
        "s-maxage=10, stale-if-error=20, proxy-revalidate",
    ] {
        let (site, service) = site_that_says(cache_control);
        visit(&service).await;
        site.act(Reply::status(503));
        pass(15).await;

        assert_eq!(visit(&service).await.status, 503, "{cache_control}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_explicit_window_wins_over_what_s_maxage_implies() {
    let (site, service) = site_that_says("s-maxage=10, stale-if-error=20");
    visit(&service).await;
    site.act(Reply::status(503));
    pass(15).await;

    assert_eq!(visit(&service).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn it_stands_in_for_the_error_of_a_request_that_passes_too() {
    let (site, service) = site_that_says("max-age=10, stale-if-error=20");
    visit(&service).await;
    site.act(Reply::status(503));
    pass(15).await;

    let answer = ask(&service, head::<Plain>("/a")).await;

    assert_eq!(
        (answer.status.as_u16(), answer.header("content-length")),
        (200, "5")
    );
}

#[tokio::test(start_paused = true)]
async fn a_stored_error_stands_in_for_nothing() {
    for status in [500, 501, 502, 503, 504, 599] {
        let (site, service) = site_that_says("");
        let cache_control = "max-age=10, stale-if-error=60";
        site.act(Reply::status(status).header("cache-control", cache_control));
        visit(&service).await;
        pass(10).await;
        site.act(Reply::status(503).header("retry-after", "7"));

        let newer = visit(&service).await;

        assert_eq!(newer.status, 503, "{status}");
        assert_eq!(newer.header("retry-after"), "7", "{status}");
        site.act(Act::Panic);
        assert_ne!(visit(&service).await.text(), "/a v1", "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stored_response_that_is_no_error_of_the_origin_stands_in() {
    for status in [200, 301, 404, 410] {
        let (site, service) = site_that_says("");
        site.act(Reply::status(status).header("cache-control", "max-age=10, stale-if-error=60"));
        visit(&service).await;
        pass(10).await;
        site.act(Reply::status(503));

        assert_eq!(visit(&service).await.status.as_u16(), status);
    }
}
