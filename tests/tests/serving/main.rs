//! Tests serving from outside: responses to clients, inputs of handlers, and the number of renders.

mod answers;
mod background;
mod backoff;
mod bounds;
mod bypass;
mod cold_failure;
mod conditions;
mod construction;
mod context;
mod covered;
mod disconnect;
mod downstream;
mod draft;
mod draft_service;
mod except;
mod extractors;
mod fail_closed;
mod gone;
mod herd;
mod host_renders;
mod hosts;
mod key;
mod last_good;
mod left_list;
mod listed;
mod narrowing;
mod nested;
mod network;
mod new_keys;
mod not_found;
mod open_hosts;
mod other_routes;
mod ownership;
mod params;
mod placement;
mod prerender;
mod readiness;
mod recognition;
mod redirects;
mod refusals;
mod routed;
mod runtimes;
mod several_paths;
mod soak;
mod staleness;
mod types;
mod vary_by;

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use isr_layer::{Isr, IsrLayer, Page, Policy, Purge};
use isr_tests::{Answer, Site, ask, get};
use tower::Layer;

/// The request body of a service without axum.
type Plain = Full<bytes::Bytes>;

/// A page at `/a`.
const A: Page = Page::new("/a");

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Returns a page at `/a` that is stale after 10 s and expires after 100 s.
const fn ten_seconds() -> Page {
    A.with_policy(Policy::new().revalidate(secs(10)).expire(secs(100)))
}

fn isr(pages: impl IntoIterator<Item = Page>) -> IsrLayer {
    IsrLayer::builder()
        .without_registered()
        .pages(pages)
        .build()
        .expect("the pages do not contradict each other")
}

/// Makes a layer that stores pages behind a router too: all extensions travel with a render.
fn trusting(pages: impl IntoIterator<Item = Page>) -> IsrLayer {
    IsrLayer::builder()
        .without_registered()
        .pages(pages)
        .trust_extensions()
        .build()
        .expect("the pages do not contradict each other")
}

/// Makes a site behind a layer with one page.
fn site_with(page: Page) -> (Site, Isr<Site>) {
    let (site, _, service) = site_and_layer(page);
    (site, service)
}

fn site_and_layer(page: Page) -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    let isr = isr([page]);
    let service = isr.layer(site.clone());
    (site, isr, service)
}

/// Returns one purge of each kind that reaches `/a`, if `/a` declares the tag `posts` and its
/// render adds the tag `late`.
fn every_purge() -> [Purge; 6] {
    [
        Purge::path("/a"),
        Purge::page("/a"),
        Purge::tag("posts"),
        Purge::tag("late"),
        Purge::prefix("/a"),
        Purge::all(),
    ]
}

/// Sends a GET for `/a`.
async fn visit(service: &Isr<Site>) -> Answer {
    ask(service, a()).await
}

fn a() -> Request<Plain> {
    get("/a")
}

/// Moves the clock forward by `seconds` at once.
async fn pass(seconds: u64) {
    tokio::time::advance(secs(seconds)).await;
}
