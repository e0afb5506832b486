//! A field that targets this cache by name goes before `Cache-Control` (RFC 9213).

use http::HeaderName;
use isr_layer::{Isr, IsrLayer};
use isr_tests::Site;
use tower::Layer;

use crate::{builder, pass, reply, site_with, visit};

const CDN: HeaderName = HeaderName::from_static("cdn-cache-control");

/// Returns a site whose responses have these header lines, behind a layer that obeys two targeted
/// fields: one of our own, then that of all CDNs.
fn cdn_with(headers: &[(&'static str, &str)]) -> (Site, Isr<Site>) {
    let site = Site::new();
    site.act(reply(headers));
    let targets = [HeaderName::from_static("our-cache-control"), CDN];
    let isr = builder()
        .targeted_cache_control(targets)
        .build()
        .expect("the targets are of header mode");
    let service = isr.layer(site.clone());
    (site, service)
}

/// Returns the time for which a response with these header lines is fresh: not, briefly (less than
/// a minute), or long.
async fn is_fresh_for(headers: &[(&'static str, &str)]) -> &'static str {
    let (site, service) = cdn_with(headers);
    visit(&service).await;
    visit(&service).await;
    if site.renders() == 2 {
        return "not";
    }
    pass(60).await;
    visit(&service).await;
    if site.renders() == 2 {
        "briefly"
    } else {
        "long"
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_field_that_is_there_and_a_dictionary_counts_alone() {
    let far = httpdate::fmt_http_date(
        std::time::SystemTime::now() + std::time::Duration::from_secs(3600),
    );
    for (ours, cdn, cache_control, expected) in [
        ("", "max-age=99", "no-store", "long"),
        ("", "max-age=9", "max-age=99", "briefly"),
        ("", "max-age=0", "max-age=99", "not"),
        ("", "no-store", "max-age=99", "not"),
        ("", "private", "max-age=99", "not"),
        ("", "x", "max-age=99", "not"),
        ("max-age=99", "no-store", "no-store", "long"),
        ("no-store", "max-age=99", "max-age=99", "not"),
        ("MAX-AGE=1", "max-age=99", "no-store", "long"),
        ("", "max-age=1, &&&", "max-age=99", "long"),
        ("", "", "max-age=9", "briefly"),
    ] {
        let lines = [
            ("our-cache-control", ours),
            ("cdn-cache-control", cdn),
            ("cache-control", cache_control),
            ("expires", &far),
        ];
        assert_eq!(is_fresh_for(&lines).await, expected, "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_targeted_field_goes_on_unchanged() {
    let (_, service) = cdn_with(&[
        ("cdn-cache-control", "max-age=60, x"),
        ("cache-control", "no-store"),
    ]);
    visit(&service).await;

    let hit = visit(&service).await;

    assert!(
        hit.cache_status().starts_with("isr; hit; ttl=60"),
        "{}",
        hit.cache_status()
    );
    assert_eq!(hit.header(CDN.as_str()), "max-age=60, x");
    assert_eq!(hit.header("cache-control"), "no-store");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_a_cdn_is_not_said_to_a_layer_that_was_not_told_to_be_one() {
    let (site, service) = site_with(&[
        ("cdn-cache-control", "max-age=60"),
        ("cache-control", "max-age=0, must-revalidate"),
    ]);

    visit(&service).await;
    visit(&service).await;

    assert_eq!(site.renders(), 2);
}

#[test]
fn targets_without_header_mode_are_a_mistake_that_is_told() {
    let error = IsrLayer::builder()
        .targeted_cache_control([CDN])
        .build()
        .unwrap_err();

    assert!(error.to_string().contains("cache_by_headers"), "{error}");
}
