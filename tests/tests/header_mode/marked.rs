//! A response that a purge or an unsafe request has overtaken is kept by no cache in front, though
//! the origin allows it: a CDN would show it for an hour, and no later purge would reach it.

use isr_layer::{Isr, Mode, Purge};
use isr_tests::{Answer, Reply, Site, ask, head, settle};

use crate::{Plain, pass, site_and_layer, visit, visit_with};

const AN_HOUR: &str = "public, s-maxage=3600, stale-while-revalidate=60, stale-if-error=60";
const NOBODY: &str = "public, max-age=0, must-revalidate";

fn assert_kept_by_nobody(answer: &Answer) {
    let told = answer.header("cache-control");
    assert_eq!(told, NOBODY, "{}", answer.cache_status());
    assert_nothing_else_allows_it(answer);
}

fn assert_nothing_else_allows_it(answer: &Answer) {
    let names = [
        "expires",
        "surrogate-control",
        "cdn-cache-control",
        "x-accel-expires",
    ];
    for name in names {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
}

fn kept_for_an_hour() -> [(&'static str, &'static str); 5] {
    [
        ("cache-control", AN_HOUR),
        ("expires", "Fri, 31 Dec 2100 23:59:59 GMT"),
        ("surrogate-control", "max-age=3600"),
        ("cdn-cache-control", "max-age=3600"),
        ("x-accel-expires", "3600"),
    ]
}

/// Asks for `/a`, and returns when its fetch has read the site's data.
async fn begin(site: &Site, service: &Isr<Site>) -> tokio::task::JoinHandle<Answer> {
    site.after().close();
    let service = service.clone();
    let client = tokio::spawn(async move { visit(&service).await });
    site.after().reached(1).await;
    client
}

#[tokio::test(start_paused = true)]
async fn a_stale_response_that_is_served_after_a_purge() {
    let (site, isr, service) = site_and_layer(&kept_for_an_hour());
    visit(&service).await;
    site.before().close();
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Stale))
        .await;

    let stale = visit(&service).await;

    assert_eq!(stale.cache_status(), "isr; hit; ttl=0; detail=stale-mark");
    assert_kept_by_nobody(&stale);
    assert_kept_by_nobody(&ask(&service, head::<Plain>("/a")).await);
    assert_kept_by_nobody(&visit_with(&service, &[("range", "bytes=0-1")]).await);
    site.before().open();
    settle().await;
    assert_eq!(visit(&service).await.header("cache-control"), AN_HOUR);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_response_after_a_purge() {
    let (site, isr, service) = site_and_layer(&kept_for_an_hour());
    visit(&service).await;
    site.act(Reply::status(503));
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;

    let kept = visit(&service).await;

    assert_eq!(kept.cache_status(), "isr; fwd=stale; detail=failed-status");
    assert_kept_by_nobody(&kept);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_was_purged_while_it_was_fetched() {
    for mode in [Mode::Stale, Mode::Expire] {
        let (site, isr, service) = site_and_layer(&kept_for_an_hour());
        let client = begin(&site, &service).await;
        let _ = isr.cache().revalidate(Purge::path("/a").mode(mode)).await;
        site.after().open();

        assert_kept_by_nobody(&client.await.expect("the client gets it"));
    }
}

/// No mark reaches what is not stored, and it may be for one client alone.
#[tokio::test(start_paused = true)]
async fn a_response_that_is_not_stored_and_was_purged_while_it_was_fetched() {
    let large = Reply::page().chunk(vec![b'a'; 9 * 1024 * 1024]);
    let for_one = Reply::page().header("set-cookie", "id=1");
    for reply in [large, for_one] {
        for headers in [
            &[][..],
            &[("range", "bytes=0-1")],
            &[("if-none-match", "\"x\"")],
        ] {
            let (site, isr, service) = site_and_layer(&[]);
            let add = |reply: Reply, (name, value)| reply.header(name, value);
            site.act(kept_for_an_hour().into_iter().fold(reply.clone(), add));
            site.after().close();
            let client = tokio::spawn({
                let service = service.clone();
                async move { visit_with(&service, headers).await }
            });
            site.after().reached(1).await;
            let _ = isr
                .cache()
                .revalidate(Purge::path("/a").mode(Mode::Stale))
                .await;
            site.after().open();

            let answer = client.await.expect("the client gets it");

            assert_eq!(answer.header("cache-control"), "no-store", "{headers:?}");
            assert_nothing_else_allows_it(&answer);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_time_made_stale_says_what_its_origin_says() {
    let (site, _, service) = site_and_layer(&kept_for_an_hour());
    visit(&service).await;
    pass(3600).await;
    site.before().close();

    let stale = visit(&service).await;

    assert_eq!(stale.header("cache-control"), AN_HOUR);
    assert_eq!(stale.header("age"), "3600");
}
