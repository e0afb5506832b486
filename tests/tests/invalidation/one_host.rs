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
