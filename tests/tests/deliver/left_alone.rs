//! Tests which pages get variants: only compressible types above 1 KiB, without `no-transform`.

use isr_layer::Policy;
use isr_tests::{Answer, Reply};

use crate::{A, BROWSER, Stage, only, text};

/// Returns the second response to a browser, for a page with these headers and this body.
async fn answer(headers: &[(&'static str, &str)], body: String) -> Answer {
    let reply = headers.iter().fold(Reply::page(), |reply, (name, value)| {
        reply.header(name, value)
    });
    Stage::warm(A, reply.chunk(body))
        .await
        .get(&only(BROWSER))
        .await
}

async fn encoding_of(content_type: &str) -> String {
    answer(&[("content-type", content_type)], text())
        .await
        .header("content-encoding")
        .to_owned()
}

#[tokio::test]
async fn types_that_get_smaller_are_encoded() {
    for content_type in [
        "text/html",
        "text/html; charset=utf-8",
        "TEXT/HTML",
        "text/css",
        "text/plain",
        "text/javascript",
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/problem+json; charset=utf-8",
        "application/xml",
        "application/rss+xml",
        "application/atom+xml",
        "application/xhtml+xml",
        "application/wasm",
        "image/svg+xml",
    ] {
        assert_eq!(encoding_of(content_type).await, "br", "{content_type}");
    }
}

#[tokio::test]
async fn types_that_are_compressed_already_are_left_alone() {
    for content_type in [
        "image/png",
        "image/jpeg",
        "image/webp",
        "video/mp4",
        "application/zip",
        "application/pdf",
        "application/octet-stream",
        "font/woff2",
        "application/grpc",
        "nonsense",
        "",
    ] {
        assert_eq!(encoding_of(content_type).await, "", "{content_type}");
    }
}

#[tokio::test]
async fn a_page_without_a_type_is_left_alone() {
    let answer = answer(&[], text()).await;

    assert_eq!(
        (answer.header("content-encoding"), answer.header("vary")),
        ("", "")
    );
}

#[tokio::test]
async fn a_body_of_one_kibibyte_is_left_alone_and_one_byte_more_is_encoded() {
    for (length, encoding) in [(0x400, ""), (0x401, "br")] {
        let answer = answer(&[("content-type", "text/plain")], "a".repeat(length)).await;

        assert_eq!(answer.header("content-encoding"), encoding, "{length}");
        assert_eq!(
            answer.headers.contains_key("vary"),
            !encoding.is_empty(),
            "{length}"
        );
    }
}

#[tokio::test]
async fn a_body_with_content_encoding_is_left_alone() {
    let headers = [
        ("content-type", "text/html"),
        ("content-encoding", "zstd"),
        ("etag", "\"mine\""),
    ];
    let answer = answer(&headers, text()).await;

    assert_eq!(
        (answer.header("content-encoding"), answer.header("etag")),
        ("zstd", "\"mine\"")
    );
    assert_eq!(answer.text(), text());
}

#[tokio::test]
async fn no_transform_means_that_nothing_is_encoded() {
    for value in [
        "no-transform",
        "max-age=60, no-transform",
        "max-age=60,No-Transform",
    ] {
        let answer = answer(
            &[("content-type", "text/html"), ("cache-control", value)],
            text(),
        )
        .await;

        assert_eq!(
            (answer.header("content-encoding"), answer.header("vary")),
            ("", ""),
            "{value}"
        );
        assert_eq!(answer.header("cache-control"), value);
    }
}

/// Once, only the first line of `Cache-Control` was read, so a `no-transform` that a middleware had
/// appended was overlooked.
#[tokio::test]
async fn no_transform_counts_on_a_second_line_too() {
    let lines = [
        ("content-type", "text/html"),
        ("cache-control", "max-age=60"),
        ("cache-control", "no-transform"),
    ];
    let answer = answer(&lines, text()).await;

    assert_eq!(answer.header("content-encoding"), "");
}

#[tokio::test]
async fn an_answer_that_is_no_200_is_left_alone() {
    for status in [203, 301, 404, 410] {
        let page = A.with_policy(Policy::new().allow_temporary(true));
        let reply = Reply::status(status)
            .header("content-type", "text/html")
            .chunk(text());

        let answer = Stage::warm(page, reply).await.get(&only(BROWSER)).await;

        assert_eq!(
            (answer.status.as_u16(), answer.header("content-encoding")),
            (status, "")
        );
        assert_eq!(answer.text(), text());
    }
}

#[tokio::test]
async fn an_answer_that_is_not_stored_is_left_alone() {
    let stage = Stage::warm(A, crate::html().header("set-cookie", "id=1")).await;

    let answer = stage.get(&only(BROWSER)).await;

    assert_eq!(
        (answer.header("content-encoding"), answer.header("vary")),
        ("", "")
    );
    assert_eq!(answer.text(), text());
}
