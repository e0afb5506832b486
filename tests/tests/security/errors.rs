//! Tests against poisoned errors (CPDoS): a request that makes the origin fail does not make it
//! fail for other clients.

use http::Method;
use isr_layer::{Isr, IsrLayer, Page};
use isr_tests::{Reply, Site, ask, head, request};
use tower::Layer;

use crate::{Plain, is_hit, visit, with};

/// Makes an origin that refuses every request with a header, a query, or another method than GET.
fn touchy() -> (Site, Isr<Site>) {
    let site = Site::new();
    site.script(|seen, _| {
        let fields = seen
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum::<usize>();
        match fields {
            0 if seen.uri.query().is_none() && seen.method == Method::GET => Reply::page().into(),
            0..4096 => Reply::status(400).into(),
            _ => Reply::status(431).into(),
        }
    });
    let isr = IsrLayer::builder()
        .pages([Page::new("/a")])
        .build()
        .expect("the page will do");
    let service = isr.layer(site.clone());
    (site, service)
}

async fn assert_unharmed(service: &Isr<Site>, attack: &str) {
    let victim = visit(service, "/a").await;

    assert_eq!(
        (victim.status.as_u16(), victim.text()),
        (200, "/a v1"),
        "{attack}"
    );
}

#[tokio::test]
async fn an_oversize_header_fails_nobody() {
    for length in [1_000, 10_000, 100_000] {
        let (_, service) = touchy();

        let answer = ask(&service, with("/a", &[("x-oversize", &"x".repeat(length))])).await;

        assert_eq!(answer.status, 200);
        assert_unharmed(&service, "an oversize header").await;
    }
}

#[tokio::test]
async fn a_header_that_origins_choke_on_fails_nobody() {
    for (name, value) in [
        ("x-http-method-override", "POST"),
        ("x-http-method-override", "HEAD"),
        ("x-method-override", "DELETE"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-scheme", "nothttps"),
        ("x-middleware-prefetch", "1"),
        ("x-invoke-status", "500"),
        ("accept", "text/nothing"),
        ("accept-encoding", "nothing;q=2"),
        ("content-type", "invalid"),
        ("range", "bytes=999999-"),
        ("range", "cows"),
        ("if-match", "\"nothing\""),
        ("if-none-match", "*"),
        ("if-modified-since", "Sun, 06 Nov 2094 08:49:37 GMT"),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("expect", "nothing"),
        ("max-forwards", "0"),
        ("upgrade", "h2c"),
        ("transfer-encoding", "nothing"),
        ("authorization", "Basic !"),
        ("cookie", "\u{7f}"),
    ] {
        let value = value.replace('\u{7f}', ";;;=;");
        let (_, service) = touchy();

        ask(&service, with("/a", &[(name, &value)])).await;

        assert_unharmed(&service, &format!("{name}: {value}")).await;
        assert!(is_hit(&visit(&service, "/a").await), "{name}: {value}");
    }
}

#[tokio::test]
async fn another_method_fails_nobody() {
    let (_, service) = touchy();
    for method in [
        Method::POST,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ] {
        let refused = ask(&service, request::<Plain>(method, "/a", &[])).await;
        assert_eq!(refused.status, 400);
        assert_unharmed(&service, "another method").await;
    }
}

#[tokio::test]
async fn a_head_makes_no_empty_page() {
    let (site, service) = touchy();

    let head = ask(&service, head::<Plain>("/a")).await;

    assert_eq!((head.status.as_u16(), head.text()), (200, ""));
    assert_unharmed(&service, "a HEAD").await;
    assert_eq!(site.seen()[0].method, Method::GET);
}

#[tokio::test]
async fn an_overlong_or_cloaked_query_fails_nobody() {
    let (_, service) = touchy();
    for query in [
        "x".repeat(10_000),
        "%".to_owned(),
        "%00".to_owned(),
        "a[]=1&a=2".to_owned(),
    ] {
        let answer = ask(&service, with(&format!("/a?{query}"), &[])).await;
        assert_eq!(answer.status, 200, "{query:.20}");
    }

    assert_unharmed(&service, "a query").await;
}
