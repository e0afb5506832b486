//! Tests what a proxy adds to a message, counts and refuses: `Via`, `Max-Forwards`, CONNECT.

use std::sync::atomic::Ordering;

use axum::extract::Request;
use axum::response::IntoResponse;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::unread::{PATIENCE, connect};
use crate::{ask, start};

/// Gives the head of the request as it came to the origin.
pub(crate) async fn repeat(request: Request) -> impl IntoResponse {
    let mut head = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\n", value.to_str().expect("tests send text"));
    }
    ([("x-origin", "here"), ("via", "1.1 behind")], head)
}

/// Sends octets on a connection of its own. Returns all that the proxy sends until it closes it.
async fn converse(address: &str, octets: &str) -> String {
    let mut stream = connect(address, octets).await;
    let mut response = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut response))
        .await
        .expect("the connection is closed in time")
        .expect("the response is text");
    response
}

#[tokio::test]
async fn via_names_each_proxy_on_the_way_of_a_request_in_order() {
    let (_, _proxy, address) = start().await;
    for (version, before, expected) in [
        ("HTTP/1.1", "", "\nvia: 1.1 isr-proxy\n"),
        ("HTTP/1.0", "", "\nvia: 1.0 isr-proxy\n"),
        (
            "HTTP/1.1",
            "via: 1.0 fred, 1.1 p.example.net\r\n",
            "\nvia: 1.0 fred, 1.1 p.example.net\nvia: 1.1 isr-proxy\n",
        ),
        (
            "HTTP/1.1",
            "via: 1.0 fred\r\nconnection: via\r\n",
            "\nvia: 1.0 fred\nvia: 1.1 isr-proxy\n",
        ),
    ] {
        let request = format!(
            "GET /seen/by/origin {version}\r\nhost: a.example\r\nconnection: close\r\n{before}\r\n"
        );

        let response = converse(&address, &request).await;

        assert!(response.contains(expected), "{request}{response}");
        assert!(
            response.contains("\r\nvia: 1.1 behind\r\nvia: 1.1 isr-proxy\r\n"),
            "{response}"
        );
    }
}

#[tokio::test]
async fn via_names_the_proxy_once_in_a_response_however_often_it_is_served() {
    let (origin, _proxy, address) = start().await;
    let request = "GET /max-age=60 HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n";
    for _ in 0..3 {
        let response = converse(&address, request).await;

        assert_eq!(
            response.matches("via: 1.1 isr-proxy\r\n").count(),
            1,
            "{response}"
        );
    }
    assert_eq!(origin.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn max_forwards_loses_one_at_each_hop_of_trace_and_options() {
    let (_, _proxy, address) = start().await;
    for (method, given, passed_on) in [
        ("TRACE", "max-forwards: 1\r\n", Some("0")),
        ("OPTIONS", "max-forwards: 70\r\n", Some("69")),
        (
            "OPTIONS",
            "max-forwards: 5\r\nconnection: max-forwards\r\n",
            Some("4"),
        ),
        (
            "TRACE",
            "max-forwards: 99999999999999999999\r\n",
            Some("18446744073709551614"),
        ),
        ("TRACE", "", None),
        ("OPTIONS", "", None),
        ("GET", "max-forwards: 0\r\n", Some("0")),
    ] {
        let request = format!(
            "{method} /seen/by/origin HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n{given}\r\n"
        );

        let response = converse(&address, &request).await;

        let seen = response
            .lines()
            .find_map(|line| line.strip_prefix("max-forwards: "));
        assert_eq!(seen, passed_on, "{request}{response}");
        assert!(response.contains("x-origin: here"), "{request}{response}");
    }
}

#[tokio::test]
async fn trace_and_options_at_their_last_hop_get_the_proxy_s_own_response() {
    let (_, _proxy, address) = start().await;
    let secrets =
        "cookie: id=secret\r\nauthorization: Bearer secret\r\nproxy-authorization: secret\r\n";
    let rest = format!(
        " /seen/by/origin HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\nmax-forwards: 0\r\n{secrets}\r\n"
    );

    let traced = converse(&address, &format!("TRACE{rest}")).await;
    let options = converse(&address, &format!("OPTIONS{rest}")).await;
    let asterisk = converse(
        &address,
        "OPTIONS * HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\nmax-forwards: 0\r\n\r\n",
    )
    .await;

    assert!(traced.starts_with("HTTP/1.1 200 "), "{traced}");
    assert!(
        traced.contains("content-type: message/http\r\n"),
        "{traced}"
    );
    assert!(
        traced.contains("\r\n\r\nTRACE /seen/by/origin HTTP/1.1\r\nhost: a.example\r\n"),
        "{traced}"
    );
    assert!(!traced.contains("secret"), "{traced}");
    for response in [options, asterisk] {
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        assert!(
            response.contains("allow: GET, ") && response.contains("content-length: 0\r\n"),
            "{response}"
        );
        assert!(!response.contains("x-origin"), "{response}");
    }
}

#[tokio::test]
async fn a_max_forwards_that_is_no_number_is_refused() {
    let (_, _proxy, address) = start().await;
    for wrong in [
        "max-forwards: -1\r\n",
        "max-forwards: +1\r\n",
        "max-forwards: one\r\n",
        "max-forwards: \r\n",
        "max-forwards: 1, 2\r\n",
        "max-forwards: 1\r\nmax-forwards: 2\r\n",
    ] {
        let request = format!(
            "TRACE /seen/by/origin HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n{wrong}\r\n"
        );

        let response = converse(&address, &request).await;

        assert!(response.starts_with("HTTP/1.1 400 "), "{request}{response}");
    }
}

#[tokio::test]
async fn a_tunnel_is_refused_and_what_follows_on_its_connection_is_no_request() {
    let (origin, _proxy, address) = start().await;
    for target in ["a.example:443", "127.0.0.1:22"] {
        let request = format!(
            "CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\nGET /max-age=60 HTTP/1.1\r\nhost: a.example\r\n\r\n"
        );

        let response = converse(&address, &request).await;

        assert!(response.starts_with("HTTP/1.1 501 "), "{response}");
        assert!(response.contains("connection: close\r\n"), "{response}");
        assert_eq!(response.matches("HTTP/1.1 ").count(), 1, "{response}");
    }
    assert_eq!(origin.requests.load(Ordering::SeqCst), 0);
    assert_eq!(ask(format!("{address}/max-age=60")).await.0, 200);
}
