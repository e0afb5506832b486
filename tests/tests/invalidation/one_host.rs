//! Tests purges of one host: a path there, or everything there, and nothing of any other host.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use isr_layer::auth::Bearer;
use isr_layer::purge::{SelectorReceipt, SelectorStatus};
use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Answer, Reply, Site, ask, request, settle};
use serde_json::{Value, json};
use tower::Layer;

use crate::house::{POST, only};

type Plain = Full<Bytes>;

const ONE: &str = "one.example";
const TWO: &str = "Two.example:8080";
const SECRET: &str = "a secret of more than 24 bytes";

struct Stand {
    site: Site,
    isr: IsrLayer,
    service: Isr<Site>,
}

impl Stand {
    fn new() -> Self {
        Self::of(builder().hosts([ONE, TWO]))
    }

    fn of(builder: IsrLayerBuilder) -> Self {
        let isr = builder.build().expect("all of it is accepted");
        let site = Site::new();
        let service = isr.layer(site.clone());
        Self { site, isr, service }
    }

    async fn get(&self, host: &str, path: &str) -> Answer {
        ask(&self.service, at(host, path)).await
    }

    /// Requests each path at each host once, and publishes version 2.
    async fn warm(&self, hosts: &[&str], paths: &[&str]) {
        for host in hosts {
            for path in paths {
                self.get(host, path).await;
            }
        }
        self.site.publish(2);
    }

    async fn purge(&self, purge: Purge) -> SelectorReceipt {
        only(&self.isr.cache().revalidate(purge).await)
    }

    /// Returns whether the path is still a fresh hit at that host.
    async fn is_untouched(&self, host: &str, path: &str) -> bool {
        let answer = self.get(host, path).await;
        answer.cache_status() == "isr; hit" && answer.text() == format!("{path} v1")
    }

    /// Calls the endpoint, and returns status and body.
    async fn call(&self, body: Value) -> (u16, Value) {
        let endpoint = self
            .isr
            .revalidate_service(Bearer::new(SECRET).expect("it is long"));
        let request = Request::post("/")
            .header("authorization", format!("Bearer {SECRET}"))
            .body(Plain::from(body.to_string()))
            .expect("it is a request");
        let answer = ask(&endpoint, request).await;
        let body = serde_json::from_slice(&answer.body).expect("it is JSON");
        (answer.status.as_u16(), body)
    }
}

fn builder() -> IsrLayerBuilder {
    const LIST: Page = Page::new("/list").with_policy(Policy::new().query(&["page"]));
    const ALL: Page = Page::new("/c/{*rest}");
    let post = POST.with_policy(Policy::new().tags(&["posts"]));
    IsrLayer::builder()
        .without_registered()
        .pages([post, LIST, ALL])
}

fn at(host: &str, path: &str) -> Request<Plain> {
    request(Method::GET, path, &[("host", host)])
}

#[tokio::test]
async fn the_endpoint_purges_a_path_at_one_host() {
    let stand = Stand::new();
    stand.warm(&[ONE, TWO], &["/posts/a"]).await;

    let (status, body) = stand.call(json!({"path": "/posts/a", "host": ONE})).await;

    assert_eq!(
        (status, &body["revalidated"]),
        (200, &true.into()),
        "{body}"
    );
    let receipt = &body["receipts"][0];
    assert_eq!(
        (&receipt["path"], &receipt["host"]),
        (&"/posts/a".into(), &ONE.into())
    );
    assert_eq!(receipt["status"], "regenerated", "{body}");
    assert_eq!(stand.get(ONE, "/posts/a").await.text(), "/posts/a v2");
    assert!(stand.is_untouched(TWO, "/posts/a").await);
}

#[tokio::test]
async fn the_endpoint_refuses_a_host_beside_what_it_does_not_narrow() {
    let stand = Stand::new();
    stand.warm(&[ONE], &["/posts/a"]).await;

    for body in [
        json!({"tag": "posts", "host": ONE}),
        json!({"page": "/posts/{slug}", "host": ONE}),
        json!({"prefix": "/posts", "host": ONE}),
        json!({"host": ONE}),
        json!({"path": "/posts/a", "host": ""}),
        json!({"path": "/posts/a", "host": "https://one.example"}),
        json!({"path": "/posts/a", "host": null}),
    ] {
        let (status, told) = stand.call(body.clone()).await;
        assert_eq!(status, 400, "{body}: {told}");
    }
    let long = json!({"path": "/posts/a", "host": "h".repeat(2_000)});
    assert_eq!(stand.call(long).await.0, 413);
    let (status, both) = stand
        .call(json!({"paths": ["/posts/a", "posts"], "host": ONE, "mode": "stale"}))
        .await;
    assert_eq!(status, 200);
    assert_eq!(both["receipts"][0]["status"], "marked", "{both}");
    assert_eq!(both["receipts"][1]["status"], "refused", "{both}");
}

