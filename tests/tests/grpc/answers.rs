//! Tests which responses of a gRPC service are stored, and which parts of a call the service sees.

use std::io;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use isr_layer::body::RequestBody;
use isr_layer::{IsrLayer, Page, Policy};
use isr_tests::{Act, Answer, Reply, Site, ask};
use proptest::prelude::*;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use crate::frames::framed;

const PATH: &str = "/catalog.v1.Catalog/Get";
const GRPC: &str = "application/grpc";

fn layer() -> IsrLayer {
    const POLICY: Policy = Policy::new().vary(&["x-currency", "accept-language"]);
    let pages = [
        Page::new(PATH).with_policy(POLICY).with_unary(true),
        Page::new("/page"),
    ];
    IsrLayer::builder()
        .without_registered()
        .pages(pages)
        .build()
        .expect("the pages do not contradict each other")
}

fn call(message: &[u8]) -> Request<Full<Bytes>> {
    with_body(Full::new(framed(0, message)))
}

fn with_body<B>(body: B) -> Request<B> {
    Request::post(PATH)
        .header("content-type", GRPC)
        .body(body)
        .expect("it is a request")
}

fn reply() -> Reply {
    Reply::page()
        .header("content-type", GRPC)
        .chunk(framed(0, b"answer"))
}

fn good() -> Reply {
    reply().trailer("grpc-status", "0")
}

/// Sends one call twice to a site that does `act`. Returns the second response and the number of
/// renders.
async fn twice(act: impl Into<Act>) -> (Answer, usize) {
    let site = Site::new();
    site.act(act);
    let service = layer().layer(site.clone());
    ask(&service, call(b"a")).await;
    (ask(&service, call(b"a")).await, site.renders())
}

#[tokio::test]
async fn a_message_with_status_zero_is_stored_with_its_trailers() {
    let (hit, renders) = twice(good()).await;

    assert_eq!(renders, 1);
    assert_eq!(hit.cache_status(), "isr; hit");
    assert_eq!(hit.body, framed(0, b"answer"));
    assert_eq!(
        hit.trailers.expect("it ends with trailers")["grpc-status"],
        "0"
    );
}

#[tokio::test]
async fn a_status_in_the_headers_counts_too() {
    let (hit, renders) = twice(reply().header("grpc-status", "0")).await;

    assert_eq!(renders, 1);
    assert_eq!(hit.header("grpc-status"), "0");
}

#[tokio::test]
async fn what_is_not_one_message_with_status_zero_is_answered_and_not_stored() {
    let status = |status| reply().trailer("grpc-status", status);
    for (what, reply, detail) in [
        ("a status in trailers", status("3"), "backoff"),
        ("no status", reply(), "backoff"),
        (
            "no message",
            Reply::page()
                .empty()
                .header("content-type", GRPC)
                .header("grpc-status", "0"),
            "backoff",
        ),
        (
            "two messages",
            reply().chunk(framed(0, b"b")).trailer("grpc-status", "0"),
            "not-one-message",
        ),
        (
            "a compressed message",
            Reply::page()
                .header("content-type", GRPC)
                .chunk(framed(1, b"c"))
                .trailer("grpc-status", "0"),
            "not-one-message",
        ),
        (
            "another type",
            Reply::page().header("content-type", "text/html"),
            "not-one-message",
        ),
        (
            "another status",
            Reply::status(404).header("content-type", GRPC),
            "status",
        ),
        ("a cookie", good().header("set-cookie", "a=b"), "set-cookie"),
        (
            "private",
            good().header("cache-control", "private"),
            "cache-control",
        ),
    ] {
        let (answer, _) = twice(reply).await;

        let detail = format!("detail={detail}");
        assert!(
            answer.cache_status().ends_with(&detail),
            "{what}: {}",
            answer.cache_status()
        );
    }
}

#[tokio::test]
async fn a_failure_is_answered_with_its_own_message_and_trailers_also_out_of_memory() {
    let (remembered, renders) = twice(reply().trailer("grpc-status", "3")).await;

    assert_eq!(renders, 1);
    assert_eq!(remembered.body, framed(0, b"answer"));
    assert_eq!(
        remembered.trailers.expect("it ends with trailers")["grpc-status"],
        "3"
    );
}

