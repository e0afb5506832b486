//! Tests the proxy as a user starts it, in front of an origin that can cut connections.

mod hops;
mod unread;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// State of the origin: the numbers of requests and of those that hang, and whether it cuts
/// connections.
#[derive(Clone, Default)]
struct Origin {
    requests: Arc<AtomicUsize>,
    hanging: Arc<AtomicUsize>,
    is_broken: Arc<AtomicBool>,
}

async fn say(
    State(origin): State<Origin>,
    Path(cache_control): Path<String>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let count = origin.requests.fetch_add(1, Ordering::SeqCst) + 1;
    assert!(
        !origin.is_broken.load(Ordering::SeqCst),
        "a panic cuts the connection"
    );
    let host = headers
        .get("x-forwarded-host")
        .cloned()
        .expect("the proxy says which host was asked");
    let lines = [
        ("cache-control", cache_control),
        ("keep-alive", "timeout=5".to_owned()),
    ];
    (lines, [("x-host", host)], format!("answer {count}"))
}

/// Gives a response that depends on the client's address, and says so in `Vary`.
async fn greet(headers: HeaderMap) -> impl IntoResponse {
    let client = headers
        .get("x-forwarded-for")
        .cloned()
        .expect("the proxy says who asks");
    (
        [("cache-control", "max-age=60"), ("vary", "x-forwarded-for")],
        client.as_bytes().to_vec(),
    )
}

/// Counts a request that hangs until its connection is closed.
struct Hanging(Arc<AtomicUsize>);

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn hang(State(origin): State<Origin>) {
    origin.hanging.fetch_add(1, Ordering::SeqCst);
    let _hanging = Hanging(origin.hanging);
    std::future::pending().await
}

/// Starts the origin and the proxy. Returns the proxy's address too.
async fn start() -> (Origin, Child, String) {
    let origin = Origin::default();
    let app = Router::new()
        .route("/{cache_control}", get(say))
        .route("/greet", get(greet))
        .route("/hang/{number}", get(hang))
        .with_state(origin.clone());
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let app = app.merge(unread::origin()).fallback(hops::repeat);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let (proxy, address) = start_proxy(&url).await;
    (origin, proxy, address)
}

/// Starts the proxy in front of an origin. Returns its address too.
async fn start_proxy(url: &str) -> (Child, String) {
    let mut proxy = Command::new(env!("CARGO_BIN_EXE_proxy-example"))
        .envs([("PROXY_ADDR", "127.0.0.1:0"), ("PROXY_ORIGIN", url)])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the proxy was built");
    let mut lines = BufReader::new(proxy.stdout.take().expect("it is piped")).lines();
    let line = lines
        .next_line()
        .await
        .ok()
        .flatten()
        .expect("the proxy says where it listens");
    let address = line.split(' ').next().unwrap_or_default().to_owned();
    (proxy, address)
}

/// Sends a GET. Returns status, `Cache-Status` and body.
async fn ask(url: String) -> (u16, String, String) {
    ask_from([127, 0, 0, 1], url).await
}

/// Sends a GET from another address of this machine.
async fn ask_from(address: [u8; 4], url: String) -> (u16, String, String) {
    let mut connector = HttpConnector::new();
    connector.set_local_address(Some(address.into()));
    let client = Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let response = client
        .get(url.parse().expect("tests ask for URLs"))
        .await
        .expect("the proxy answers");
    let (parts, body) = response.into_parts();
    assert!(!parts.headers.contains_key("keep-alive"));
    let status = parts
        .headers
        .get("cache-status")
        .map_or("", |status| status.to_str().unwrap_or("no text"));
    let body = body
        .collect()
        .await
        .expect("the body comes to its end")
        .to_bytes();
    (
        parts.status.as_u16(),
        status.to_owned(),
        String::from_utf8_lossy(&body).into_owned(),
    )
}

#[tokio::test]
async fn what_may_be_stored_is_asked_for_once_and_the_rest_each_time() {
    let (origin, _proxy, address) = start().await;

    let first = ask(format!("{address}/max-age=60")).await;
    let second = ask(format!("{address}/max-age=60")).await;
    for _ in 0..2 {
        ask(format!("{address}/no-store")).await;
    }

    assert_eq!(
        first,
        (
            200,
            "isr; fwd=uri-miss; stored".to_owned(),
            "answer 1".to_owned()
        )
    );
    assert!(
        second.1.starts_with("isr; hit") && second.2 == "answer 1",
        "{second:?}"
    );
    assert_eq!(origin.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_the_origin_says_is_for_one_address_is_stored_for_that_one() {
    let (_, _proxy, address) = start().await;

    for client in ["127.0.0.1", "127.0.0.2", "127.0.0.1"] {
        let last = client.as_bytes()[client.len() - 1] - b'0';
        assert_eq!(
            ask_from([127, 0, 0, last], format!("{address}/greet"))
                .await
                .2,
            client
        );
    }
}

#[tokio::test]
async fn a_cut_connection_is_an_error_that_is_not_retried_and_a_stale_answer_may_stand_in() {
    let (origin, _proxy, address) = start().await;
    let lasting = format!("{address}/max-age=0,stale-if-error=60");
    ask(lasting.clone()).await;
    origin.is_broken.store(true, Ordering::SeqCst);

    let broken = ask(format!("{address}/max-age=60")).await;
    let kept = ask(lasting).await;

    assert_eq!(broken.0, 502);
    assert_eq!(
        kept,
        (
            200,
            "isr; fwd=stale; detail=service-error".to_owned(),
            "answer 1".to_owned()
        )
    );
    assert_eq!(origin.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn without_an_origin_it_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_proxy-example"))
        .env_remove("PROXY_ORIGIN")
        .output()
        .await
        .unwrap();

    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("PROXY_ORIGIN is not set"));
}

/// Waits until so many requests hang at the origin.
async fn hang_at_most(origin: &Origin, most: usize, least: usize) {
    let is_reached = || (least..=most).contains(&origin.hanging.load(Ordering::SeqCst));
    let reached = tokio::time::timeout(Duration::from_secs(10), async {
        while !is_reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let is_in_time = reached.await.is_ok();
    assert!(is_in_time, "{} hang", origin.hanging.load(Ordering::SeqCst));
}

/// A few of them go on, since others may ask for the response soon.
#[tokio::test]
async fn a_request_whose_client_left_frees_its_connection_to_the_origin() {
    let (origin, _proxy, address) = start().await;
    let address = address.trim_start_matches("http://").to_owned();
    let mut clients = Vec::new();
    for number in 0..200 {
        let mut client = TcpStream::connect(&address)
            .await
            .expect("the proxy listens");
        let request = format!("GET /hang/{number} HTTP/1.1\r\nhost: proxy\r\n\r\n");
        client
            .write_all(request.as_bytes())
            .await
            .expect("the proxy reads");
        clients.push(client);
    }
    hang_at_most(&origin, 200, 200).await;

    drop(clients);

    hang_at_most(&origin, 64, 0).await;
}