#[tokio::test]
async fn a_path_is_purged_at_one_host_in_every_mode() {
    for mode in [Mode::Regenerate, Mode::Stale, Mode::Expire] {
        let stand = Stand::new();
        let paths = ["/posts/a", "/posts/b", "/c/posts/a"];
        stand.warm(&[ONE, TWO], &paths).await;
        let renders = stand.site.renders();

        let purge = Purge::path("/posts/a").host("ONE.example:443").mode(mode);
        let receipt = stand.purge(purge).await;

        let status = match mode {
            Mode::Regenerate => SelectorStatus::Regenerated,
            _ => SelectorStatus::Marked,
        };
        assert_eq!((receipt.status(), receipt.matched()), (status, Some(1)));
        let regenerated = usize::from(mode == Mode::Regenerate);
        assert_eq!(stand.site.renders() - renders, regenerated, "{mode:?}");
        let first = stand.get(ONE, "/posts/a").await;
        settle().await;
        let second = stand.get(ONE, "/posts/a").await;
        let is_old = mode == Mode::Stale;
        let version = if is_old { "/posts/a v1" } else { "/posts/a v2" };
        assert_eq!((first.text(), second.text()), (version, "/posts/a v2"));
        for path in paths {
            assert!(stand.is_untouched(TWO, path).await, "{mode:?} {path}");
        }
        assert!(stand.is_untouched(ONE, "/posts/b").await, "{mode:?}");
    }
}

#[tokio::test]
async fn everything_at_one_host_is_purged() {
    let stand = Stand::new();
    let paths = ["/posts/a", "/posts/b", "/list", "/list?page=2"];
    stand.warm(&[ONE, TWO], &paths).await;

    let purge = Purge::all().host("two.example:8080").mode(Mode::Expire);
    let receipt = stand.purge(purge).await;

    assert_eq!(
        (receipt.status(), receipt.matched()),
        (SelectorStatus::Marked, Some(4))
    );
    for path in paths {
        assert!(stand.is_untouched(ONE, path).await, "{path}");
        assert_eq!(stand.get(TWO, path).await.text(), format!("{path} v2"));
    }
}

#[tokio::test]
async fn variants_and_both_spellings_of_a_path_are_reached() {
    let stand = Stand::new();
    let paths = ["/list", "/list?page=2", "/c/news", "/c/news/"];
    stand.warm(&[ONE, TWO], &paths).await;

    for path in ["/list", "/c/news/"] {
        let receipt = stand.purge(Purge::path(path).host(ONE)).await;
        assert_eq!(receipt.status(), SelectorStatus::Regenerated, "{path}");
    }

    for path in paths {
        let answer = stand.get(ONE, path).await;
        assert_eq!(
            (answer.text(), answer.cache_status()),
            (&*format!("{path} v2"), "isr; hit")
        );
        assert!(stand.is_untouched(TWO, path).await, "{path}");
    }
}

#[tokio::test]
async fn the_receipt_counts_both_spellings_of_a_path() {
    for cached in [&["/c/news"][..], &["/c/news/"], &["/c/news", "/c/news/"]] {
        for mode in [Mode::Regenerate, Mode::Stale, Mode::Expire] {
            let stand = Stand::new();
            stand.warm(&[ONE, TWO], cached).await;

            let purge = Purge::path("/c/news/").host(ONE).mode(mode);
            let receipt = stand.purge(purge).await;

            let count = Some(cached.len() as u64);
            assert_eq!(receipt.matched(), count, "{cached:?} {mode:?}");
            let regenerated = (mode == Mode::Regenerate).then_some(count).flatten();
            assert_eq!(receipt.regenerated(), regenerated, "{cached:?} {mode:?}");
        }
    }
}

#[tokio::test]
async fn the_other_spelling_is_rendered_at_a_host_also_while_its_first_render_runs() {
    let stand = Stand::new();
    stand.get(TWO, "/posts/a").await;
    stand.site.after().close();
    let service = stand.service.clone();
    let early = tokio::spawn(async move { ask(&service, at(ONE, "/c/news")).await });
    settle().await;
    stand.site.publish(2);

    let cache = stand.isr.cache();
    let purge = Purge::path("/c/news/").host(ONE);
    let purging = tokio::spawn(async move { cache.revalidate(purge).await });
    settle().await;
    stand.site.after().open();
    let receipt = only(&purging.await.expect("it does not panic"));
    early.await.expect("it does not panic");

    assert_eq!(receipt.status(), SelectorStatus::Regenerated, "{receipt:?}");
    let answer = stand.get(ONE, "/c/news").await;
    assert_eq!(
        (answer.text(), answer.cache_status()),
        ("/c/news v2", "isr; hit")
    );
}

