//! Tests of every authenticator: no request without the secret is accepted, and no request causes a
//! panic.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use proptest::prelude::*;

use super::*;

const SECRET: &str = "a secret of more than 24 bytes";

fn every() -> Vec<Box<dyn Authenticate>> {
    vec![
        Box::new(Bearer::new(SECRET).unwrap().also_query("secret")),
        Box::new(StaticSecret::header("x-signature", SECRET).unwrap()),
        Box::new(StaticSecret::basic("user", SECRET).unwrap()),
        Box::new(StaticSecret::pointer("/secret", SECRET).unwrap()),
        Box::new(Hmac::github(SECRET).unwrap()),
        Box::new(Hmac::shopify(SECRET).unwrap()),
        Box::new(Hmac::sanity(SECRET).unwrap()),
        Box::new(Hmac::stripe(SECRET).unwrap()),
        Box::new(Hmac::ghost(SECRET).unwrap()),
        Box::new(Hmac::storyblok(SECRET).unwrap()),
        Box::new(StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()),
        Box::new(Contentful::new(SECRET).unwrap()),
        Box::new(Hygraph::new(SECRET).unwrap()),
    ]
}

const HEADERS: [&str; 16] = [
    "authorization",
    "x-signature",
    "x-hub-signature-256",
    "x-shopify-hmac-sha256",
    "sanity-webhook-signature",
    "stripe-signature",
    "x-ghost-signature",
    "webhook-signature",
    "webhook-id",
    "webhook-timestamp",
    "gcms-signature",
    "x-contentful-signature",
    "x-contentful-signed-headers",
    "x-contentful-timestamp",
    "content-type",
    "svix-id",
];

/// Generates headers that look as the authenticators expect, and arbitrary ones.
fn headers() -> impl Strategy<Value = HeaderMap> {
    let piece = prop_oneof![
        "Bearer |Basic |bearer",
        "sha256=|t=|v1=|v1,|sign=|env=",
        "[0-9a-f]{0,70}",
        "[A-Za-z0-9+/=_-]{0,50}",
        "1[0-9]{9,12}",
        "[ ,;:=.]{1,3}",
        "content-type|x-contentful-timestamp",
        "[\\x20-\\x7e\\x80-\\xff]{0,10}",
    ];
    let value = proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    proptest::collection::vec((proptest::sample::select(HEADERS.to_vec()), value), 0..8).prop_map(
        |pairs| {
            let valid = |(name, value): (&'static str, String)| {
                let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
                Some((HeaderName::from_static(name), value))
            };
            // Appended, not inserted, so that some headers occur twice.
            let mut headers = HeaderMap::new();
            for (name, value) in pairs.into_iter().filter_map(valid) {
                headers.append(name, value);
            }
            headers
        },
    )
}

proptest! {
    #[test]
    fn no_stranger_is_accepted(
        headers in headers(),
        query in "[a-z=&%0-9+]{0,30}",
        body in "\\{\"secret\": ?\"?[a-z0-9]{0,8}\"?\\}|\\PC{0,40}",
        now in 0..4_000_000_000_u64,
    ) {
        let uri: Uri = format!("/api/revalidate?{}", query.replace('%', "%25")).parse().unwrap();
        let request = AuthRequest::new(&Method::POST, &uri, &headers, body.as_bytes());
        let request = request.with_received_at(SystemTime::UNIX_EPOCH + Duration::from_secs(now));

        for authenticator in every() {
            prop_assert!(!authenticator.verify(&request).is_accepted());
        }
    }
}

#[test]
fn an_empty_request_is_accepted_by_none() {
    let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());

    for authenticator in every() {
        let request = AuthRequest::new(&Method::POST, &uri, &headers, b"");
        assert!(!authenticator.verify(&request).is_accepted());
    }
}

#[test]
fn authenticators_behind_pointers_and_closures_are_authenticators() {
    let (uri, mut headers) = (Uri::from_static("/"), HeaderMap::new());
    headers.insert("authorization", format!("Bearer {SECRET}").parse().unwrap());
    let bearer = || Bearer::new(SECRET).unwrap().also_query("secret");
    let shared: Arc<dyn Authenticate> = Arc::new(bearer());
    let checked = from_fn(|request| match request.header("authorization") {
        Some(_) => Verdict::accepted(),
        None => Verdict::rejected(),
    });

    for authenticators in [
        Authenticators::from(shared.clone()),
        Authenticators::from(Box::new(bearer())),
        Authenticators::from(checked),
        Authenticators::any_of([shared.clone(), shared]).unwrap(),
        Authenticators::any_of(every()).unwrap(),
    ] {
        let request = AuthRequest::new(&Method::POST, &uri, &headers, b"");
        assert!(authenticators.admit(&request).is_some());
    }
    assert!(Authenticators::from(Arc::new(bearer())).is_credential("secret"));
    assert!(Authenticators::any_of(Vec::<Bearer>::new()).is_err());
}

#[test]
fn the_time_of_receipt_can_be_set_and_read() {
    let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
    let recorded = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);

    let request = AuthRequest::new(&Method::POST, &uri, &headers, b"").with_received_at(recorded);

    assert_eq!(request.received_at(), recorded);
}

#[test]
fn the_first_that_accepts_decides_whose_request_it_is() {
    let (uri, mut headers) = (Uri::from_static("/"), HeaderMap::new());
    headers.insert("authorization", format!("Bearer {SECRET}").parse().unwrap());
    let other = Bearer::new("another secret of 24 bytes or more").unwrap();
    let rotated = Bearer::new("one more secret of 24 bytes or more")
        .unwrap()
        .or_secret(SECRET)
        .unwrap();
    let all = Authenticators::from(other)
        .or(rotated)
        .or(Bearer::new(SECRET).unwrap());

    let admission = all.admit(&AuthRequest::new(&Method::POST, &uri, &headers, b""));

    assert_eq!(admission.unwrap().credential, Credential::new(1, 1));
}
