//! `stale-while-revalidate`: a stale entry is served, and refreshed in the background.

use http::Method;
use isr_layer::{Isr, IsrLayer};
use isr_tests::{Act, Reply, Site, ask, get, request, settle};
use tower::Layer;

use crate::{Plain, pass, says, site_and_layer, site_that_says, visit, visit_with};

#[tokio::test(start_paused = true)]
async fn within_the_window_the_old_answer_is_served_and_one_refresh_runs() {
    for window in [
        "max-age=10, stale-while-revalidate=5",
        "s-maxage=10, stale-while-revalidate=5",
    ] {
        let (site, service) = site_that_says(window);
        visit(&service).await;
        site.publish(2);
        pass(12).await;
        site.before().close();

        for _ in 0..10 {
            let stale = visit(&service).await;
            assert_eq!(stale.text(), "/a v1");
            assert_eq!(stale.cache_status(), "isr; hit; ttl=-2; detail=stale-time");
            assert_eq!(stale.header("age"), "12");
        }
        site.before().open();
        settle().await;

        assert_eq!(visit(&service).await.text(), "/a v2", "{window}");
        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_from_the_first_is_kept_for_its_window() {
    let (site, service) = site_that_says("max-age=0, stale-while-revalidate=5");
    visit(&service).await;
    site.publish(2);

    let stale = visit(&service).await;
    settle().await;

    assert_eq!(
        (stale.text(), stale.cache_status()),
        ("/a v1", "isr; hit; ttl=0; detail=stale-time")
    );
    assert_eq!(
        (visit(&service).await.text(), site.renders() >= 2),
        ("/a v2", true)
    );
}

#[tokio::test(start_paused = true)]
async fn after_the_window_and_without_one_the_client_waits() {
    for (cache_control, age) in [
        ("max-age=10, stale-while-revalidate=5", 15),
        ("max-age=10, stale-while-revalidate=5, must-revalidate", 10),
        ("max-age=10, stale-while-revalidate=5, proxy-revalidate", 10),
    ] {
        let (site, service) = site_that_says(cache_control);
        visit(&service).await;
        site.publish(2);
        pass(age).await;

        assert_eq!(visit(&service).await.text(), "/a v2", "{cache_control}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_has_the_headers_of_the_request_that_triggered_it_and_asks_for_the_whole() {
    let (site, service) = site_that_says("s-maxage=10, stale-while-revalidate=5");
    visit_with(&service, &[("cookie", "first=1")]).await;
    pass(10).await;

    let trigger = [
        ("cookie", "second=2"),
        ("if-none-match", "\"x\""),
        ("range", "bytes=0-1"),
    ];
    ask(&service, request::<Plain>(Method::HEAD, "/a", &trigger)).await;
    settle().await;

    let refresh = &site.seen()[1];
    assert_eq!(refresh.method, Method::GET);
    assert_eq!(refresh.headers.len(), 1);
    assert_eq!(refresh.headers["cookie"], "second=2");
    assert_eq!(visit(&service).await.header("age"), "0");
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_keeps_what_there_is_and_rests_a_while() {
    for act in [
        Act::Error,
        Act::Panic,
        Reply::status(500).into(),
        says("max-age=60").cut().into(),
    ] {
        let (site, service) = site_that_says("max-age=10, stale-while-revalidate=50");
        visit(&service).await;
        pass(10).await;
        site.act(act);

        for _ in 0..10 {
            assert_eq!(visit(&service).await.text(), "/a v1");
            settle().await;
        }

        assert_eq!(site.renders(), 2);
        pass(5).await;
        visit(&service).await;
        settle().await;
        assert_eq!(site.renders(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_hangs_ends() {
    let (site, isr, service) =
        site_and_layer(&[("cache-control", "max-age=10, stale-while-revalidate=50")]);
    visit(&service).await;
    pass(10).await;
    site.act(Act::Hang);

    visit(&service).await;
    isr.cache().drained().await;

    assert_eq!(site.running(), 0);
}

/// Makes a layer with one place for refreshes, which one for `/busy` takes and keeps: `site` hangs
/// for requests with `x-hang`. `/a` is stale.
async fn with_one_place_taken(site: &Site) -> (IsrLayer, Isr<Site>) {
    let isr = crate::builder().background_renders(1).build();
    let isr = isr.expect("one is some");
    let service = isr.layer(site.clone());
    for path in ["/busy", "/a"] {
        ask(&service, get::<Plain>(path)).await;
    }
    pass(15).await;
    ask(
        &service,
        request::<Plain>(Method::GET, "/busy", &[("x-hang", "1")]),
    )
    .await;
    (isr, service)
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_refresh_ends_its_waiting_for_its_turn() {
    let site = Site::new();
    site.script(|seen, _| match seen.uri.path() {
        "/busy" if seen.headers.contains_key("x-hang") => Act::Hang,
        _ => says("max-age=10, stale-while-revalidate=10").into(),
    });
    let (_, service) = with_one_place_taken(&site).await;
    ask(&service, get::<Plain>("/a")).await;
    settle().await;
    pass(6).await;
    let begun = tokio::time::Instant::now();

    let waited = ask(&service, get::<Plain>("/a")).await;

    assert_eq!(
        (waited.cache_status(), begun.elapsed().as_secs()),
        ("isr; fwd=stale; stored; collapsed", 0)
    );
    assert_eq!(site.renders(), 4);
}

/// It waits for its turn, and does not hang.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_waits_for_its_turn_is_the_only_one_however_long_it_waits() {
    let site = Site::new();
    site.script(|seen, _| match seen.headers.contains_key("x-hang") {
        true => Act::Hang,
        false => says("max-age=10, stale-while-revalidate=100").into(),
    });
    let (isr, service) = with_one_place_taken(&site).await;

    for _ in 0..3 {
        ask(&service, get::<Plain>("/a")).await;
        settle().await;
        assert_eq!(isr.cache().metrics().tasks(), 2);
        pass(9).await;
    }
    pass(9).await;
    settle().await;

    assert_eq!(ask(&service, get::<Plain>("/a")).await.header("age"), "0");
    assert_eq!(site.renders(), 4);
}

/// All visitors differ, as behind a proxy that numbers requests, and one comes after the other.
#[tokio::test(start_paused = true)]
async fn a_hundred_unlike_visitors_start_one_refresh_a_second_while_the_origin_fails() {
    for act in [
        Act::Error,
        Act::Panic,
        Reply::status(503).into(),
        says("max-age=60").cut().into(),
    ] {
        let said = format!("{act:?}");
        let (site, service) = site_that_says("max-age=10, stale-while-revalidate=500");
        visit(&service).await;
        site.publish(2);
        pass(10).await;
        site.act(act);

        for second in 1..=5 {
            for visitor in 0..100 {
                let id = format!("{second}-{visitor}");
                let stale = visit_with(&service, &[("x-request-id", &id)]).await;
                settle().await;
                assert_eq!(stale.text(), "/a v1", "{said}");
            }
            assert_eq!(site.renders(), 1 + second, "{said}");
            pass(1).await;
        }
        site.act(says("max-age=10, stale-while-revalidate=500"));
        visit(&service).await;
        settle().await;

        assert_eq!(visit(&service).await.text(), "/a v2", "{said}");
        pass(10).await;
        site.publish(3);
        visit(&service).await;
        settle().await;
        assert_eq!(visit(&service).await.text(), "/a v3", "{said}");
    }
}
