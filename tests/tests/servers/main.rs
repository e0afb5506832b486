//! Real servers of Debian behind the layer and in front of it. They send responses that no test
//! would make up. Time is real here: it passes.

#![cfg(unix)]

mod apache;
mod nginx;
mod server;
mod varnish;

use std::io::{Read, Write};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{Method, StatusCode};
use http_body_util::Full;
use isr_layer::{Isr, IsrLayer};
use isr_tests::{Answer, ask, request};
use tower::Layer;

use server::{Directory, Exchange, Forward, Server};

/// The request body of a service without axum.
type Plain = Full<bytes::Bytes>;

/// The content coding that a client reads, as its `Accept-Encoding`.
const GZIP: &str = "gzip";
/// A client without `Accept-Encoding`.
const NONE: &str = "";

/// Number of times that a page is asked for after it has become stale.
const ROUNDS: usize = 4;

/// A real server behind the layer in header mode.
struct Stage {
    server: Server,
    origin: Forward,
    service: Isr<Forward>,
}

impl Stage {
    fn new(server: Server) -> Self {
        let origin = Forward::to(server.address);
        let isr = IsrLayer::builder()
            .cache_by_headers(true)
            .build()
            .expect("there is no page that could contradict itself");
        Self {
            service: isr.layer(origin.clone()),
            server,
            origin,
        }
    }

    /// Sends a GET for a target of one host. `accepted` is [`GZIP`] or [`NONE`].
    async fn visit(&self, host: &str, target: &str, accepted: &str) -> Answer {
        let mut headers = vec![("host", host)];
        if accepted != NONE {
            headers.push(("accept-encoding", accepted));
        }
        let answer = ask(
            &self.service,
            request::<Plain>(Method::GET, target, &headers),
        )
        .await;
        let told = answer.cache_status();
        assert_eq!(answer.status, 200, "{host}{target}: {told}");
        answer
    }

    /// Visits `/page.html` of each host as two clients, of which one reads gzip, and again each
    /// time when it has become stale. All responses have to be whole and right.
    async fn visit_in_rounds(&self, hosts: &[&str]) {
        for round in 0..=ROUNDS {
            if round > 0 {
                become_stale().await;
            }
            for host in hosts {
                for accepted in [GZIP, NONE] {
                    let answer = self.visit(host, "/page.html", accepted).await;

                    let told = answer.cache_status();
                    assert_eq!(
                        answer.header("content-encoding"),
                        accepted,
                        "{host}, round {round}: {told}"
                    );
                    let is_page = decoded(&answer) == page();
                    assert!(is_page, "{host}, round {round}, {accepted:?}: {told}");
                }
            }
        }
    }

    /// Visits a target of a host twice as each of two clients, of which one reads gzip, in this
    /// order. Returns the number of requests that reached the server.
    async fn visit_as_two(&self, host: &str, target: &str, order: [&str; 2]) -> usize {
        let before = self.origin.exchanges(host).len();
        for accepted in [order, order].concat() {
            let answer = self.visit(host, target, accepted).await;

            let told = answer.cache_status();
            let is_page = decoded(&answer) == page();
            assert!(is_page, "{host}{target}, {accepted:?}: {told}");
            // Whatever the layer stored has to be for this client. A server may send anything.
            let is_readable = [NONE, accepted].contains(&answer.header("content-encoding"));
            let is_stored = told.contains("hit") || told.contains("stored");
            assert!(
                is_readable || !is_stored,
                "{host}{target} came encoded to {accepted:?}: {told}"
            );
        }
        self.origin.exchanges(host).len() - before
    }

