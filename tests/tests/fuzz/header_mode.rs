//! Random headers of origins and clients in header mode: what may not be stored is not, and no
//! response is taken for another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use isr_layer::{Isr, IsrLayer};
use isr_tests::{Answer, Reply, Seen, Site, ask};
use tower::Layer;

use crate::mutate::Mutator;
use crate::{assert_status, rounds};

const OF_THE_ORIGIN: &[(&str, &[&str])] = &[
    (
        "cache-control",
        &[
            "max-age=60",
            "public, s-maxage=60, stale-while-revalidate=9",
            "no-store",
            "private=\"x\", max-age=60",
            "max-age=0, must-revalidate",
            "max-age=\"60\", no-cache",
            "stale-if-error=9, max-age=1",
        ],
    ),
    (
        "vary",
        &[
            "accept-language",
            "Accept-Encoding, origin",
            "*",
            ",,cookie,",
        ],
    ),
    ("etag", &["\"a\"", "W/\"a-gzip\"", "a"]),
    (
        "last-modified",
        &[
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
        ],
    ),
    ("date", &["Sun, 06 Nov 1994 08:49:37 GMT", "now"]),
    ("expires", &["Sun, 06 Nov 2094 08:49:37 GMT", "0"]),
    ("age", &["5", "5, 6", "-1"]),
    ("cache-status", &["origin; hit", "\"a\"; fwd=miss", "MISS"]),
    ("content-encoding", &["gzip", "identity", "br, gzip"]),
    ("set-cookie", &["id=1"]),
    ("connection", &["close", "etag, x-a"]),
    ("content-length", &["5", "0"]),
    ("warning", &["110 - \"stale\""]),
];

const OF_THE_CLIENT: &[(&str, &[&str])] = &[
    ("accept-language", &["de", "en, de;q=0.5"]),
    ("accept-encoding", &["gzip, br", "identity"]),
    ("authorization", &["Bearer x"]),
    ("cookie", &["id=1"]),
    (
        "cache-control",
        &["no-store", "only-if-cached", "max-age=0", "no-cache"],
    ),
    ("range", &["bytes=0-1"]),
    ("if-none-match", &["\"a\"", "*"]),
    ("host", &["a.example", "a.example:80", "A.EXAMPLE:"]),
    ("connection", &["cookie"]),
];

type Lines = Vec<(&'static str, String)>;

fn some_lines(mutator: &mut Mutator, of: &[(&'static str, &[&str])]) -> Lines {
    let mut lines = Lines::new();
    while !mutator.once_in(4) {
        let (name, values) = *mutator.one(of);
        let value = mutator.text(values);
        if HeaderValue::from_bytes(value.as_bytes()).is_ok_and(|value| value.to_str().is_ok()) {
            lines.push((name, value));
        }
    }
    lines
}

async fn visit(service: &Isr<Site>, path: &str, lines: &Lines) -> Answer {
    let mut request = Request::builder().uri(path);
    for (name, value) in lines {
        request = request.header(HeaderName::from_static(name), value);
    }
    let request = request.body(Full::<Bytes>::default());
    ask(service, request.expect("names and values are valid")).await
}

/// Returns whether the lines of a response plainly say that it may not be stored.
fn forbid(lines: &Lines) -> bool {
    let is_plain = |value: &str| !value.contains(['"', '\\']);
    let has = |wanted: &str, member: &str| {
        let mut values = lines.iter().filter(|(name, _)| *name == wanted);
        values.any(|(_, value)| {
            let mut members = value.split(',').map(str::trim);
            is_plain(value) && members.any(|word| word.eq_ignore_ascii_case(member))
        })
    };
    let sets_cookie = lines.iter().any(|(name, _)| *name == "set-cookie");
    let is_for_one = ["no-store", "no-cache", "private"];
    sets_cookie || has("vary", "*") || is_for_one.iter().any(|word| has("cache-control", word))
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_stored_is_not_whatever_the_headers() {
    let site = Site::new();
    let says = Arc::new(Mutex::new((String::new(), Lines::new())));
    let asked = Arc::new(AtomicUsize::new(0));
    let (script, count) = (says.clone(), asked.clone());
    site.script(move |seen: &Seen, _| {
        let (path, lines) = &*script.lock().expect("no test panics with it");
        // A refresh may still ask for the path of an earlier round.
        count.fetch_add(usize::from(seen.uri.path() == path), Ordering::Relaxed);
        let reply = lines.iter().fold(Reply::page(), |reply, (name, value)| {
            reply.header(name, value)
        });
        reply.into()
    });
    let layer = || {
        IsrLayer::builder()
            .without_registered()
            .cache_by_headers(true)
    };
    let isr = layer()
        .max_memory_bytes(1 << 20)
        .build()
        .expect("nothing contradicts");
    let service = isr.layer(site.clone());
    let mut number = 0_u64;

    rounds(async |mutator| {
        number += 1;
        let path = format!("/{number}");
        let origin = some_lines(mutator, OF_THE_ORIGIN);
        *says.lock().expect("no test panics with it") = (path.clone(), origin.clone());
        let client = some_lines(mutator, OF_THE_CLIENT);
        let input = format!("{origin:?} {client:?}");

        let first = visit(&service, &path, &client).await;
        let between = asked.load(Ordering::Relaxed);
        let other = some_lines(mutator, OF_THE_CLIENT);
        let second = visit(&service, &path, &other).await;

        for answer in [&first, &second] {
            assert_status(answer, &input);
            let is_whole = answer.status == 200;
            assert!(
                !is_whole || answer.text() == format!("{path} v1"),
                "{input}"
            );
        }
        let only_if_cached = second.status == 504;
        if forbid(&origin) && !only_if_cached {
            assert_eq!(
                asked.load(Ordering::Relaxed),
                between + 1,
                "stored: {input} {other:?}"
            );
        }
    })
    .await;
}
