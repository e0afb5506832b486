//! Serves the pages that `bench/network` puts under load: `serve page|route|stored|compressed
//! <port>`, on one thread.
//!
//! - `page`: a page behind the layer, in the encoding that the client accepts
//! - `route`: equal bytes from a bare axum route, with headers like those of a hit
//! - `stored`: from a route that serves gzip made beforehand
//! - `compressed`: from a route behind tower-http's `CompressionLayer`

use std::io::Write;
use std::net::Ipv4Addr;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderName, HeaderValue};
use isr_layer::{IsrLayer, Page};
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const PATH: &str = "/posts/{slug}";
const HTML: (HeaderName, HeaderValue) = (
    CONTENT_TYPE,
    HeaderValue::from_static("text/html; charset=utf-8"),
);
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    HTML,
    (
        ETAG,
        HeaderValue::from_static("\"0f343b0931126a20f133d67c2b018a3b\""),
    ),
    (AGE, HeaderValue::from_static("7")),
    (
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    ),
    (VARY, HeaderValue::from_static("accept-encoding")),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [what, port] = arguments.as_slice() else {
        return Err("usage: serve page|route|stored|compressed <port>".into());
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    match what.as_str() {
        "page" => {
            let isr = IsrLayer::builder().pages([Page::new(PATH)]).build()?;
            let routes = Router::new().route(PATH, get(async || ([HTML], text())));
            axum::serve(listener, isr.wrap(routes)).await?;
        }
        "route" => axum::serve(listener, route(text())).await?,
        "stored" => {
            let encoded = gzip(&text())?;
            let coding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            let routes = Router::new().route(PATH, get(async move || (HEADERS, coding, encoded)));
            axum::serve(listener, routes).await?;
        }
        "compressed" => axum::serve(listener, route(text()).layer(CompressionLayer::new())).await?,
        other => {
            return Err(format!("{other:?} is none of page, route, stored, compressed").into());
        }
    }
    Ok(())
}

fn gzip(text: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    encoder.finish().map(Bytes::from)
}

fn route(body: Bytes) -> Router {
    Router::new().route(PATH, get(async move || (HEADERS, body)))
}

/// Returns 10 KB of HTML that compresses about as well as usual pages: words in random order.
fn text() -> Bytes {
    const WORDS: [&str; 16] = [
        "<p>",
        "</p>\n",
        "a ",
        "page ",
        "of ",
        "words ",
        "which ",
        "nobody ",
        "will ",
        "ever ",
        "read ",
        "between ",
        "two ",
        "measurements ",
        "of ",
        "time ",
    ];
    let mut state = 1_u32;
    let mut text = String::with_capacity(10 * 1024);
    while text.len() < 10 * 1024 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(WORDS[(state >> 28) as usize]);
    }
    text.truncate(10 * 1024);
    text.into()
}
