//! A site behind the layer with the endpoint beside it, served over TCP, and functions for calls
//! and their checks.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use isr_layer::auth::{Authenticators, Bearer};
use isr_layer::webhook::RevalidateService;
use isr_layer::{Cache, IsrLayer, Page, Policy};
use isr_tests::{Answer, Site};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::call::{Call, exchange, json};
use crate::{SECRET, WRONG, captured};

const POST: Page = Page::new("/posts/{slug}").with_policy(
    Policy::new()
        .revalidate(Duration::from_secs(60))
        .tags(&["posts", "post:{slug}"]),
);
const INDEX: Page = Page::new("/").with_policy(Policy::new().tags(&["posts"]));
const ABOUT: Page = Page::new("/about");
const FOLDER: Page = Page::new("/docs/{name}/");

/// A running server; it ends with the test's runtime.
pub(crate) struct Stand {
    pub(crate) site: Site,
    pub(crate) cache: Cache,
    pub(crate) address: SocketAddr,
}

/// Counters that change if a call does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    renders: usize,
    sequence: u64,
    tasks: usize,
}

/// Makes an authenticator for the secret of the tests.
pub(crate) fn bearer() -> Bearer {
    Bearer::new(SECRET).expect("it is long enough")
}

impl Stand {
    /// Starts a server with the endpoint at `/api/revalidate`, which accepts `bearer()`.
    pub(crate) async fn new() -> Self {
        Self::admitting(bearer()).await
    }

    /// Starts a server whose endpoint has these authenticators.
    pub(crate) async fn admitting(authenticators: impl Into<Authenticators>) -> Self {
        Self::set(authenticators, |service| service).await
    }

    /// Starts a server whose endpoint has other settings.
    pub(crate) async fn set(
        authenticators: impl Into<Authenticators>,
        set: impl FnOnce(RevalidateService) -> RevalidateService,
    ) -> Self {
        Self::mounted(authenticators, |service| {
            Router::new().route_service("/api/revalidate", set(service))
        })
        .await
    }

    /// Starts a server whose endpoint is mounted by `mount`.
    pub(crate) async fn mounted(
        authenticators: impl Into<Authenticators>,
        mount: impl FnOnce(RevalidateService) -> Router,
    ) -> Self {
        let isr = layer();
        let site = Site::new();
        let router =
            mount(isr.revalidate_service(authenticators)).fallback_service(site.for_axum());
        let app = isr
            .wrap(router)
            .into_make_service_with_connect_info::<SocketAddr>();
        let (listener, address) = listener().await;
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            site,
            cache: isr.cache(),
            address,
        }
    }

    /// Sends a call and reads the response.
    pub(crate) async fn send(&self, call: &Call) -> Answer {
        self.send_bytes(&call.bytes()).await
    }

    /// Sends bytes to the endpoint. Asserts that no cache may keep the response, and that it tells
    /// no secret.
    pub(crate) async fn send_bytes(&self, bytes: &[u8]) -> Answer {
        let answer = exchange(self.address, bytes).await;
        assert_eq!(
            answer.header("cache-control"),
            "no-store",
            "{}",
            answer.text()
        );
        assert_eq!(answer.cache_status(), "", "the endpoint is never a page");
        for secret in [SECRET, WRONG] {
            assert!(
                !format!("{answer:?}").contains(secret),
                "an answer contains the secret"
            );
        }
        answer
    }

    /// Sends a call with the right secret and asserts a 200. Returns the body.
    pub(crate) async fn revalidate(&self, body: impl Into<Vec<u8>>) -> Value {
        let answer = self.send(&Call::post(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        json(&answer)
    }

    /// Requests a page, like any visitor.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        exchange(self.address, &Call::get(path).bytes()).await
    }

    /// Opens a connection of its own.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address)
            .await
            .expect("the server listens")
    }

    /// Returns the work done so far.
    pub(crate) fn work(&self) -> Work {
        let stats = self.cache.metrics();
        Work {
            renders: self.site.renders(),
            sequence: stats.sequence(),
            tasks: stats.tasks(),
        }
    }

    /// Asserts that the call is carried out: it purges something.
    pub(crate) async fn assert_admitted(&self, call: &Call) {
        let before = self.cache.metrics().sequence();
        let answer = self.send(call).await;
        assert_eq!(answer.status, 200, "{call:?}: {}", answer.text());
        assert_eq!(
            self.cache.metrics().sequence(),
            before + 1,
            "{call:?}: {}",
            answer.text()
        );
    }

    /// Asserts that the call gets a problem with this status and does nothing. Returns the
    /// response.
    pub(crate) async fn assert_refused(&self, call: &Call, status: u16) -> Answer {
        self.assert_bytes_refused(&call.bytes(), status).await
    }

    pub(crate) async fn assert_bytes_refused(&self, bytes: &[u8], status: u16) -> Answer {
        let before = self.work();
        let answer = self.send_bytes(bytes).await;
        assert_problem(&answer, status);
        assert_eq!(self.work(), before, "work was done for a {status}");
        answer
    }
}

/// Asserts that the response is problem details with this status (RFC 9457).
pub(crate) fn assert_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = json(answer);
    assert_eq!(
        (&problem["status"], &problem["type"]),
        (&status.into(), &"about:blank".into()),
        "{problem}"
    );
    assert!(
        problem["title"].is_string() && problem["message"].is_string(),
        "{problem}"
    );
}

/// Makes a layer with the usual pages.
pub(crate) fn layer() -> IsrLayer {
    captured::subscribe();
    let pages = [POST, INDEX, ABOUT, FOLDER];
    IsrLayer::builder()
        .pages(pages)
        .build()
        .expect("the pages do not contradict each other")
}

/// Makes a listener on a free port.
pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    captured::subscribe();
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    (listener, address)
}
