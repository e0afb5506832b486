//! Tests hosts that are not listed one by one: patterns, and a function for a list that grows.
//! Clients choose among them, so they count against the limit of new keys.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use http::Method;
use isr_layer::purge::SelectorStatus;
use isr_layer::{ErrorKind, Isr, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Answer, Reply, Site, ask, request};
use tower::Layer;

use crate::hosts::{POST, STORED, host, place};
use crate::{A, Plain};

struct Stand {
    site: Site,
    isr: IsrLayer,
    service: Isr<Site>,
}

impl Stand {
    fn new(page: Page, hosts: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder) -> Self {
        let builder = IsrLayer::builder().without_registered().pages([page]);
        let isr = hosts(builder).build().expect("all of it is accepted");
        let site = Site::new();
        site.script(|seen, version| Reply::page().chunk(place(seen, version)).into());
        let service = isr.layer(site.clone());
        Self { site, isr, service }
    }

    fn tenants(page: Page) -> Self {
        Self::new(page, |builder| {
            builder.hosts(["*.shop.example", "www.shop.example"])
        })
    }

    async fn get(&self, host: &str, path: &str) -> Answer {
        ask(
            &self.service,
            request::<Plain>(Method::GET, path, &[("host", host)]),
        )
        .await
    }

    fn entries(&self) -> usize {
        self.isr.cache().metrics().entries()
    }
}

#[tokio::test]
async fn every_host_of_a_pattern_has_pages_of_its_own() {
    let stand = Stand::tenants(A);

    for status in [STORED, "isr; hit"] {
        for host in ["one.shop.example", "two.shop.example", "www.shop.example"] {
            let answer = stand.get(host, "/a").await;

            assert_eq!(
                (answer.text(), answer.cache_status()),
                (&*format!("/a at {host} v1"), status)
            );
        }
    }
}

#[tokio::test]
async fn case_and_port_make_no_other_host_of_a_pattern() {
    let stand = Stand::tenants(A);

    for spelled in [
        "one.shop.example",
        "ONE.Shop.example",
        "one.shop.example:8443",
    ] {
        let answer = stand.get(spelled, "/a").await;
        assert_eq!(answer.text(), "/a at one.shop.example v1", "{spelled}");
    }

    assert_eq!(stand.site.renders(), 1);
}

#[tokio::test]
async fn a_pattern_stands_for_one_label_and_nothing_else() {
    let stand = Stand::tenants(A);

    for other in [
        "shop.example",
        ".shop.example",
        "a.b.shop.example",
        "evilshop.example",
        "one.shop.example.evil.example",
        "one.shop.example.",
        "*.shop.example",
        "a b.shop.example",
        "one.shop.example:99999",
        &format!("{}.shop.example", "a".repeat(64)),
    ] {
        let answer = stand.get(other, "/a").await;
        assert_eq!(answer.cache_status(), "", "{other}");
    }
    assert_eq!(stand.entries(), 0);
}

#[tokio::test]
async fn a_pattern_with_a_port_is_for_that_port() {
    let stand = Stand::new(A, |builder| builder.hosts(["*.shop.example:8080"]));

    let there = stand.get("one.shop.example:8080", "/a").await;
    let elsewhere = stand.get("one.shop.example", "/a").await;

    assert_eq!(there.text(), "/a at one.shop.example:8080 v1");
    assert_eq!(elsewhere.cache_status(), "");
}

/// A shop opens while the application runs.
#[tokio::test]
async fn a_function_decides_for_a_list_that_grows() {
    let open = Arc::new(Mutex::new(HashSet::from(["one.example".to_owned()])));
    let known = open.clone();
    let stand = Stand::new(A, |builder| {
        builder.hosts_by(move |host| known.lock().expect("it is not poisoned").contains(host))
    });

    let one = stand.get("ONE.example:443", "/a").await;
    let before = stand.get("two.example", "/a").await;
    open.lock()
        .expect("it is not poisoned")
        .insert("two.example".to_owned());
    let opened = stand.get("two.example", "/a").await;
    open.lock().expect("it is not poisoned").clear();
    let closed = stand.get("one.example", "/a").await;

    assert_eq!(one.text(), "/a at one.example v1");
    assert_eq!((before.cache_status(), opened.cache_status()), ("", STORED));
    assert_eq!(closed.cache_status(), "");
}

#[tokio::test]
async fn a_listed_name_comes_before_a_pattern_and_that_before_a_function() {
    let stand = Stand::new(A, |builder| {
        builder
            .hosts(["WWW.shop.example", "*.shop.example"])
            .hosts_by(|host| host != "www.shop.example")
    });

    for (sent, seen) in [
        ("www.shop.example", "WWW.shop.example"),
        ("One.shop.example", "one.shop.example"),
        ("other.example", "other.example"),
    ] {
        stand.get(sent, "/a").await;
        assert_eq!(
            host(stand.site.seen().last().expect("it was rendered")),
            seen
        );
    }
}

