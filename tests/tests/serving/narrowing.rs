//! Tests that a handler cannot see any part of a request that is not in the key.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::{HeaderName, Method};
use isr_layer::{IsrLayer, Page, Policy};
use isr_tests::{Site, ask, request};
use tower::Layer;

use crate::{A, Plain, site_with};

/// Headers that tell who the client is, or on which way the request came.
const PRIVATE: [(&str, &str); 20] = [
    ("cookie", "id=1"),
    ("authorization", "Bearer x"),
    ("proxy-authorization", "Basic x"),
    ("host", "evil.example"),
    ("forwarded", "for=1.2.3.4"),
    ("x-forwarded-for", "1.2.3.4"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x-real-ip", "1.2.3.4"),
    ("x-original-url", "/admin"),
    ("x-rewrite-url", "/admin"),
    ("x-http-method-override", "DELETE"),
    ("accept-encoding", "br"),
    ("accept-language", "de"),
    ("range", "bytes=0-1"),
    ("if-range", "\"x\""),
    ("if-none-match", "\"x\""),
    ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ("cache-control", "no-cache"),
    ("user-agent", "curl"),
];

#[tokio::test]
async fn a_handler_sees_no_header_no_query_and_no_extension_of_the_client() {
    let (site, service) = site_with(A);
    let mut request = request::<Plain>(Method::GET, "/a?utm=1&id=2", &PRIVATE);
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from(([1, 2, 3, 4], 5))));
    request.extensions_mut().insert("a user");

    ask(&service, request).await;

    let seen = &site.seen()[0];
    assert_eq!(
        (&seen.method, seen.uri.to_string().as_str()),
        (&Method::GET, "/a")
    );
    assert!(seen.headers.is_empty(), "{:?}", seen.headers);
    assert!(seen.extensions.is_empty());
}

#[tokio::test]
async fn requests_that_differ_in_what_is_not_declared_share_one_render() {
    let (site, service) = site_with(A);

    for header in PRIVATE {
        let answer = ask(
            &service,
            request::<Plain>(Method::GET, "/a?utm=1", &[header]),
        )
        .await;
        assert!(
            answer.status.is_success() || header.0.starts_with("if-"),
            "{header:?}"
        );
    }

    assert_eq!(site.renders(), 1);
}

