//! Tests the whole way over TCP: `axum::serve` in front of the wrapped application, and clients
//! that write raw bytes.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get as route;
use isr_layer::{Page, Policy};
use isr_tests::{Reply, Site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::secs;

/// Starts a server; it ends with the test's runtime.
async fn serve(site: &Site) -> SocketAddr {
    let isr = crate::isr([
        Page::new("/posts/{slug}").with_policy(Policy::new().revalidate(secs(60))),
        Page::new("/small").with_policy(Policy::new().max_body(4)),
    ]);
    let router = Router::new()
        .route(
            "/peer",
            route(
                |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() },
            ),
        )
        .fallback_service(site.for_axum());
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    let app = isr
        .wrap(router)
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends bytes, and reads until the server closes the connection.
async fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    // The server may respond and close before it has read all bytes.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn ask(address: SocketAddr, method: &str, target: &str) -> String {
    let request = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    send(address, request.as_bytes()).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_wrapped_application_serves_a_miss_and_then_hits() {
    let site = Site::new();
    let address = serve(&site).await;

    let first = ask(address, "GET", "/posts/a").await;
    let second = ask(address, "GET", "/posts/a").await;

    assert!(
        first.contains("cache-status: isr; fwd=uri-miss; stored"),
        "{first}"
    );
    assert!(second.contains("cache-status: isr; hit; ttl="), "{second}");
    assert!(
        second.contains("content-length: 11\r\n") && second.ends_with("/posts/a v1"),
        "{second}"
    );
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn head_over_tcp_has_the_length_and_no_body() {
    let site = Site::new();
    let address = serve(&site).await;

    for _ in 0..2 {
        let answer = ask(address, "HEAD", "/posts/a").await;

        assert!(answer.contains("content-length: 11\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_over_misses_hits_and_what_passes() {
    let site = Site::new();
    let address = serve(&site).await;
    let one = |target| format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    let targets = ["/posts/a", "/posts/a", "/other", "/posts/b", "/posts/a"];
    let last = "GET /other HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    let pipelined = targets.map(one).concat() + last;
    let answers = send(address, pipelined.as_bytes()).await;

    assert_eq!(answers.matches("HTTP/1.1 200").count(), 6, "{answers}");
    assert_eq!(answers.matches("isr; hit").count(), 2, "{answers}");
    assert_eq!(site.renders(), 4);
}

#[tokio::test]
async fn handlers_that_are_no_pages_see_the_peer() {
    let site = Site::new();
    let address = serve(&site).await;

    assert!(ask(address, "GET", "/peer").await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn a_get_with_a_content_length_or_in_chunks_passes_to_the_handler() {
    let site = Site::new();
    let address = serve(&site).await;
    let head = "GET /posts/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";

    let length = send(
        address,
        format!("{head}content-length: 4\r\n\r\nbody").as_bytes(),
    )
    .await;
    let chunked = send(
        address,
        format!("{head}transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n").as_bytes(),
    )
    .await;

    assert_eq!((status(&length), status(&chunked)), ("200", "200"));
    assert!(site.seen().iter().all(|seen| seen.body == "body"));
    assert_eq!(site.renders(), 2);
    assert!(!length.contains("cache-status") && !chunked.contains("cache-status"));
}

#[tokio::test]
async fn malformed_targets_never_panic_and_are_never_a_page() {
    let site = Site::new();
    let address = serve(&site).await;
    let megabyte = format!("/posts/{}", "x".repeat(1 << 20));
    let deep = "/x".repeat(33);
    let targets = [
        "/posts/%00",
        "/posts/%",
        "/posts/%zz",
        "/posts/%ff",
        "/posts/../posts/a",
        "//posts/a",
        "/posts//a",
        "*",
        "posts/a",
        "http://",
        "/posts/\u{e9}",
        "/posts/a\\b",
        "/posts/\"",
        "/posts/<a>",
        "/posts/a#b",
        "/posts/{slug}",
        &megabyte,
        &deep,
    ];

    for target in targets {
        let answer = ask(address, "GET", target).await;

        let shown = &target[..target.len().min(40)];
        assert!(
            ["200", "400", "404", "414", "431"].contains(&status(&answer)),
            "{shown}: {answer}"
        );
        if answer.contains("isr;") {
            // A target that is served as a page must be another spelling of a page's path.
            assert!(
                !answer.contains("..") && !answer.contains("//posts"),
                "{shown}: {answer}"
            );
        }
    }
    assert!(
        ask(address, "GET", "/posts/last")
            .await
            .contains("; stored"),
        "the server lives"
    );
}

#[tokio::test]
async fn raw_octets_in_a_target_never_panic() {
    let site = Site::new();
    let address = serve(&site).await;

    for octet in (0_u8..=255).filter(|octet| !b"\r\n".contains(octet)) {
        let mut request = b"GET /posts/a".to_vec();
        request.extend([octet]);
        request.extend(b"b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = send(address, &request).await;

        assert!(
            ["200", "400"].contains(&status(&answer)),
            "{octet}: {answer}"
        );
    }
}

#[tokio::test]
async fn clients_that_disconnect_at_any_byte_disturb_nobody() {
    let site = Site::new();
    let address = serve(&site).await;
    let request = b"GET /posts/a HTTP/1.1\r\nhost: x\r\n\r\n";

    for length in 0..=request.len() {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request[..length]).await.unwrap();
        drop(stream);
    }
    let answer = ask(address, "GET", "/posts/a").await;

    assert_eq!(status(&answer), "200");
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn a_body_above_the_limit_arrives_whole_over_tcp() {
    let site = Site::new();
    let address = serve(&site).await;
    let large = "0123456789".repeat(100_000);
    site.act(Reply::page().chunk("ab").chunk(large.clone()));

    let answer = ask(address, "GET", "/small").await;

    assert_eq!(status(&answer), "200");
    let text = answer.split("\r\n\r\n").nth(1).expect("there is a body");
    assert_eq!(text.matches("0123456789").count(), 100_000);
}

#[tokio::test]
async fn a_body_that_fails_midway_is_a_clean_error_when_cold() {
    let site = Site::new();
    let address = serve(&site).await;
    site.act(Reply::page().chunk("half").cut());

    let answer = ask(address, "GET", "/posts/a").await;

    assert_eq!(status(&answer), "502");
    assert!(!answer.contains("half"), "{answer}");
}
