//! Tests that a body which is not read costs nobody else a response.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::{ask, start, start_proxy};

/// Longest time that a response may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Sizes of bodies that fit and do not fit into the buffers of a connection.
const SIZES: [usize; 2] = [100 * 1024, 8 << 20];

/// The part of the origin that gives bodies of any size.
pub(crate) fn origin() -> Router {
    Router::new().route("/{cache_control}/{size}", get(many))
}

/// Gives as many octets as the path says.
async fn many(Path((cache_control, size)): Path<(String, usize)>) -> impl IntoResponse {
    ([("cache-control", cache_control)], vec![b'a'; size])
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

/// Opens a connection to the proxy and sends octets on it.
pub(crate) async fn connect(address: &str, octets: &str) -> TcpStream {
    let address = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream
        .write_all(octets.as_bytes())
        .await
        .expect("it reads the head");
    stream
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
