//! Tests with vectors made by `signRequest` of npm `@contentful/node-apps-toolkit` 3.16.1.

use super::*;
use crate::revalidate::auth::testing::Recorded;

const BODY: &str = r#"{"sys":{"id":"1"}}"#;

fn contentful() -> Contentful {
    Contentful::new("c0ntentfulc0ntentfulc0ntentfulc0ntentfulc0ntentfulc0ntentfulabcd").unwrap()
}

fn recorded(signature: &'static str, listed: &'static str, kind: &'static str) -> Recorded {
    let headers = [
        ("x-contentful-signature", signature),
        ("x-contentful-signed-headers", listed),
        ("x-contentful-timestamp", "1790000000123"),
        ("content-type", kind),
        ("user-agent", "not signed"),
    ];
    Recorded::new(&headers, BODY)
}

fn plain() -> Recorded {
    recorded(
        "bd5077e917f8f2eed161267b162245067522c0861ac81d58d63b654af036cbdc",
        "content-type,x-contentful-signed-headers,x-contentful-timestamp",
        "application/vnd.contentful.management.v1+json",
    )
}

#[test]
fn a_signed_request_is_accepted_only_whole() {
    let other = Contentful::new("another secret of 24 bytes or more").unwrap();
    let needed = [
        "x-contentful-signature",
        "x-contentful-timestamp",
        "content-type",
    ];

    plain().assert_only_accepted_whole(&contentful(), &other, &needed);
    assert!(!plain().to("/api/other").is_accepted_by(&contentful()));
    assert!(
        !plain()
            .with("content-type", "application/json")
            .is_accepted_by(&contentful())
    );
}

#[test]
fn the_order_of_the_listed_headers_does_not_matter() {
    let listed = "x-contentful-timestamp,Content-Type, x-contentful-signed-headers";

    assert!(
        plain()
            .with("x-contentful-signed-headers", listed)
            .is_accepted_by(&contentful())
    );
}

#[test]
fn a_query_is_signed_as_their_library_escapes_it() {
    let recorded = recorded(
        "cdc5edf5ec8ef1e099bdace81f05ea2f3d55bb9be822a7eeb3ee0632334dd93b",
        "content-type,x-contentful-signed-headers,x-contentful-timestamp",
        "application/json",
    );

    assert!(
        recorded
            .to("/api/revalidate?site=blog%20one&b=1")
            .is_accepted_by(&contentful())
    );
}

#[test]
fn a_time_is_accepted_for_five_minutes_both_ways() {
    let second = Duration::from_secs(1);

    assert!(plain().later(TOLERANCE).is_accepted_by(&contentful()));
    assert!(plain().earlier(TOLERANCE).is_accepted_by(&contentful()));
    assert!(
        !plain()
            .later(TOLERANCE + second)
            .is_accepted_by(&contentful())
    );
    assert!(
        !plain()
            .earlier(TOLERANCE + second)
            .is_accepted_by(&contentful())
    );
}
