//! Random paths, queries and headers for pages: each response is what HTTP and the site say.

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use isr_layer::{IsrLayer, Page, Policy};
use isr_tests::{Answer, Reply, Site, ask};
use tower::Layer;

use crate::mutate::Mutator;
use crate::{assert_status, rounds};

const PAGES: [Page; 3] = [
    Page::new("/").with_policy(Policy::new().tags(&["all"])),
    Page::new("/posts/{slug}").with_policy(Policy::new().query(&["page"])),
    Page::new("/docs/{*rest}").with_policy(Policy::new().vary(&["accept-language"])),
];

const TARGETS: &[&str] = &[
    "/",
    "/posts/a",
    "/posts/a?page=2&utm=x",
    "/posts/caf%C3%A9?page=%20&page=1",
    "/docs/a/b/c",
    "/docs/%E3%81%82",
    "/other",
    "http://example.com/posts/a",
];

const HEADERS: &[(&str, &[&str])] = &[
    (
        "range",
        &[
            "bytes=0-4",
            "bytes=5-",
            "bytes=-3",
            "bytes=0-1,3-4",
            "items=0-1",
        ],
    ),
    (
        "if-range",
        &["\"a\"", "W/\"a\"", "Sun, 06 Nov 1994 08:49:37 GMT"],
    ),
    ("if-none-match", &["*", "\"a\"", "W/\"a\", \"b\""]),
    ("if-match", &["*", "\"a\"", "\"b\", \"c\""]),
    (
        "if-modified-since",
        &["Sun, 06 Nov 1994 08:49:37 GMT", "never"],
    ),
    (
        "if-unmodified-since",
        &["Sun, 06 Nov 1994 08:49:37 GMT", "0"],
    ),
    (
        "accept-encoding",
        &[
            "gzip, deflate, br, zstd",
            "br;q=0.5, *;q=0",
            "identity;q=0",
            "gzip",
        ],
    ),
    ("accept-language", &["de", "en-GB,en;q=0.9", "*"]),
    ("cookie", &["id=1"]),
    ("host", &["example.com", "example.com:80"]),
    (
        "cache-control",
        &["no-store", "only-if-cached", "max-age=0"],
    ),
];

fn body() -> String {
    "<p>a page of some length, which encoders make smaller</p>\n".repeat(50)
}

/// Makes a request of mutated parts; `None` if the parts are none for the type of requests.
fn some_request(mutator: &mut Mutator) -> Option<Request<Full<Bytes>>> {
    let method = match mutator.once_in(8) {
        true => Method::HEAD,
        false => Method::GET,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(mutator.text(TARGETS))
        .body(Full::default())
        .ok()?;
    while !mutator.once_in(3) {
        let (name, values) = mutator.one(HEADERS);
        let value = HeaderValue::from_bytes(mutator.text(values).as_bytes());
        if let Ok(value) = value {
            request.headers_mut().append(*name, value);
        }
    }
    Some(request)
}

/// Checks a response against the body of the whole page.
fn assert_is_http(answer: &Answer, is_head: bool, input: &dyn std::fmt::Debug) {
    let status = answer.status.as_u16();
    let is_empty = answer.body.is_empty();
    match status {
        _ if is_head => assert!(is_empty, "{input:?}"),
        304 | 412 | 416 => assert!(is_empty, "{status} {input:?}"),
        200 => assert_eq!(answer.decoded(), body().as_bytes(), "{input:?}"),
        206 => {
            let range = answer.header("content-range");
            let place = range
                .strip_prefix("bytes ")
                .and_then(|range| range.split_once('/'));
            let (first, last) = place
                .and_then(|(place, _)| place.split_once('-'))
                .expect(range);
            let place = |text: &str| text.parse::<usize>().expect(range);
            assert_eq!(
                &answer.body[..],
                &body().as_bytes()[place(first)..=place(last)],
                "{input:?}"
            );
        }
        status => panic!("{status} {input:?}"),
    }
    if status == 412 || status == 416 {
        assert_eq!(answer.header("cache-control"), "no-store", "{input:?}");
    }
}

#[tokio::test]
async fn any_request_gets_what_http_and_the_site_say() {
    let site = Site::new();
    site.act(
        Reply::page()
            .header("content-type", "text/html")
            .header("etag", "\"a\"")
            .header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")
            .chunk(body()),
    );
    let layer = || IsrLayer::builder().pages(PAGES).max_memory_bytes(1 << 20);
    let isr = layer().build().expect("the pages are distinct");
    let service = isr.layer(site.clone());

    rounds(async |mutator| {
        let Some(request) = some_request(mutator) else {
            return;
        };
        let input = format!("{request:?}");
        let is_head = request.method() == Method::HEAD;

        let answer = ask(&service, request).await;

        assert_status(&answer, &input);
        // A route that is no page responds as it likes.
        if !answer.cache_status().is_empty() {
            assert_is_http(&answer, is_head, &input);
        }
    })
    .await;
}