#[tokio::test]
async fn hosts_of_patterns_and_functions_are_purged_also_when_they_are_gone() {
    let is_open = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let known = is_open.clone();
    let stand = Stand::of(
        builder()
            .hosts(["*.shop.example:8080"])
            .hosts_by(move |_| known.load(std::sync::atomic::Ordering::SeqCst)),
    );
    let (tenant, other) = ("a.shop.example:8080", "b.example");
    stand.warm(&[tenant, other], &["/posts/a"]).await;

    let expire = |host: &str| Purge::path("/posts/a").host(host).mode(Mode::Expire);
    let first = stand.purge(expire("A.shop.example:8080")).await;
    assert_eq!(stand.get(tenant, "/posts/a").await.text(), "/posts/a v2");
    assert!(stand.is_untouched(other, "/posts/a").await);
    is_open.store(false, std::sync::atomic::Ordering::SeqCst);
    let gone = stand.purge(expire(other)).await;
    is_open.store(true, std::sync::atomic::Ordering::SeqCst);

    assert_eq!((first.matched(), gone.matched()), (Some(1), Some(1)));
    assert_eq!(stand.get(other, "/posts/a").await.text(), "/posts/a v2");
}

#[tokio::test]
async fn a_render_at_that_host_that_runs_during_the_purge_is_not_taken_for_new() {
    for purge in [Purge::path("/posts/a").host(ONE), Purge::all().host(ONE)] {
        let stand = Stand::new();
        stand.site.after().close();
        let service = stand.service.clone();
        let early = tokio::spawn(async move { ask(&service, at(ONE, "/posts/a")).await });
        settle().await;
        stand.site.publish(2);

        let receipt = stand.purge(purge.clone().mode(Mode::Expire)).await;
        stand.site.after().open();
        early.await.expect("it does not panic");

        assert_eq!(receipt.status(), SelectorStatus::Marked, "{purge:?}");
        assert_eq!(
            stand.get(ONE, "/posts/a").await.text(),
            "/posts/a v2",
            "{purge:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_a_host_ends_the_memory_of_failures_there_alone() {
    let stand = Stand::new();
    stand.site.act(Reply::status(503));
    for host in [ONE, TWO] {
        stand.get(host, "/posts/a").await;
    }
    stand.site.act(Reply::page());

    stand
        .purge(Purge::path("/posts/a").host(ONE).mode(Mode::Expire))
        .await;

    assert_eq!(stand.get(ONE, "/posts/a").await.status, 200);
    assert_eq!(stand.get(TWO, "/posts/a").await.status, 503);
}

#[tokio::test]
async fn without_an_entry_at_that_host_the_path_is_marked() {
    let stand = Stand::new();
    stand.warm(&[TWO], &["/posts/a"]).await;

    let receipt = stand.purge(Purge::path("/posts/a").host(ONE)).await;

    assert_eq!(
        (receipt.status(), receipt.matched()),
        (SelectorStatus::Marked, Some(0))
    );
    assert!(stand.is_untouched(TWO, "/posts/a").await);
}

#[tokio::test]
async fn what_a_host_cannot_narrow_is_refused_and_never_widened() {
    let stand = Stand::new();
    let without = Stand::of(builder());
    stand.warm(&[ONE], &["/posts/a"]).await;
    without.warm(&[ONE], &["/posts/a"]).await;

    for purge in [
        Purge::tag("posts").host(ONE),
        Purge::page("/posts/{slug}").host(ONE),
        Purge::prefix("/posts").host(ONE),
        Purge::path("/posts/a").host("three.example"),
        Purge::path("/posts/a").host("two.example"),
        Purge::path("/posts/a").host(""),
        Purge::path("/posts/a").host("one.example/"),
        Purge::all().host("three.example"),
    ] {
        let receipt = stand.purge(purge.clone().mode(Mode::Expire)).await;

        assert_eq!(receipt.status(), SelectorStatus::Refused, "{purge:?}");
        assert!(receipt.error().is_some(), "{purge:?}");
        assert!(stand.is_untouched(ONE, "/posts/a").await, "{purge:?}");
    }
    let no_list = without
        .purge(Purge::path("/posts/a").host(ONE).mode(Mode::Expire))
        .await;
    assert_eq!(no_list.status(), SelectorStatus::Refused);
    assert!(without.is_untouched(ONE, "/posts/a").await);
    let no_page = stand.purge(Purge::path("/nothing").host(ONE)).await;
    assert_eq!(no_page.status(), SelectorStatus::NotAPage);
}

#[tokio::test]
async fn a_purge_of_one_host_is_made_again_of_its_selectors() {
    let purge = Purge::batch([Purge::path("/posts/a"), Purge::all()]).host(ONE);

    let again = purge
        .selectors()
        .cloned()
        .map(Purge::from)
        .collect::<Purge>();

    assert_eq!(again, purge);
}

/// The names of our own marks must be no tags that anybody can name or carry.
#[tokio::test]
async fn a_tag_cannot_reach_a_host() {
    let stand = Stand::new();
    stand.warm(&[ONE], &["/posts/a"]).await;

    for tag in [
        "host",
        "\0host\0one.example",
        "one.example",
        "\0host\0one.example/posts/a",
    ] {
        stand.purge(Purge::tag(tag).mode(Mode::Expire)).await;
        assert!(stand.is_untouched(ONE, "/posts/a").await, "{tag:?}");
    }
}