/// `Vary`, `Cache-Control` and `ETag` are about GET. On the response to a call they are the
/// method's own.
#[tokio::test]
async fn nothing_of_get_is_said_of_a_call_that_was_refused_or_failed() {
    for reply in [
        reply().trailer("grpc-status", "5"),
        reply().trailer("grpc-status", "3"),
        reply().chunk(framed(0, b"b")).trailer("grpc-status", "0"),
        good().header("set-cookie", "a=b"),
        reply().cut(),
    ] {
        let (answer, _) = twice(reply).await;

        for name in ["vary", "cache-control", "etag"] {
            assert!(
                !answer.headers.contains_key(name),
                "{name}: {}",
                answer.cache_status()
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_is_a_status() {
    let (answer, _) = twice(reply().cut()).await;

    assert_eq!(
        (answer.status.as_u16(), answer.header("grpc-status")),
        (200, "14")
    );
}

#[tokio::test]
async fn a_service_is_asked_what_is_in_the_key_and_nothing_else() {
    let site = Site::new();
    site.act(good());
    let mut request = call(b"message");
    for (name, value) in [
        ("te", "trailers"),
        ("authorization", "Bearer secret"),
        ("grpc-timeout", "5S"),
        ("grpc-encoding", "gzip"),
        ("grpc-accept-encoding", "gzip"),
        ("user-agent", "tonic"),
        ("x-currency", "EUR"),
    ] {
        request
            .headers_mut()
            .insert(name, value.parse().expect("it is a header"));
    }
    request.extensions_mut().insert("from the connection");

    ask(&layer().layer(site.clone()), request).await;

    let seen = site.seen().remove(0);
    let mut expected = HeaderMap::new();
    for (name, value) in [
        ("content-type", GRPC),
        ("te", "trailers"),
        ("x-currency", "EUR"),
    ] {
        expected.insert(name, value.parse().expect("it is a header"));
    }
    assert_eq!(
        (seen.method.as_str(), seen.uri.to_string().as_str()),
        ("POST", PATH)
    );
    assert_eq!((seen.headers, seen.body), (expected, framed(0, b"message")));
    assert!(seen.extensions.get::<&str>().is_none());
}

#[tokio::test]
async fn metadata_with_a_function_is_keyed_and_seen_by_its_result() {
    const POLICY: Policy = Policy::new().vary(&["accept-language"]);
    let site = Site::new();
    site.act(good());
    let service = IsrLayer::builder()
        .without_registered()
        .pages([Page::new(PATH).with_policy(POLICY).with_unary(true)])
        .vary_by("accept-language", |value| match value {
            "panic" => panic!("told to panic"),
            value if value.starts_with("de") => "de",
            _ => "en",
        })
        .build()
        .expect("all of it is accepted")
        .layer(site.clone());
    let ask_in = async |language: &'static str| {
        let mut call = call(b"a");
        let value = http::HeaderValue::from_static(language);
        call.headers_mut().insert("accept-language", value);
        ask(&service, call).await
    };

    for language in ["de-AT", "de", "fr", "en"] {
        ask_in(language).await;
    }
    let failed = ask_in("panic").await;

    let seen = site.seen().into_iter();
    let languages = seen.map(|seen| seen.headers["accept-language"].clone());
    assert_eq!(languages.collect::<Vec<_>>(), ["de", "en", "panic"]);
    assert_eq!(failed.cache_status(), "");
}

#[tokio::test]
async fn a_key_that_would_be_too_long_makes_it_no_page() {
    let site = Site::new();
    site.act(good());
    let service = layer().layer(site.clone());
    let request = || {
        let mut request = call(&[b'a'; 16 * 1024]);
        request.headers_mut().insert(
            "authorization",
            "Bearer secret".parse().expect("it is a header"),
        );
        request
    };

    let answer = ask(&service, request()).await;

    assert_eq!(answer.cache_status(), "");
    assert_eq!(site.seen().remove(0).headers, *request().headers());
    assert_eq!(site.seen().remove(0).body, framed(0, &[b'a'; 16 * 1024]));
}

#[tokio::test]
async fn a_call_at_a_page_s_path_is_no_page_and_a_get_at_a_method_s_path_neither() {
    let service = layer().layer(Site::new());
    let mut post = call(b"a");
    *post.uri_mut() = "/page".parse().expect("it is a URI");
    let get = Request::get(PATH)
        .body(Full::default())
        .expect("it is a request");

    assert_eq!(ask(&service, post).await.cache_status(), "");
    assert_eq!(ask(&service, get).await.cache_status(), "");
}

#[tokio::test]
async fn a_request_that_fails_midway_is_answered_without_the_service() {
    let site = Site::new();
    let frames = [
        Ok(Frame::data(Bytes::from_static(b"\0\0\0"))),
        Err(io::Error::other("reset")),
    ];
    let body = RequestBody::new(StreamBody::new(tokio_stream::iter(frames)));

    let answer = ask(&layer().layer(site.clone()), with_body(body)).await;

    assert_eq!(answer.header("grpc-status"), "1");
    assert_eq!(site.renders(), 0);
}

#[tokio::test]
async fn a_body_of_any_type_is_put_together_again() {
    let site = Site::new();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-odd", "1".parse().expect("it is a header"));
    let frames = [
        Frame::data(Bytes::from_static(b"\0\0")),
        Frame::data(framed(0, b"").slice(2..)),
        Frame::trailers(trailers.clone()),
    ];
    let body = RequestBody::new(StreamBody::new(tokio_stream::iter(
        frames.map(Ok::<_, io::Error>),
    )));

    ask(&layer().layer(site.clone()), with_body(body)).await;

    let seen = site.seen().remove(0);
    assert_eq!((seen.body, seen.trailers), (framed(0, b""), Some(trailers)));
}

#[tokio::test]
async fn a_hit_gives_its_permit_back() {
    let site = Site::new();
    site.act(good());
    let service = layer().layer(ConcurrencyLimit::new(site, 1));
    ask(&service, call(b"a")).await;

    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut connection = service.clone();
        let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut connection)
            .await
            .expect("it gets ready");
        ready.call(call(b"a")).await.expect("it answers");
        idle.push(connection);
    }

    assert_eq!(
        ask(&service, call(b"b")).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

#[tokio::test]
async fn a_call_whose_message_never_comes_keeps_no_permit_from_others() {
    let site = Site::new();
    site.act(good());
    let service = layer().layer(ConcurrencyLimit::new(site, 1));
    let never = StreamBody::new(tokio_stream::pending::<Result<Frame<Bytes>, io::Error>>());
    let stalled = tokio::spawn(service.clone().oneshot(with_body(RequestBody::new(never))));
    isr_tests::settle().await;

    for status in ["isr; fwd=uri-miss; stored", "isr; hit"] {
        let answer =
            tokio::time::timeout(std::time::Duration::from_secs(5), ask(&service, call(b"b")))
                .await;

        assert_eq!(
            answer
                .expect("it need not wait for a stranger")
                .cache_status(),
            status
        );
    }
    assert!(!stalled.is_finished());
}

/// The service may become ready long after the message was looked up: another request has stored the
/// response meanwhile.
#[tokio::test]
async fn a_call_that_waited_for_the_service_gets_the_response_stored_meanwhile() {
    let site = Site::new();
    site.act(good());
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new(PATH).with_unary(true)])
        .new_keys_per_second(1)
        .build()
        .expect("the page is valid");
    let service = isr.layer(ConcurrencyLimit::new(site.clone(), 1));
    let (send, message) = tokio::sync::mpsc::unbounded_channel();
    let frames = tokio_stream::wrappers::UnboundedReceiverStream::new(message);
    let slow = with_body(RequestBody::new(StreamBody::new(frames)));

    let waiting = tokio::spawn(service.clone().oneshot(slow));
    isr_tests::settle().await;
    site.before().close();
    let leader = tokio::spawn(service.clone().oneshot(call(b"a")));
    site.before().reached(1).await;
    send.send(Ok::<_, io::Error>(Frame::data(framed(0, b"a"))))
        .expect("the body is read");
    drop(send);
    isr_tests::settle().await;
    site.before().open();

    leader.await.expect("no panic").expect("it answers");
    let answer = waiting.await.expect("no panic").expect("it answers");
    assert_eq!(Answer::of(answer).await.cache_status(), "isr; hit");
    assert_eq!(site.renders(), 1);
}

/// A call made of few words, so that many calls are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words {
    message: Vec<u8>,
    subtype: &'static str,
    currency: Option<&'static str>,
    language: Option<&'static str>,
}

