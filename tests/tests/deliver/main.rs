//! Tests delivery from outside: responses from the cache keep the rules of HTTP.

mod answered;
mod crowded;
mod declared;
mod etags;
mod left_alone;
mod made_once;
mod negotiation;
mod precedence;
mod preconditions;
mod range;
mod reasons;
mod rfc9110;
mod rfc9111;
mod status_property;
mod unsent_body;
mod vary;
mod zstandard;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use isr_layer::{Isr, IsrLayer, Page, Policy};
use isr_tests::{Answer, Reply, Site, ask, request};
use tower::Layer;

/// The request body of a service without axum.
type Plain = Full<Bytes>;

/// A page at `/a` that is fresh until it is purged.
const A: Page = Page::new("/a");

/// The `Accept-Encoding` of browsers.
const BROWSER: &str = "gzip, deflate, br, zstd";

/// The example date of RFC 9110, and the dates a second before and after it.
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Returns a page at `/a` that is stale after 10 s and expires after 100 s.
const fn ten_seconds() -> Page {
    A.with_policy(Policy::new().revalidate(secs(10)).expire(secs(100)))
}

/// A site behind a layer with one page.
struct Stage {
    site: Site,
    isr: IsrLayer,
    service: Isr<Site>,
}

impl Stage {
    fn new(page: Page) -> Self {
        Self::of(
            IsrLayer::builder()
                .pages([page])
                .build()
                .expect("the page does not contradict itself"),
        )
    }

    fn of(isr: IsrLayer) -> Self {
        let site = Site::new();
        let service = isr.layer(site.clone());
        Self { site, isr, service }
    }

    /// Makes a stage whose page has rendered `reply` and has its variants.
    async fn warm(page: Page, reply: Reply) -> Self {
        let stage = Self::new(page);
        stage.site.act(reply);
        stage.get(&[]).await;
        stage.drained().await;
        stage
    }

    /// Sends a GET for `/a` with these headers.
    async fn get(&self, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, "/a", headers).await
    }

    /// Sends a HEAD for `/a` with these headers.
    async fn head(&self, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::HEAD, "/a", headers).await
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request: Request<Plain> = request(method, path, headers);
        ask(&self.service, request).await
    }

    /// Waits for renders, and for the encodings made after them.
    async fn drained(&self) {
        isr_tests::settle().await;
        self.isr.cache().drained().await;
    }
}

/// Returns text that encoders make much smaller.
fn text() -> String {
    "<p>a page of some length</p>\n".repeat(200)
}

/// Makes a page of HTML with [`text`].
fn html() -> Reply {
    Reply::page()
        .header("content-type", "text/html; charset=utf-8")
        .chunk(text())
}

/// Makes a page with the digits from 0 to 9, a thousand times. Its type is `image/png`, so no
/// variants are made.
fn digits() -> Reply {
    Reply::page()
        .header("content-type", "image/png")
        .chunk("0123456789".repeat(1000))
}

/// Accepts only this encoding.
fn only(coding: &str) -> [(&str, &str); 1] {
    [("accept-encoding", coding)]
}

/// Moves the clock forward by `seconds` at once.
async fn pass(seconds: u64) {
    tokio::time::advance(secs(seconds)).await;
}
