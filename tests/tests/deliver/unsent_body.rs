//! Tests that the response to HEAD is that to GET without its body, whatever GET gets.

use http::{HeaderMap, Method};
use isr_layer::Policy;
use isr_tests::{Answer, Reply};

use crate::{A, BROWSER, DATE, Stage, digits, html, only, pass, ten_seconds};

/// Returns the headers without `content-length`, which a server makes from the body of a GET.
fn comparable(answer: &Answer) -> HeaderMap {
    let mut headers = answer.headers.clone();
    headers.remove("content-length");
    headers
}

/// Asserts that HEAD and GET have equal headers, and that HEAD states the length of GET's body.
async fn assert_head_is_get(stage: &Stage, headers: &[(&str, &str)]) {
    let get = stage.get(headers).await;
    let head = stage.head(headers).await;

    assert_eq!(head.status, get.status, "{headers:?}");
    assert_eq!(comparable(&head), comparable(&get), "{headers:?}");
    assert!(head.body.is_empty(), "{headers:?}");
    if !matches!(get.status.as_u16(), 304 | 412) {
        assert_eq!(
            head.header("content-length"),
            get.body.len().to_string(),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn head_of_each_encoding_has_that_encodings_headers_and_length() {
    let stage = Stage::warm(A, html()).await;

    for coding in ["identity", "br", "gzip", BROWSER, "identity;q=0"] {
        assert_head_is_get(&stage, &only(coding)).await;
    }
    assert_eq!(
        stage.head(&only("br")).await.header("content-encoding"),
        "br"
    );
}

#[tokio::test]
async fn head_with_conditions_is_gets_answer() {
    let stage = Stage::warm(
        A,
        html()
            .header("etag", "\"v1\"")
            .header("last-modified", DATE),
    )
    .await;

    for headers in [
        &[("if-none-match", "\"v1\"")][..],
        &[("if-none-match", "\"v1-br\""), ("accept-encoding", "br")],
        &[("if-modified-since", DATE)],
        &[("if-match", "\"v0\"")],
        &[("if-match", "\"v1\"")],
    ] {
        assert_head_is_get(&stage, headers).await;
    }
}

#[tokio::test]
async fn head_ignores_range() {
    let stage = Stage::warm(A, digits()).await;

    for range in ["bytes=0-0", "bytes=99999-", "bytes=-5"] {
        let answer = stage.head(&[("range", range)]).await;

        assert_eq!(
            (answer.status.as_u16(), answer.header("content-length")),
            (200, "10000"),
            "{range}"
        );
        assert!(!answer.headers.contains_key("content-range"), "{range}");
    }
}

/// `Range` is defined for GET alone (RFC 9110, 14.2). Once, a HEAD with a `Range` lost its
/// encoding.
#[tokio::test]
async fn head_with_a_range_has_the_encoding_it_accepts() {
    let stage = Stage::warm(A, html()).await;
    let plain = stage.head(&only("br")).await;

    let ranged = stage
        .head(&[("accept-encoding", "br"), ("range", "bytes=0-0")])
        .await;

    assert_eq!(ranged, plain);
}

#[tokio::test]
async fn head_of_every_status_that_is_stored_is_gets_answer() {
    for status in [200, 203, 301, 302, 307, 308, 404, 410] {
        let page = A.with_policy(Policy::new().allow_temporary(true));
        let stage = Stage::warm(page, Reply::status(status).header("location", "/b")).await;

        assert_head_is_get(&stage, &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn head_of_an_answer_that_is_not_stored_is_gets_answer() {
    for reply in [
        html().header("set-cookie", "id=1"),
        Reply::status(403),
        Reply::status(500),
        Reply::status(204).empty(),
    ] {
        let stages = [Stage::new(A), Stage::new(A)];
        stages
            .iter()
            .for_each(|stage| stage.site.act(reply.clone()));

        let get = stages[0].get(&[]).await;
        let head = stages[1].head(&[]).await;

        assert_eq!((head.status, head.text()), (get.status, ""));
        assert_eq!(comparable(&head), comparable(&get), "{}", get.status);
    }
}

#[tokio::test]
async fn a_length_the_handler_gave_for_an_unstored_answer_stays() {
    let stage = Stage::new(A.with_policy(Policy::new().max_body(10)));
    stage.site.act(
        Reply::page()
            .header("content-length", "20")
            .chunk("0123456789")
            .chunk("0123456789"),
    );

    let head = stage.head(&[]).await;

    assert_eq!((head.header("content-length"), head.text()), ("20", ""));
}

#[tokio::test(start_paused = true)]
async fn head_of_a_stale_page_is_answered_at_once_and_refreshes_it() {
    let stage = Stage::warm(ten_seconds(), html()).await;
    pass(11).await;

    let head = stage.head(&only("br")).await;
    stage.drained().await;

    assert_eq!(
        (head.header("content-encoding"), head.header("age")),
        ("br", "11")
    );
    assert_eq!(stage.site.renders(), 2);
}

#[tokio::test]
async fn head_never_creates_an_empty_get() {
    let stage = Stage::new(A);
    stage.site.act(html());

    let head = stage.head(&[]).await;
    let get = stage.get(&[]).await;

    assert_eq!(head.text(), "");
    assert_eq!(get.text(), crate::text());
    assert_eq!(stage.site.seen()[0].method, Method::GET);
    assert_eq!(stage.site.renders(), 1);
}

#[tokio::test]
async fn trailers_do_not_follow_a_head() {
    let stage = Stage::warm(A, html().trailer("x-checksum", "1")).await;

    assert_eq!(stage.head(&[]).await.trailers, None);
}
