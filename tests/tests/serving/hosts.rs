//! Tests that each listed host has pages of its own, that no other host has any, and that handlers
//! see the listed spelling of a host, not the client's.

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use isr_layer::purge::SelectorStatus;
use isr_layer::{ErrorKind, Isr, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge, Receipt};
use isr_tests::{Answer, Reply, Seen, Site, ask, request};
use tower::Layer;

use crate::draft::{SECRET, asking, cookie};
use crate::{A, Plain};

pub(crate) const ONE: &str = "one.example";
pub(crate) const TWO: &str = "two.example:8080";
pub(crate) const POST: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().tags(&["posts"]));
pub(crate) const STORED: &str = "isr; fwd=uri-miss; stored";

pub(crate) struct Stand {
    pub(crate) site: Site,
    pub(crate) isr: IsrLayer,
    service: Isr<Site>,
}

impl Stand {
    pub(crate) fn new(page: Page) -> Self {
        Self::with(IsrLayer::builder().without_registered().pages([page]))
    }

    /// Makes a layer for two hosts around a site whose body names path, host and version.
    pub(crate) fn with(builder: IsrLayerBuilder) -> Self {
        Self::of(builder.hosts([ONE, TWO]))
    }

    fn of(builder: IsrLayerBuilder) -> Self {
        let site = Site::new();
        site.script(|seen, version| Reply::page().chunk(place(seen, version)).into());
        let isr = builder.build().expect("all of it is accepted");
        let service = isr.layer(site.clone());
        Self { site, isr, service }
    }

    pub(crate) async fn get(&self, host: &str, path: &str) -> Answer {
        ask(&self.service, at(host, path)).await
    }

    /// Requests the path at both hosts. Returns each body, and whether it was in memory.
    pub(crate) async fn both(&self, path: &str) -> [(String, bool); 2] {
        let answers = [self.get(ONE, path).await, self.get(TWO, path).await];
        answers.map(|answer| {
            (
                answer.text().to_owned(),
                answer.cache_status().starts_with("isr; hit"),
            )
        })
    }

    pub(crate) async fn revalidate(&self, purge: Purge) -> Receipt {
        self.isr.cache().revalidate(purge).await
    }

    /// Returns the hosts that handlers saw, sorted.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut told = self.site.seen().iter().map(host).collect::<Vec<_>>();
        told.sort();
        told
    }

    fn entries(&self) -> usize {
        self.isr.cache().metrics().entries()
    }
}

fn at(host: &str, path: &str) -> Request<Plain> {
    request(Method::GET, path, &[("host", host)])
}

/// Returns the value of the header `host` that the handler saw.
pub(crate) fn host(seen: &Seen) -> String {
    let lines = seen
        .headers
        .get_all("host")
        .iter()
        .map(|line| line.to_str().expect("it is text"));
    lines.collect::<Vec<_>>().join(" and ")
}

pub(crate) fn place(seen: &Seen, version: u64) -> String {
    format!("{} at {} v{version}", seen.uri, host(seen))
}

#[tokio::test]
async fn each_host_has_a_page_of_its_own_and_the_handler_sees_that_host_alone() {
    let stand = Stand::new(A);

    for status in [STORED, "isr; hit"] {
        for host in [ONE, TWO] {
            let answer = stand.get(host, "/a").await;

            assert_eq!(
                (answer.text(), answer.cache_status()),
                (&*format!("/a at {host} v1"), status)
            );
            assert!(
                !answer.headers.contains_key("vary"),
                "every cache has the host in its key already"
            );
        }
    }
    assert!(stand.site.seen().iter().all(|seen| seen.headers.len() == 1));
    assert_eq!(stand.site.renders(), 2);
}

#[tokio::test]
async fn case_port_and_user_information_make_no_other_host() {
    let stand = Stand::new(A);
    stand.get(ONE, "/a").await;

    for (uri, host) in [
        ("/a", "ONE.Example"),
        ("/a", "one.example:443"),
        ("/a", "one.example:"),
        ("http://one.example/a", ONE),
        ("https://user:secret@ONE.example:8443/a", ONE),
    ] {
        assert_eq!(
            stand.get(host, uri).await.cache_status(),
            "isr; hit",
            "{uri} {host}"
        );
    }
    stand.get("TWO.example:08080", "/a").await;

    assert_eq!(stand.told(), [ONE, TWO]);
}

