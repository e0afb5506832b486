//! Tests the proxy as a user starts it, in front of an origin that can cut connections.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::IntoResponse;
use axum::routing::get;
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Longest time that a response may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sizes of bodies that fit and do not fit into the buffers of a connection.
const SIZES: [usize; 2] = [100 * 1024, 8 << 20];

/// State of the origin: the number of requests, and whether it cuts connections.
#[derive(Clone, Default)]
struct Origin {
    requests: Arc<AtomicUsize>,
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

/// Gives as many octets as the path says.
async fn many(Path((cache_control, size)): Path<(String, usize)>) -> impl IntoResponse {
    ([("cache-control", cache_control)], vec![b'a'; size])
}

/// Gives the head of the request as it came to the origin.
async fn repeat(request: Request) -> impl IntoResponse {
    let mut head = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\n", value.to_str().expect("tests send text"));
    }
    ([("x-origin", "here"), ("via", "1.1 behind")], head)
}

/// Starts an origin that responds without having read the body of a POST, and closes the connection
/// a little later without having said so. Returns its URL.
async fn start_impatient_origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond_early(stream));
        }
    });
    url
}

async fn respond_early(mut stream: TcpStream) -> io::Result<()> {
    let response = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncache-control: no-store\r\n\r\ndone";
    let mut head = Vec::new();
    loop {
        // Octet by octet, so that nothing of the body is read.
        head.push(stream.read_u8().await?);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let is_post = head.starts_with(b"POST");
        head.clear();
        if is_post {
            // Until the body, if it fits into the buffers, is sent.
            sleep(Duration::from_millis(100)).await;
        }
        stream.write_all(response).await?;
        if is_post {
            sleep(Duration::from_millis(300)).await;
            return Ok(());
        }
    }
}

/// Starts the origin and the proxy. Returns the proxy's address too.
async fn start() -> (Origin, Child, String) {
    let origin = Origin::default();
    let app = Router::new()
        .route("/{cache_control}", get(say))
        .route("/greet", get(greet))
        .route("/{cache_control}/{size}", get(many))
        .fallback(repeat)
        .with_state(origin.clone());
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
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

/// Opens a connection to the proxy and sends octets on it.
async fn connect(address: &str, octets: &str) -> TcpStream {
    let address = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream
        .write_all(octets.as_bytes())
        .await
        .expect("it reads the head");
    stream
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

/// Sends GETs at once. Returns status and length of each response.
async fn ask_at_once(urls: &[String]) -> Vec<(u16, usize)> {
    let asked: Vec<_> = urls
        .iter()
        .map(|url| tokio::spawn(timeout(PATIENCE, ask(url.clone()))))
        .collect();
    let mut responses = Vec::new();
    for response in asked {
        let (status, _, body) = response
            .await
            .expect("no panic")
            .expect("a response in time");
        responses.push((status, body.len()));
    }
    responses
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
async fn a_body_that_the_origin_does_not_read_costs_no_other_client_its_response() {
    let (_proxy, address) = start_proxy(&start_impatient_origin().await).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    for size in SIZES {
        let post = http::Request::post(format!("{address}/upload"))
            .body(Body::from(vec![b'a'; size]))
            .expect("it is a request");
        // Held to the end. The origin may cut the longer one off before its response has come.
        let _own = timeout(PATIENCE, client.request(post))
            .await
            .expect("in time");

        let others = ask_at_once(&vec![format!("{address}/other"); 8]).await;

        assert_eq!(others, [(200, 4); 8], "{size}");
    }
}

#[tokio::test]
async fn a_client_that_reads_no_response_costs_no_other_client_its_own() {
    let (_, _proxy, address) = start().await;
    for (cache_control, size) in ["max-age=60", "no-store"]
        .into_iter()
        .flat_map(|cache_control| SIZES.map(|size| (cache_control, size)))
    {
        let path = format!("/{cache_control}/{size}");
        let mut idle = Vec::new();
        for _ in 0..20 {
            let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
            let head = head.replace("http://", "");
            idle.push(connect(&address, &head).await);
        }

        let same = ask_at_once(&vec![format!("{address}{path}"); 4]).await;
        let other = ask_at_once(&vec![format!("{address}/{cache_control}/10"); 4]).await;

        assert_eq!(same, [(200, size); 4], "{path}");
        assert_eq!(other, [(200, 10); 4], "{path}");
    }
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
