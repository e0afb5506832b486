//! Header mode, from outside: one module for each rule, with paused time and counted renders.

mod authorization;
mod bounds;
mod collapsing;
mod cookies;
mod delivery;
mod error_window;
mod leading;
mod lifetimes;
mod marked;
mod off;
mod passing;
mod purges;
mod refreshing;
mod refusals;
mod request_directives;
mod spellings;
mod targeted;
mod unlike;
mod unsafe_methods;
mod validation;
mod vary;

use std::time::Duration;

use http::{Method, Request};
use http_body_util::Full;
use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Page};
use isr_tests::{Answer, Reply, Site, ask, get, request};
use tower::Layer;

/// Request body of a service without axum.
type Plain = Full<bytes::Bytes>;

/// Returns a builder in header mode with a page at `/page`: `/a` is cached by its headers.
fn builder() -> IsrLayerBuilder {
    IsrLayer::builder()
        .pages([Page::new("/page")])
        .cache_by_headers(true)
}

/// Returns a site whose responses have these header lines, behind a layer in header mode.
fn site_with(headers: &[(&'static str, &str)]) -> (Site, Isr<Site>) {
    let (site, _, service) = site_and_layer(headers);
    (site, service)
}

fn site_and_layer(headers: &[(&'static str, &str)]) -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    site.act(reply(headers));
    let isr = builder()
        .build()
        .expect("the page does not contradict itself");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

/// Returns a site whose responses have this `Cache-Control`.
fn site_that_says(cache_control: &str) -> (Site, Isr<Site>) {
    site_with(&[("cache-control", cache_control)])
}

fn reply(headers: &[(&'static str, &str)]) -> Reply {
    headers.iter().fold(Reply::page(), |reply, (name, value)| {
        reply.header(name, value)
    })
}

fn says(cache_control: &str) -> Reply {
    Reply::page().header("cache-control", cache_control)
}

/// Sends a GET for `/a`.
async fn visit(service: &Isr<Site>) -> Answer {
    ask(service, get::<Plain>("/a")).await
}

/// Sends a GET for `/a` with header lines.
async fn visit_with(service: &Isr<Site>, headers: &[(&str, &str)]) -> Answer {
    ask(service, with(headers)).await
}

fn with(headers: &[(&str, &str)]) -> Request<Plain> {
    request(Method::GET, "/a", headers)
}

/// Lets so many seconds pass at once.
async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}
