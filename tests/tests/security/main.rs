//! Tests that no request of one client changes the responses to others, with a module for each kind
//! of attack.

mod collision;
mod credentials;
mod deception;
mod drafts;
mod errors;
mod fat_get;
mod flood;
mod flood_bytes;
mod flood_headers;
mod headers;
mod hosts;
mod parameters;
mod stalled;

use http::{Method, Request};
use http_body_util::Full;
use isr_layer::{Isr, IsrLayer, Page};
use isr_tests::{Answer, Reply, Seen, Site, ask, request};
use tower::Layer;

/// The request body of a service without axum.
type Plain = Full<bytes::Bytes>;

/// Makes an origin as careless as possible: its response repeats the whole request.
fn echo(pages: impl IntoIterator<Item = Page>) -> (Site, Isr<Site>) {
    let site = Site::new();
    site.script(|seen, _| Reply::page().chunk(repeated(seen)).into());
    let isr = IsrLayer::builder()
        .pages(pages)
        .build()
        .expect("the pages do not contradict each other");
    let service = isr.layer(site.clone());
    (site, service)
}

fn repeated(seen: &Seen) -> String {
    format!(
        "{} {} {:?} {:?}",
        seen.method, seen.uri, seen.headers, seen.body
    )
}

/// Makes a GET with these headers.
fn with(path: &str, headers: &[(&str, &str)]) -> Request<Plain> {
    request(Method::GET, path, headers)
}

async fn visit(service: &Isr<Site>, path: &str) -> Answer {
    ask(service, with(path, &[])).await
}

/// Returns whether a response is a hit.
fn is_hit(answer: &Answer) -> bool {
    answer.cache_status().starts_with("isr; hit")
}
