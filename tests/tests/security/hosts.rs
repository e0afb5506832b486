//! Tests that a host that a client made up reaches no page, no key and no other client.

use http::{Method, Request};
use isr_layer::{Isr, IsrLayer, Page};
use isr_tests::{Reply, Site, ask, request};
use tower::Layer;

use crate::{Plain, is_hit, repeated, with};

const HOME: Page = Page::new("/");
const LISTED: &str = "shop.example";

fn shop() -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    site.script(|seen, _| Reply::page().chunk(repeated(seen)).into());
    let isr = IsrLayer::builder()
        .pages([HOME])
        .hosts([LISTED])
        .build()
        .expect("it is a host");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

fn as_target(target: &str, headers: &[(&str, &str)]) -> Request<Plain> {
    request(Method::GET, target, headers)
}

#[tokio::test]
async fn ten_thousand_hosts_make_no_key() {
    let (site, isr, service) = shop();
    ask(&service, with("/", &[("host", LISTED)])).await;

    for n in 0..10_000 {
        let host = format!("{n}.example");
        let request = if n % 2 == 0 {
            with("/", &[("host", &host)])
        } else {
            as_target(&format!("http://{host}/"), &[])
        };
        ask(&service, request).await;
    }

    let stats = isr.cache().metrics();
    // The two marks are those of the host and of the path there.
    assert_eq!((stats.entries(), stats.flights(), stats.marks()), (1, 0, 2));
    assert_eq!(site.renders(), 10_001);
    assert!(is_hit(&ask(&service, with("/", &[("host", LISTED)])).await));
}

#[tokio::test]
async fn nothing_a_stranger_says_of_the_host_is_in_what_others_get() {
    for headers in [
        &[("host", "SHOP.example:6666")][..],
        &[("host", LISTED), ("x-forwarded-host", "evil.example")],
        &[("host", LISTED), ("forwarded", "host=evil.example")],
        &[("host", LISTED), ("host", "evil.example")],
        &[("host", "evil.example"), ("host", LISTED)],
        &[("host", "evil.example")],
        &[("host", "shop.example:6666@evil.example")],
        &[("host", "shop.example, evil.example")],
        &[("host", "shop.example/evil.example")],
        &[],
    ] {
        for target in [
            "/",
            "http://evil.example/",
            "http://evil.example@shop.example:6666/",
        ] {
            let (_, _, service) = shop();
            ask(&service, as_target(target, headers)).await;

            let victim = ask(&service, with("/", &[("host", LISTED)])).await;

            assert_eq!(
                victim.text(),
                "GET / {\"host\": \"shop.example\"} b\"\"",
                "{target} {headers:?}"
            );
        }
    }
}
