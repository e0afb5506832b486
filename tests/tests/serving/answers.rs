//! Tests first responses, hits, and the headers of both.

use isr_layer::{IsrLayer, Page, Policy};
use isr_tests::{Reply, Site, ask, get, settle};
use tower::Layer;

use crate::{A, Plain, pass, secs, site_with, ten_seconds, visit};

#[tokio::test(start_paused = true)]
async fn the_first_request_is_a_miss_that_is_stored_and_the_second_a_hit() {
    let (site, service) = site_with(ten_seconds());

    let first = visit(&service).await;
    let second = visit(&service).await;

    assert_eq!(first.cache_status(), "isr; fwd=uri-miss; stored");
    assert_eq!(second.cache_status(), "isr; hit; ttl=10");
    assert_eq!((first.text(), second.text()), ("/a v1", "/a v1"));
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn age_and_ttl_count_the_seconds_since_the_render_began() {
    let (_, service) = site_with(ten_seconds());
    let first = visit(&service).await;

    pass(4).await;
    let later = visit(&service).await;

    assert_eq!(first.header("age"), "", "it was made for its request");
    assert_eq!(later.header("age"), "4");
    assert_eq!(later.cache_status(), "isr; hit; ttl=6");
}

#[tokio::test(start_paused = true)]
async fn age_counts_from_the_beginning_of_a_slow_render() {
    let (site, service) = site_with(ten_seconds());
    site.before().close();
    let client = tokio::spawn(async move { (visit(&service).await, service) });
    site.before().reached(1).await;

    pass(5).await;
    site.before().open();
    let (first, service) = client.await.unwrap();

    assert_eq!(first.header("age"), "", "it was made for its request");
    let hit = visit(&service).await;
    assert_eq!(
        (hit.cache_status(), hit.header("age")),
        ("isr; hit; ttl=5", "5")
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_never_goes_stale_by_time_is_a_hit_without_ttl() {
    let (_, service) = site_with(A);
    visit(&service).await;

    pass(1_000_000).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
}

#[tokio::test(start_paused = true)]
async fn equal_bodies_keep_their_etag_over_regenerations_and_changed_ones_do_not() {
    let (site, service) = site_with(ten_seconds());
    let first = visit(&service).await;

    pass(10).await;
    visit(&service).await;
    settle().await;
    let second = visit(&service).await;
    site.publish(2);
    pass(10).await;
    visit(&service).await;
    settle().await;
    let third = visit(&service).await;

    assert_eq!(site.renders(), 3);
    assert!(
        first.header("etag").starts_with('"'),
        "strong: {}",
        first.header("etag")
    );
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_ne!(second.header("etag"), third.header("etag"));
}

#[tokio::test]
async fn a_handlers_own_etag_and_cache_control_stay() {
    let (site, service) = site_with(A);
    site.act(
        Reply::page()
            .header("etag", "\"mine\"")
            .header("cache-control", "max-age=7"),
    );

    for answer in [visit(&service).await, visit(&service).await] {
        assert_eq!(answer.header("etag"), "\"mine\"");
        assert_eq!(answer.header("cache-control"), "max-age=7");
    }
}

#[tokio::test]
async fn without_a_word_of_the_handler_nobody_downstream_keeps_a_page() {
    let (_, service) = site_with(A);

    for answer in [visit(&service).await, visit(&service).await] {
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=0, must-revalidate"
        );
    }
}

#[tokio::test]
async fn the_handlers_headers_are_kept_and_those_of_its_connection_are_not() {
    let (site, service) = site_with(A);
    let reply = Reply::page()
        .header("content-type", "text/html; charset=utf-8")
        .header("x-own", "one")
        .header("x-own", "two")
        .header("connection", "x-private-hop, close")
        .header("x-private-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers")
        .header("upgrade", "h2c");
    site.act(reply);

    for answer in [visit(&service).await, visit(&service).await] {
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(
            answer.headers.get_all("x-own").iter().collect::<Vec<_>>(),
            ["one", "two"]
        );
        for gone in ["connection", "x-private-hop", "keep-alive", "te", "upgrade"] {
            assert!(!answer.headers.contains_key(gone), "{gone}");
        }
    }
}

#[tokio::test]
async fn declared_headers_are_named_once_in_vary_beside_what_the_handler_said() {
    let (site, service) =
        site_with(A.with_policy(Policy::new().vary(&["accept-language", "x-theme"])));
    site.act(Reply::page().header("vary", "Accept-Language"));

    let vary = visit(&service).await.header("vary").to_ascii_lowercase();

    assert_eq!(vary.matches("accept-language").count(), 1, "{vary}");
    assert_eq!(vary.matches("x-theme").count(), 1, "{vary}");
}

#[tokio::test]
async fn members_of_caches_behind_are_kept_and_ours_is_the_last() {
    let (site, service) = site_with(A);
    site.act(
        Reply::page()
            .header("cache-status", "origin; hit")
            .header("cache-status", "mid; fwd=miss"),
    );

    let first = visit(&service).await;
    let second = visit(&service).await;

    assert_eq!(
        first.cache_status(),
        "origin; hit, mid; fwd=miss, isr; fwd=uri-miss; stored"
    );
    assert_eq!(
        second.cache_status(),
        "origin; hit, mid; fwd=miss, isr; hit"
    );
    assert_eq!(second.headers.get_all("cache-status").iter().count(), 1);
}

#[tokio::test]
async fn cache_status_can_be_turned_off_and_age_stays() {
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([A])
        .cache_status(false)
        .build()
        .unwrap();
    let service = isr.layer(site.clone());

    visit(&service).await;
    let hit = visit(&service).await;

    assert_eq!(hit.cache_status(), "");
    assert_eq!(hit.header("age"), "0");
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn turned_off_or_not_members_of_caches_behind_are_kept() {
    let site = Site::new();
    site.act(Reply::page().header("cache-status", "origin; hit"));
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([A])
        .cache_status(false)
        .build()
        .unwrap();
    let service = isr.layer(site);

    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "origin; hit");
}

#[tokio::test]
async fn a_page_at_the_root_works_like_any_other() {
    let (site, service) = site_with(Page::new("/"));

    ask(&service, get::<Plain>("/")).await;
    let second = ask(&service, get::<Plain>("/")).await;

    assert_eq!(second.cache_status(), "isr; hit");
    assert_eq!((second.text(), site.renders()), ("/ v1", 1));
}

#[tokio::test]
async fn the_trailers_of_a_stored_page_arrive_each_time() {
    let (site, service) = site_with(A);
    site.act(Reply::page().trailer("x-checksum", "abc"));

    for answer in [visit(&service).await, visit(&service).await] {
        assert_eq!(
            answer.trailers.expect("trailers arrive")["x-checksum"],
            "abc"
        );
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn a_body_in_chunks_arrives_as_it_was() {
    let (site, service) = site_with(A);
    site.act(
        Reply::page()
            .chunk("one ")
            .chunk("")
            .chunk("two ")
            .chunk("three"),
    );

    for answer in [visit(&service).await, visit(&service).await] {
        assert_eq!(answer.text(), "one two three");
    }
}

#[tokio::test]
async fn a_body_as_long_as_its_head_says_is_stored_and_what_is_no_length_says_nothing() {
    for length in ["5", "five", "-1", ""] {
        let (site, service) = site_with(A);
        site.act(Reply::page().header("content-length", length));

        visit(&service).await;

        assert_eq!(visit(&service).await.cache_status(), "isr; hit", "{length}");
    }
}

#[tokio::test]
async fn permanent_redirects_are_stored_and_temporary_ones_when_the_policy_says_so() {
    let temporary = A.with_policy(Policy::new().allow_temporary(true).revalidate(secs(60)));
    for (page, status) in [
        (A, 301),
        (A, 308),
        (temporary, 302),
        (temporary, 307),
        (temporary, 203),
    ] {
        let (site, service) = site_with(page);
        site.act(Reply::status(status).header("location", "/b"));

        visit(&service).await;
        let second = visit(&service).await;

        assert_eq!((second.status.as_u16(), site.renders()), (status, 1));
        assert_eq!(second.header("location"), "/b");
    }
}

#[tokio::test]
async fn an_empty_200_is_stored_when_the_policy_allows_it() {
    let (site, service) = site_with(A.with_policy(Policy::new().allow_empty(true)));
    site.act(Reply::page().empty());

    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
    assert_eq!(site.renders(), 1);
}