#[tokio::test]
async fn a_handler_sees_the_listed_spelling() {
    let stand = Stand::of(
        IsrLayer::builder()
            .without_registered()
            .pages([A])
            .hosts(["Example.COM"]),
    );

    let answer = stand.get("EXAMPLE.com:81", "/a").await;

    assert_eq!(answer.text(), "/a at Example.COM v1");
}

#[tokio::test]
async fn the_target_says_the_host_where_it_has_one() {
    let stand = Stand::new(A);

    let without_header = ask(
        &stand.service,
        request::<Plain>(Method::GET, "https://one.example/a", &[]),
    )
    .await;
    let beside_another = stand.get("evil.example", "http://two.example:8080/a").await;
    let of_another = stand.get(ONE, "http://evil.example/a").await;

    assert_eq!(
        (without_header.text(), without_header.cache_status()),
        ("/a at one.example v1", STORED)
    );
    assert_eq!(
        (beside_another.text(), beside_another.cache_status()),
        ("/a at two.example:8080 v1", STORED)
    );
    assert_eq!(of_another.cache_status(), "");
    assert_eq!(stand.entries(), 2);
}

#[tokio::test]
async fn what_proxies_say_of_the_host_has_no_effect() {
    let stand = Stand::new(A);

    for name in ["x-forwarded-host", "x-host", "x-original-host", "forwarded"] {
        let headers = [("host", ONE), (name, TWO), (name, "host=evil.example")];
        let answer = ask(
            &stand.service,
            request::<Plain>(Method::GET, "/a", &headers),
        )
        .await;
        assert_eq!(answer.text(), "/a at one.example v1", "{name}");
    }

    assert_eq!(stand.told(), [ONE]);
}

#[tokio::test]
async fn a_request_for_no_listed_host_passes_untouched_and_nothing_of_it_is_kept() {
    let stand = Stand::new(A);
    for headers in [
        &[("host", "evil.example"), ("cookie", "id=1")][..],
        &[("host", "two.example"), ("cookie", "id=1")],
        &[("host", "one.example."), ("cookie", "id=1")],
        &[("host", "user@one.example"), ("cookie", "id=1")],
        &[("host", ""), ("cookie", "id=1")],
        &[("host", ONE), ("host", ONE), ("cookie", "id=1")],
        &[("host", ONE), ("host", "evil.example"), ("cookie", "id=1")],
        &[("cookie", "id=1")],
    ] {
        for _ in 0..2 {
            let answer = ask(
                &stand.service,
                request::<Plain>(Method::GET, "/a?utm=1", headers),
            )
            .await;

            let seen = stand.site.seen().pop().expect("the site was asked");
            assert_eq!(answer.cache_status(), "", "{headers:?}");
            assert_eq!(
                (seen.uri.to_string().as_str(), seen.headers.len()),
                ("/a?utm=1", headers.len())
            );
        }
    }

    assert_eq!((stand.site.renders(), stand.entries()), (16, 0));
}

#[tokio::test]
async fn declared_headers_and_parameters_stand_beside_the_host() {
    let policy = Policy::new().query(&["page"]).vary(&["accept-language"]);
    let stand = Stand::new(A.with_policy(policy));
    let ask = async |host, path, language| {
        let headers = [("accept-language", language), ("host", host)];
        ask(
            &stand.service,
            request::<Plain>(Method::GET, path, &headers),
        )
        .await
    };

    for (host, path, language) in [
        (ONE, "/a", "de"),
        (TWO, "/a", "de"),
        (ONE, "/a", "en"),
        (ONE, "/a?page=2", "de"),
    ] {
        assert_eq!(
            ask(host, path, language).await.cache_status(),
            STORED,
            "{host} {path} {language}"
        );
        let hit = ask(host, path, language).await;
        assert_eq!(
            (hit.cache_status(), hit.header("vary")),
            ("isr; hit", "accept-language")
        );
        let seen = stand.site.seen().pop().expect("the site was asked");
        assert_eq!(
            (&seen.headers["host"], &seen.headers["accept-language"]),
            (&host.parse().unwrap(), &language.parse().unwrap())
        );
    }
    assert_eq!(stand.site.renders(), 4);
}

