//! Tests HEAD, Range and conditional requests, and the requests that header mode does not handle.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use isr_tests::{Reply, ask, head, request};

use crate::{Plain, says, site_that_says, visit, visit_with, with};

const ASKING_FOR_LESS: [(&str, &str); 4] = [
    ("if-none-match", "\"x\""),
    ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("range", "bytes=0-0"),
    ("if-range", "\"x\""),
];

#[tokio::test]
async fn those_that_miss_pass_as_they_are_and_their_answers_are_not_stored() {
    for header in ASKING_FOR_LESS {
        let (site, service) = site_that_says("max-age=60");

        let answer = visit_with(&service, &[header]).await;

        assert_eq!(
            answer.cache_status(),
            "isr; fwd=uri-miss; detail=request",
            "{header:?}"
        );
        assert_eq!(site.seen()[0].headers[header.0], header.1);
        assert_eq!(
            visit(&service).await.cache_status(),
            "isr; fwd=uri-miss; stored"
        );
    }
    let (site, service) = site_that_says("max-age=60");
    ask(&service, head::<Plain>("/a")).await;
    assert_eq!(site.seen()[0].method, Method::HEAD);
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

#[tokio::test]
async fn those_that_hit_are_answered_from_what_is_stored() {
    let (site, service) = site_that_says("");
    site.act(
        says("max-age=60")
            .header("etag", "\"x\"")
            .header("vary", "foo"),
    );
    visit(&service).await;

    let not_modified = visit_with(&service, &[("if-none-match", "\"x\"")]).await;
    let modified = visit_with(&service, &[("if-none-match", "\"y\"")]).await;
    let head = ask(&service, head::<Plain>("/a")).await;

    assert_eq!(
        (not_modified.status.as_u16(), not_modified.text()),
        (304, "")
    );
    for (name, value) in [
        ("etag", "\"x\""),
        ("vary", "foo"),
        ("cache-control", "max-age=60"),
        ("age", "0"),
    ] {
        assert_eq!(not_modified.header(name), value, "{name}");
    }
    assert_ne!(not_modified.header("date"), "");
    assert_eq!((modified.status.as_u16(), modified.text()), (200, "/a v1"));
    assert_eq!((head.text(), head.header("content-length")), ("", "5"));
    let part = visit_with(&service, &[("range", "bytes=1-2")]).await;
    let none = visit_with(&service, &[("range", "bytes=9-")]).await;
    assert_eq!(
        (
            part.status.as_u16(),
            part.text(),
            part.header("content-range")
        ),
        (206, "a ", "bytes 1-2/5")
    );
    assert_eq!(
        (none.status.as_u16(), none.header("content-range")),
        (416, "bytes */5")
    );
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn what_a_cache_may_not_judge_and_what_changes_the_protocol_goes_through() {
    for header in [
        ("if-match", "\"x\""),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("upgrade", "x"),
    ] {
        let (site, service) = site_that_says("max-age=60");
        visit(&service).await;

        let answer = visit_with(&service, &[header]).await;

        assert_eq!(answer.cache_status(), "", "{header:?}");
        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test]
async fn a_get_with_a_body_and_options_go_through() {
    let (site, service) = site_that_says("max-age=60");
    let fat = || {
        Request::get("/a")
            .body(Full::new(Bytes::from_static(b"fat")))
            .unwrap()
    };

    for _ in 0..2 {
        ask(&service, fat()).await;
        ask(&service, request::<Plain>(Method::OPTIONS, "/a", &[])).await;
    }

    assert_eq!(site.renders(), 4);
    assert_eq!(site.seen()[2].body, "fat");
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

#[tokio::test]
async fn the_handler_gets_the_clients_own_request() {
    let (site, service) = site_that_says("max-age=60");
    let mut asked = with(&[("cookie", "a=b"), ("accept-encoding", "br")]);
    *asked.uri_mut() = "/a?q=1".parse().unwrap();
    asked.extensions_mut().insert("extension");

    ask(&service, asked).await;

    let seen = &site.seen()[0];
    assert_eq!(seen.uri, "/a?q=1");
    assert_eq!(
        (seen.headers.len(), &seen.headers["cookie"]),
        (2, &"a=b".parse().unwrap())
    );
    assert_eq!(seen.extensions.get::<&str>(), Some(&"extension"));
}

#[tokio::test]
async fn a_failure_of_a_request_that_passes_is_passed() {
    let (site, service) = site_that_says("");
    site.act(Reply::status(503).header("retry-after", "7"));

    let answer = ask(&service, head::<Plain>("/a")).await;

    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (503, "7")
    );
    assert_eq!(site.renders(), 1);
}

/// An application that trusts `Host` would respond for another site than the one in the target.
#[tokio::test]
async fn a_request_that_names_two_hosts_goes_through() {
    for uri in [
        "http://example.com/a",
        "https://example.com/a",
        "https://user@example.com/a",
    ] {
        let (site, service) = site_that_says("max-age=60");
        let forged = request::<Plain>(Method::GET, uri, &[("host", "evil.example")]);
        let honest = request::<Plain>(Method::GET, uri, &[]);

        let answer = ask(&service, forged).await;

        assert_eq!(answer.cache_status(), "", "{uri}");
        assert_eq!(
            ask(&service, honest).await.cache_status(),
            "isr; fwd=uri-miss; stored"
        );
        assert_eq!(site.renders(), 2);
    }
    let (_, service) = site_that_says("max-age=60");
    let same = [("host", "EXAMPLE.com:80")];
    let answer = ask(
        &service,
        request::<Plain>(Method::GET, "http://example.com/a", &same),
    )
    .await;
    assert_eq!(answer.cache_status(), "isr; fwd=uri-miss; stored");
}

/// A proxy behind the layer removes the fields that `Connection` names before its origin sees them,
/// so the response must not be stored for requests that have these fields.
#[tokio::test(start_paused = true)]
async fn what_comes_of_a_request_whose_connection_names_its_own_fields_is_never_stored() {
    for (field, value) in [
        ("foo", "1"),
        ("host", "example.com"),
        ("x-forwarded-host", "example.com"),
    ] {
        let (site, service) = site_that_says("");
        site.act(says("max-age=60, stale-while-revalidate=60").header("vary", "foo"));
        let connection = format!("close, {}", field.to_uppercase());
        let named = visit_with(&service, &[(field, value), ("connection", &connection)]).await;
        let honest = visit_with(
            &service,
            &[(field, value), ("connection", "close, keep-alive")],
        )
        .await;
        crate::pass(70).await;
        let stale = visit_with(&service, &[(field, value), ("connection", field)]).await;
        isr_tests::settle().await;

        assert_eq!(
            (named.cache_status(), stale.cache_status()),
            ("", ""),
            "{field}"
        );
        assert_eq!(
            honest.cache_status(),
            "isr; fwd=uri-miss; stored",
            "{field}"
        );
        assert_eq!(
            site.renders(),
            3,
            "{field}: nothing was refreshed by it either"
        );
    }
}

#[tokio::test]
async fn the_head_of_what_has_no_content_states_no_length() {
    let (site, service) = site_that_says("");
    site.act(
        Reply::status(204)
            .empty()
            .header("cache-control", "max-age=60"),
    );
    visit(&service).await;

    let head = ask(&service, head::<Plain>("/a")).await;

    assert!(head.cache_status().starts_with("isr; hit"), "{head:?}");
    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (204, "")
    );
}