/// Browsers escape the brackets of a form's field names. The handler saw no filter, and the page of
/// all articles was stored as that of one author.
#[tokio::test]
async fn a_declared_name_is_found_however_the_client_escapes_it() {
    for (name, spellings) in [
        (
            "filter[author]",
            &[
                "filter[author]",
                "filter%5Bauthor%5D",
                "filter%5bauthor%5d",
                "%66ilter[author%5D",
            ][..],
        ),
        ("größe", &["gr%C3%B6%C3%9Fe", "gr%c3%b6%c3%9fe"]),
        (
            "first name",
            &["first+name", "first%20name", "f%69rst+name"],
        ),
        ("a+b", &["a%2Bb", "a+b"]),
        ("100%", &["100%25", "100%"]),
        ("a&b=c", &["a%26b%3Dc"]),
        ("q", &["q", "%71"]),
    ] {
        let names: &'static [&'static str] = Vec::leak(vec![name]);
        for spelling in spellings {
            let (site, service) = site_with(A.with_policy(Policy::new().query(names)));
            for value in ["1", "2", "2"] {
                let target = format!("/a?utm=x&{spelling}={value}&other=y");
                ask(&service, request::<Plain>(Method::GET, &target, &[])).await;
            }

            let seen = site.seen();
            let uris = seen.iter().map(|seen| seen.uri.to_string());
            let expected = ["1", "2"].map(|value| format!("/a?{spelling}={value}"));
            assert_eq!(uris.collect::<Vec<_>>(), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_name_that_only_looks_like_a_declared_one_is_not_seen() {
    let policy = Policy::new().query(&["filter[author]", "a+b"]);
    let (site, service) = site_with(A.with_policy(policy));

    for query in [
        "filter%5Bauthor=1",
        "filter%255Bauthor%255D=1",
        "FILTER%5BAUTHOR%5D=1",
        "a%20b=1",
        "a%2Gb=1",
        "filter%5Bauthor%5D%00=1",
        "%FF=1",
    ] {
        let target = format!("/a?{query}");
        ask(&service, request::<Plain>(Method::GET, &target, &[])).await;
    }

    assert_eq!(site.renders(), 1);
    assert_eq!(site.seen()[0].uri, "/a");
}

#[tokio::test]
async fn spellings_of_one_name_keep_the_order_in_which_they_were_sent() {
    let policy = Policy::new().query(&["a", "q"]);
    let (site, service) = site_with(A.with_policy(policy));

    for query in ["%71=1&q=2&a=0", "a=0&%71=1&q=2", "q=2&%71=1&a=0"] {
        let target = format!("/a?{query}");
        ask(&service, request::<Plain>(Method::GET, &target, &[])).await;
    }

    let uris = site.seen().into_iter().map(|seen| seen.uri.to_string());
    assert_eq!(
        uris.collect::<Vec<_>>(),
        ["/a?a=0&%71=1&q=2", "/a?a=0&q=2&%71=1"]
    );
}

#[tokio::test]
async fn declared_query_and_headers_arrive_normalised_and_nothing_else() {
    let policy = Policy::new()
        .query(&["page", "q"])
        .vary(&["accept-language", "x-theme"]);
    let (site, service) = site_with(A.with_policy(policy));
    let headers = [
        ("accept-language", " DE-at "),
        ("x-theme", "Dark"),
        ("cookie", "id=1"),
    ];

    ask(
        &service,
        request::<Plain>(Method::GET, "/a?q=b&utm=1&page=2&q=a", &headers),
    )
    .await;

    let seen = &site.seen()[0];
    assert_eq!(seen.uri, "/a?page=2&q=b&q=a");
    assert_eq!(seen.headers.len(), 2);
    assert_eq!(seen.headers["accept-language"], "de-at");
    assert_eq!(seen.headers["x-theme"], "Dark");
}

#[tokio::test]
async fn variants_of_a_page_are_kept_apart() {
    let policy = Policy::new().query(&["page"]).vary(&["accept-language"]);
    let (site, service) = site_with(A.with_policy(policy));

    for (path, language) in [
        ("/a", "de"),
        ("/a", "en"),
        ("/a?page=2", "de"),
        ("/a?page=", "de"),
        ("/a?page", "de"),
    ] {
        for status in ["isr; fwd=uri-miss; stored", "isr; hit"] {
            let headers = [("accept-language", language)];
            let answer = ask(&service, request::<Plain>(Method::GET, path, &headers)).await;
            assert_eq!(answer.cache_status(), status, "{path} {language}");
        }
    }
    ask(
        &service,
        request::<Plain>(Method::GET, "/a?utm=1", &[("accept-language", "DE")]),
    )
    .await;

    assert_eq!(site.renders(), 5);
}

#[tokio::test]
async fn a_background_refresh_sees_what_the_first_render_saw() {
    let policy = Policy::new().query(&["page"]).vary(&["x-theme"]);
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([A.with_policy(policy)])
        .build()
        .unwrap();
    let service = isr.layer(site.clone());
    let headers = [("x-theme", "Dark"), ("cookie", "id=1")];
    ask(
        &service,
        request::<Plain>(Method::GET, "/a?page=2&utm=1", &headers),
    )
    .await;

    let _ = isr.cache().revalidate(isr_layer::Purge::path("/a")).await;

    let seen = site.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (&seen[0].uri, &seen[0].headers),
        (&seen[1].uri, &seen[1].headers)
    );
}

#[tokio::test]
async fn a_kept_header_reaches_the_handler_and_is_no_part_of_the_key() {
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([A])
        .keep_header(HeaderName::from_static("x-trace-id"))
        .build()
        .unwrap();
    let service = isr.layer(site.clone());

    for trace in ["1", "2"] {
        let headers = [
            ("x-trace-id", trace),
            ("cookie", "id=1"),
            ("x-trace-id", "a"),
        ];
        ask(&service, request::<Plain>(Method::GET, "/a", &headers)).await;
    }

    assert_eq!(site.renders(), 1);
    let seen = &site.seen()[0].headers;
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["x-trace-id"]);
    assert_eq!(
        seen.get_all("x-trace-id").iter().collect::<Vec<_>>(),
        ["1", "a"],
        "each line of it"
    );
}

#[tokio::test]
async fn an_answer_rendered_for_one_client_alone_is_rendered_from_the_recipe_too() {
    let (site, service) = site_with(Page::new("/a"));
    site.act(isr_tests::Reply::page().header("set-cookie", "id=1"));

    for _ in 0..3 {
        let mut request = request::<Plain>(Method::GET, "/a?utm=1", &PRIVATE);
        request.extensions_mut().insert("a user");
        ask(&service, request).await;
    }

    for seen in site.seen() {
        assert!(seen.headers.is_empty() && seen.extensions.is_empty() && seen.uri == "/a");
    }
    assert_eq!(site.renders(), 3);
}