#[tokio::test]
async fn a_function_is_asked_for_nothing_that_is_no_name() {
    let stand = Stand::new(A, |builder| {
        builder.hosts_by(|host| {
            assert!(!host.contains("panic"), "told to panic");
            true
        })
    });

    for no_name in [
        "",
        ":80",
        "a..example",
        "a.example.",
        "a example",
        "a.example/path",
        "a.example:port",
        "panic.example",
        "[::g]",
        &format!("{}.example", "a".repeat(64)),
        &"a.".repeat(127),
    ] {
        let answer = stand.get(no_name, "/a").await;
        assert_eq!(answer.cache_status(), "", "{no_name}");
    }
    assert_eq!(stand.get("[::1]:3000", "/a").await.text(), "/a at [::1] v1");
    assert_eq!(stand.entries(), 1);
}

#[tokio::test(start_paused = true)]
async fn hosts_that_clients_choose_count_against_the_limit_of_new_keys() {
    const LISTED: Page =
        Page::new("/p/{slug}").with_policy(Policy::new().revalidate(crate::secs(60)));
    let patterns: fn(IsrLayerBuilder) -> IsrLayerBuilder =
        |builder| builder.hosts(["*.shop.example", "www.shop.example"]);
    let function: fn(IsrLayerBuilder) -> IsrLayerBuilder = |builder| {
        builder
            .hosts(["www.shop.example"])
            .hosts_by(|host| host.ends_with(".shop.example"))
    };
    for hosts in [patterns, function] {
        for (page, path) in [(A, "/a"), (LISTED, "/p/known")] {
            let stand = Stand::new(page, |builder| {
                let builder = hosts(builder).new_keys_per_second(10);
                match page.path() {
                    "/a" => builder,
                    path => builder.params(path, || async { ["known"] }),
                }
            });

            for number in 0..200 {
                stand.get(&format!("{number}.shop.example"), path).await;
            }
            assert_eq!(stand.entries(), 10, "{path}");
        }
    }
}

#[tokio::test]
async fn a_purge_reaches_every_host_and_renders_those_in_memory() {
    for purge in [
        Purge::path("/posts/a"),
        Purge::tag("posts").mode(Mode::Regenerate),
        Purge::all().mode(Mode::Regenerate),
    ] {
        let stand = Stand::tenants(POST);
        let hosts = ["one.shop.example", "two.shop.example"];
        for host in hosts {
            stand.get(host, "/posts/a").await;
        }
        stand.site.publish(2);

        let receipt = stand.isr.cache().revalidate(purge.clone()).await;

        assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
        assert_eq!(stand.site.renders(), 4, "{purge:?}");
        for host in hosts {
            let answer = stand.get(host, "/posts/a").await;
            assert_eq!(
                (answer.text(), answer.cache_status()),
                (&*format!("/posts/a at {host} v2"), "isr; hit"),
                "{purge:?}"
            );
        }
    }
}

#[tokio::test]
async fn without_a_client_only_listed_names_are_rendered() {
    let with_name = Stand::tenants(POST);
    let without = Stand::new(POST, |builder| builder.hosts(["*.shop.example"]));
    for stand in [&with_name, &without] {
        stand.get("www.shop.example", "/posts/warm").await;
    }

    let rendered = with_name
        .isr
        .cache()
        .revalidate(Purge::path("/posts/a"))
        .await;
    let marked = without
        .isr
        .cache()
        .revalidate(Purge::path("/posts/a"))
        .await;

    assert_eq!(rendered.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(marked.receipts()[0].status(), SelectorStatus::Marked);
    assert!(marked.is_revalidated());
    let hit = with_name.get("www.shop.example", "/posts/a").await;
    assert_eq!(hit.cache_status(), "isr; hit");
}

#[tokio::test]
async fn a_handler_may_declare_the_host_with_a_function_alone() {
    let page = A.with_policy(Policy::new().vary(&["host"]));
    let stand = Stand::new(page, |builder| {
        builder.hosts_by(|host| host == "one.example")
    });

    assert_eq!(
        stand.get("one.example", "/a").await.text(),
        "/a at one.example v1"
    );
}

#[test]
fn a_pattern_that_is_none_is_refused() {
    for listed in [
        &["*"][..],
        &["*."],
        &["*example.com"],
        &["a.*.example"],
        &["*.*.example"],
        &["**.example"],
        &["*.[::1]"],
        &["*.127.0.0.1"],
        &["*.example:http"],
        &["*.Shop.example", "*.shop.example"],
    ] {
        let built = IsrLayer::builder()
            .without_registered()
            .pages([A])
            .hosts(listed.iter().copied())
            .build();

        let error = built.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("`hosts`"), "{error}");
    }
}