impl Words {
    fn any() -> impl Strategy<Value = Self> {
        let word = prop::option::of(prop::sample::select(vec!["", "a", "b", "ab", "\u{1}"]));
        let word = word.prop_map(|word| word.map(|word| if word == "\u{1}" { "2" } else { word }));
        let subtype =
            prop::sample::select(vec![GRPC, "application/grpc+json", "application/grpc+j"]);
        let message = prop::collection::vec(0_u8..3, 0..3);
        (message, subtype, word.clone(), word).prop_map(|(message, subtype, currency, language)| {
            Self {
                message,
                subtype,
                currency,
                language,
            }
        })
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = call(&self.message);
        let declared = [
            ("x-currency", self.currency),
            ("accept-language", self.language),
        ];
        let declared = declared
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        for (name, value) in declared.chain([("content-type", self.subtype)]) {
            request
                .headers_mut()
                .insert(name, value.parse().expect("it is a header"));
        }
        request
    }
}

proptest! {
    #[test]
    fn two_calls_share_an_answer_if_and_only_if_they_ask_the_same(one in Words::any(), other in Words::any()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        let renders = runtime.block_on(async {
            let site = Site::new();
            site.act(good());
            let service = layer().layer(site.clone());
            ask(&service, one.request()).await;
            ask(&service, other.request()).await;
            site.renders()
        });

        prop_assert_eq!(renders == 1, one == other);
    }
}