    /// Writes a file for each host, fetches it, and replaces it in the same second by the content
    /// that is given. The next response that is fetched has to be new.
    async fn replace_within_a_second(&self, hosts: &[(&str, &str)]) {
        let file = |host: &str| format!("html/{host}.html");
        next_second().await;
        let second = unix_time().as_secs();
        let mut dates = Vec::new();
        for (host, _) in hosts {
            self.server.directory.write(&file(host), "one");
            let first = self.visit(host, &format!("/{host}.html"), NONE).await;
            assert_eq!(first.text(), "one", "{host}");
            assert_eq!(first.cache_status(), "isr; fwd=uri-miss; stored", "{host}");
            dates.push(first.header("last-modified").to_owned());
        }
        for (host, replacement) in hosts {
            self.server.directory.write(&file(host), replacement);
        }
        assert_eq!(unix_time().as_secs(), second, "too slow for one second");

        become_stale().await;
        for ((host, replacement), date) in hosts.iter().zip(dates) {
            let target = format!("/{host}.html");
            // By its date the server would confirm the file that was replaced.
            let headers = [("host", *host), ("if-modified-since", date.as_str())];
            let conditional = request::<Plain>(Method::GET, &target, &headers);
            assert_eq!(ask(&self.origin, conditional).await.status, 304, "{host}");

            let newer = self.visit(host, &target, NONE).await;

            let told = newer.cache_status();
            assert_eq!(newer.text(), *replacement, "{host}: {told}");
        }
    }

    /// Returns the number of 304s of a host, and how many of them name another tag than the one
    /// that was asked about.
    fn not_modified(&self, host: &str) -> (usize, usize) {
        let exchanges = self.origin.exchanges(host);
        let all = exchanges
            .iter()
            .filter(|exchange| exchange.status == StatusCode::NOT_MODIFIED);
        let of_another = all.clone().filter(|exchange| names_another_tag(exchange));
        (all.count(), of_another.count())
    }

    /// Returns the number of requests to a host that asked for a change.
    fn conditional(&self, host: &str) -> usize {
        let is_conditional = |exchange: &&Exchange| {
            let asked = &exchange.request;
            asked.contains_key(IF_NONE_MATCH) || asked.contains_key(IF_MODIFIED_SINCE)
        };
        let exchanges = self.origin.exchanges(host);
        exchanges.iter().filter(is_conditional).count()
    }
}

/// Returns whether the tag of a 304 is not the one of the stored response, which the request named.
/// Weak tags count as strong ones do.
fn names_another_tag(exchange: &Exchange) -> bool {
    let opaque = |tag: &http::HeaderValue| {
        let tag = tag.as_bytes();
        tag.strip_prefix(b"W/").unwrap_or(tag).to_vec()
    };
    let named = exchange.response.get(ETAG).map(opaque);
    named.is_some() && named != exchange.request.get(IF_NONE_MATCH).map(opaque)
}

/// Returns a directory with a page of over 1 KB that is old, and the page in gzip.
fn directory_with_page() -> Directory {
    let directory = Directory::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&page()).expect("a vector takes all");
    let encoded = encoder.finish().expect("a vector takes all");
    let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
    for (name, content) in [("html/page.html", page()), ("html/page.html.gz", encoded)] {
        directory.write(name, content);
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(directory.path().join(name))
            .expect("the file was just written");
        file.set_modified(long_ago).expect("the file is ours");
    }
    directory
}

fn page() -> Vec<u8> {
    let lines = (0..200).map(|line| format!("<p>line {line} of the page</p>\n"));
    lines.collect::<String>().into_bytes()
}

/// Returns a body without its content coding.
fn decoded(answer: &Answer) -> Vec<u8> {
    if answer.header("content-encoding") != GZIP {
        return answer.body.to_vec();
    }
    let mut bytes = Vec::new();
    GzDecoder::new(&answer.body[..])
        .read_to_end(&mut bytes)
        .expect("the body is gzip");
    bytes
}

/// Waits until responses with a `max-age` of one second are stale. It is not late in a second then:
/// a `Date` of the second before would make a response too old to be stored.
async fn become_stale() {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    if unix_time().subsec_millis() > 600 {
        next_second().await;
    }
}

/// Waits until a second has just begun.
async fn next_second() {
    let left = 1_050 - u64::from(unix_time().subsec_millis());
    tokio::time::sleep(Duration::from_millis(left)).await;
}

fn unix_time() -> Duration {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is later than 1970")
}