#[tokio::test]
async fn a_page_may_declare_the_host_and_only_with_a_list() {
    let page = A.with_policy(Policy::new().vary(&["host"]));
    let stand = Stand::with(
        IsrLayer::builder()
            .without_registered()
            .pages([page])
            .new_keys_per_second(1),
    );

    let first = stand.get(ONE, "/a").await;
    let second = stand.get(TWO, "/a").await;
    let without_list = IsrLayer::builder()
        .without_registered()
        .pages([page])
        .build()
        .expect_err("which hosts are there?");

    assert_eq!(
        (first.text(), first.cache_status()),
        ("/a at one.example v1", STORED)
    );
    assert_eq!(second.cache_status(), STORED, "a host is no new key");
    assert!(!first.headers.contains_key("vary"));
    assert_eq!(without_list.kind(), ErrorKind::Policy);
    assert!(
        without_list.to_string().contains("`hosts`"),
        "{without_list}"
    );
}

#[tokio::test]
async fn an_answer_that_varies_on_the_host_is_stored() {
    let stand = Stand::new(A);
    stand.site.act(Reply::page().header("vary", "Host"));

    stand.get(ONE, "/a").await;

    assert_eq!(stand.get(ONE, "/a").await.cache_status(), "isr; hit");
}

#[tokio::test]
async fn behind_a_router_hosts_are_kept_apart_as_well() {
    let site = Site::new();
    site.script(|seen, version| Reply::page().chunk(place(seen, version)).into());
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/blog/{slug}")])
        .hosts([ONE, TWO])
        .trust_extensions()
        .build()
        .unwrap();
    let routes = Router::new()
        .route_service("/{slug}", site.for_axum())
        .layer(isr.clone());
    let app = Router::new().nest("/blog", routes);
    let get =
        async |host, path| ask(&app, request::<Body>(Method::GET, path, &[("host", host)])).await;

    for (uri, host) in [
        ("/blog/a", ONE),
        ("/blog/a", TWO),
        ("http://one.example/blog/a", "evil.example"),
    ] {
        get(host, uri).await;
    }
    site.publish(2);
    let expire = Purge::path("/blog/a").mode(Mode::Expire);
    let receipt = isr.cache().revalidate(expire).await;
    let foreign = get("evil.example", "/blog/a").await;

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Marked);
    for host in [ONE, TWO] {
        let answer = get(host, "/blog/a").await;
        assert_eq!(
            (answer.text(), answer.cache_status()),
            (&*format!("/a at {host} v2"), "isr; fwd=stale; stored")
        );
    }
    assert_eq!(
        (foreign.text(), foreign.cache_status()),
        ("/a at evil.example v2", "")
    );
}

#[tokio::test]
async fn a_host_that_is_not_listed_has_no_draft() {
    let stand = Stand::with(
        IsrLayer::builder()
            .without_registered()
            .pages([A])
            .draft(SECRET),
    );
    let drafts = stand.isr.draft_service().unwrap();
    let cookie = cookie(&drafts).await;
    let with_cookie = async |host| {
        ask(
            &stand.service,
            request::<Plain>(Method::GET, "/a", &[("host", host), ("cookie", &cookie)]),
        )
        .await
    };

    assert_eq!(
        with_cookie(ONE).await.cache_status(),
        "isr; fwd=bypass; detail=draft"
    );
    assert_eq!(with_cookie("evil.example").await.cache_status(), "");
    assert!(
        !ask(&drafts, asking(""))
            .await
            .headers
            .contains_key("cache-status")
    );
}

#[tokio::test]
async fn header_mode_keeps_nothing_of_a_page_for_a_host_that_is_not_listed() {
    let stand = Stand::with(
        IsrLayer::builder()
            .without_registered()
            .pages([A])
            .cache_by_headers(true),
    );
    stand
        .site
        .act(Reply::page().header("cache-control", "max-age=60"));

    for _ in 0..2 {
        assert_eq!(stand.get("evil.example", "/a").await.cache_status(), "");
        stand.get("evil.example", "/no-page").await;
    }

    assert_eq!(
        stand.site.renders(),
        3,
        "what is no page has its host in its key anyway"
    );
}

#[test]
fn what_is_no_host_is_refused_when_the_layer_is_built() {
    for listed in [
        &["https://one.example"][..],
        &["one.example/"],
        &[""],
        &["One.example", "one.example"],
        &[],
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
