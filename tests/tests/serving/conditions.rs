//! Tests that HEAD, If-None-Match and If-Modified-Since are served from the entry of GET.

use http::Method;
use isr_layer::Isr;
use isr_tests::{Answer, Reply, Site, ask, head, request};

use crate::{A, Plain, pass, site_with, ten_seconds, visit};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

async fn conditional(service: &Isr<Site>, name: &str, value: &str) -> Answer {
    ask(
        service,
        request::<Plain>(Method::GET, "/a", &[(name, value)]),
    )
    .await
}

#[tokio::test]
async fn head_is_answered_from_gets_entry_with_its_length_and_no_body() {
    let (site, service) = site_with(A);
    let whole = visit(&service).await;

    let answer = ask(&service, head::<Plain>("/a")).await;

    assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
    assert_eq!(
        answer.header("content-length"),
        whole.text().len().to_string()
    );
    assert_eq!(answer.header("etag"), whole.header("etag"));
    assert_eq!(answer.cache_status(), "isr; hit");
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn a_cold_head_renders_a_get_and_the_get_after_it_is_whole() {
    let (site, service) = site_with(A);

    let first = ask(&service, head::<Plain>("/a")).await;
    let second = visit(&service).await;

    assert_eq!((first.text(), first.header("content-length")), ("", "5"));
    assert_eq!(first.cache_status(), "isr; fwd=uri-miss; stored");
    assert_eq!(
        (second.text(), second.cache_status()),
        ("/a v1", "isr; hit")
    );
    assert_eq!(site.seen()[0].method, Method::GET);
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn head_of_a_refused_and_of_a_failed_answer_has_no_body() {
    for reply in [
        Reply::page().header("set-cookie", "id=1"),
        Reply::status(500),
    ] {
        let (site, service) = site_with(A);
        site.act(reply);

        for _ in 0..2 {
            assert_eq!(ask(&service, head::<Plain>("/a")).await.text(), "");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_matching_tag_is_answered_304_with_the_headers_a_200_would_have() {
    let (site, service) = site_with(ten_seconds());
    let reply = Reply::page()
        .header("content-type", "text/html")
        .header("content-location", "/a.html")
        .header("content-language", "de")
        .header("expires", DATE)
        .header("date", DATE)
        .header("vary", "accept-encoding");
    site.act(reply);
    let whole = visit(&service).await;
    pass(3).await;

    let answer = conditional(&service, "if-none-match", whole.header("etag")).await;

    assert_eq!((answer.status.as_u16(), answer.text()), (304, ""));
    for kept in [
        "etag",
        "cache-control",
        "content-location",
        "expires",
        "date",
        "vary",
    ] {
        assert_eq!(answer.header(kept), whole.header(kept), "{kept}");
        assert_ne!(answer.header(kept), "", "{kept}");
    }
    for gone in ["content-type", "content-language", "content-length"] {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(answer.header("age"), "3");
    assert_eq!(answer.cache_status(), "isr; hit; ttl=7");
}

#[tokio::test]
async fn if_none_match_takes_lists_weak_tags_and_the_star() {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("etag", "\"one\""));
    visit(&service).await;

    for (value, status) in [
        ("\"one\"", 304),
        ("W/\"one\"", 304),
        ("\"zero\", \"one\"", 304),
        ("*", 304),
        ("\"two\"", 200),
        ("one", 200),
        ("", 200),
    ] {
        let answer = conditional(&service, "if-none-match", value).await;
        assert_eq!(answer.status, status, "{value}");
    }
}

#[tokio::test]
async fn if_modified_since_is_compared_with_the_handlers_date() {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("last-modified", DATE));
    visit(&service).await;

    for (value, status) in [
        (DATE, 304),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 304),
        ("Sat, 05 Nov 1994 08:49:37 GMT", 200),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("whenever", 200),
    ] {
        let answer = conditional(&service, "if-modified-since", value).await;
        assert_eq!(answer.status, status, "{value}");
    }
}

#[tokio::test]
async fn if_none_match_has_precedence_over_if_modified_since() {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("last-modified", DATE));
    visit(&service).await;

    let headers = [("if-none-match", "\"other\""), ("if-modified-since", DATE)];
    let answer = ask(&service, request::<Plain>(Method::GET, "/a", &headers)).await;

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_conditional_head_is_answered_304() {
    let (_, service) = site_with(A);
    let whole = visit(&service).await;

    let headers = [("if-none-match", whole.header("etag"))];
    let answer = ask(&service, request::<Plain>(Method::HEAD, "/a", &headers)).await;

    assert_eq!(answer.status, 304);
}

#[tokio::test]
async fn conditions_change_nothing_on_an_answer_that_is_no_200() {
    for status in [301, 404] {
        let (site, service) = site_with(A);
        site.act(
            Reply::status(status)
                .header("etag", "\"one\"")
                .header("last-modified", DATE),
        );
        visit(&service).await;

        assert_eq!(
            conditional(&service, "if-none-match", "*").await.status,
            status
        );
        assert_eq!(
            conditional(&service, "if-none-match", "\"one\"")
                .await
                .status,
            status
        );
        assert_eq!(
            conditional(&service, "if-modified-since", DATE)
                .await
                .status,
            status
        );
    }
}

#[tokio::test]
async fn a_condition_on_a_cold_key_does_not_reach_the_handler_and_is_answered_all_the_same() {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("etag", "\"one\""));

    let answer = conditional(&service, "if-none-match", "\"one\"").await;

    assert_eq!(answer.status, 304);
    assert!(site.seen()[0].headers.is_empty());
    assert_eq!(visit(&service).await.text(), "/a v1");
}

#[tokio::test(start_paused = true)]
async fn a_condition_on_a_stale_page_is_answered_at_once_and_refreshes_it() {
    let (site, service) = site_with(ten_seconds());
    let whole = visit(&service).await;
    pass(10).await;

    let answer = conditional(&service, "if-none-match", whole.header("etag")).await;
    isr_tests::settle().await;

    assert_eq!(answer.status, 304);
    assert_eq!(answer.cache_status(), "isr; hit; ttl=0; detail=stale-time");
    assert_eq!(site.renders(), 2);
}
