//! Tests the examples that RFC 9110 gives itself, as tables.

use isr_tests::Reply;

use crate::{A, Stage, html, only};

const LAST_MODIFIED: &str = "Sat, 29 Oct 1994 19:43:31 GMT";

/// Makes a page of this many bytes.
async fn of_length(length: usize) -> Stage {
    let reply = Reply::page()
        .header("content-type", "image/gif")
        .header("last-modified", LAST_MODIFIED);
    Stage::warm(A, reply.chunk("x".repeat(length))).await
}

#[tokio::test]
async fn entity_tags_8_8_3_2_the_table_of_comparisons() {
    for (stored, asked, strong, weak) in [
        ("W/\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "\"1\"", true, true),
    ] {
        let stage = Stage::warm(A, Reply::page().header("etag", stored)).await;

        let if_match = stage.get(&[("if-match", asked)]).await.status;
        let if_none_match = stage.get(&[("if-none-match", asked)]).await.status;

        assert_eq!(
            if_match,
            if strong { 200 } else { 412 },
            "{stored} and {asked}, strongly"
        );
        assert_eq!(
            if_none_match,
            if weak { 304 } else { 200 },
            "{stored} and {asked}, weakly"
        );
    }
}

#[tokio::test]
async fn entity_tags_8_8_3_3_vary_on_content_negotiated_resources() {
    let stage = Stage::warm(A, html()).await;

    let plain = stage.get(&[]).await;
    let gzip = stage.get(&only("gzip")).await;

    assert_eq!(
        (plain.header("vary"), gzip.header("vary")),
        ("accept-encoding", "accept-encoding")
    );
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert_ne!(plain.header("etag"), gzip.header("etag"));
}

#[tokio::test]
async fn if_match_13_1_1_and_if_none_match_13_1_2() {
    let stage = Stage::warm(A, Reply::page().header("etag", "\"xyzzy\"")).await;

    for (name, value, status) in [
        ("if-match", "\"xyzzy\"", 200),
        ("if-match", "\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\"", 200),
        ("if-match", "*", 200),
        ("if-none-match", "\"xyzzy\"", 304),
        ("if-none-match", "W/\"xyzzy\"", 304),
        (
            "if-none-match",
            "\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\"",
            304,
        ),
        (
            "if-none-match",
            "W/\"xyzzy\", W/\"r2d2xxxx\", W/\"c3piozzzz\"",
            304,
        ),
        ("if-none-match", "*", 304),
    ] {
        assert_eq!(
            stage.get(&[(name, value)]).await.status,
            status,
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn dates_5_6_7_in_if_modified_since_13_1_3_and_if_unmodified_since_13_1_4() {
    let page = |date| Reply::page().header("last-modified", date);
    let stage = Stage::warm(A, page("Sun, 06 Nov 1994 08:49:37 GMT")).await;
    for date in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        assert_eq!(
            stage.get(&[("if-modified-since", date)]).await.status,
            304,
            "{date}"
        );
        assert_eq!(
            stage.get(&[("if-unmodified-since", date)]).await.status,
            200,
            "{date}"
        );
    }

    let later = Stage::warm(A, page("Sun, 30 Oct 1994 00:00:00 GMT")).await;
    assert_eq!(
        later
            .get(&[("if-modified-since", LAST_MODIFIED)])
            .await
            .status,
        200
    );
    assert_eq!(
        later
            .get(&[("if-unmodified-since", LAST_MODIFIED)])
            .await
            .status,
        412
    );
}

#[tokio::test]
async fn byte_ranges_14_1_2_of_ten_thousand_bytes() {
    let stage = of_length(10_000).await;

    for (range, place) in [
        ("bytes=0-499", "bytes 0-499/10000"),
        ("bytes=500-999", "bytes 500-999/10000"),
        ("bytes=-500", "bytes 9500-9999/10000"),
        ("bytes=9500-", "bytes 9500-9999/10000"),
    ] {
        let answer = stage.get(&[("range", range)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-range")),
            (206, place),
            "{range}"
        );
    }
    // A server may ignore several ranges, and we do.
    for range in [
        "bytes=0-0,-1",
        "bytes= 0-999, 4500-5499, -1000",
        "bytes=500-600,601-999",
        "bytes=500-700,601-999",
    ] {
        let answer = stage.get(&[("range", range)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.len()),
            (200, 10_000),
            "{range}"
        );
    }
}

#[tokio::test]
async fn content_range_14_4_of_1234_bytes() {
    let stage = of_length(1234).await;

    for (range, place) in [
        ("bytes=42-1233", "bytes 42-1233/1234"),
        ("bytes=0-499", "bytes 0-499/1234"),
        ("bytes=500-999", "bytes 500-999/1234"),
        ("bytes=500-", "bytes 500-1233/1234"),
        ("bytes=-500", "bytes 734-1233/1234"),
        ("bytes=1234-", "bytes */1234"),
    ] {
        assert_eq!(
            stage.get(&[("range", range)]).await.header("content-range"),
            place,
            "{range}"
        );
    }
}

#[tokio::test]
async fn partial_content_15_3_7_and_range_not_satisfiable_15_5_17_of_47022_bytes() {
    let stage = of_length(47_022).await;

    let part = stage.get(&[("range", "bytes=21010-47021")]).await;
    let none = stage.get(&[("range", "bytes=47022-")]).await;

    assert_eq!((part.status.as_u16(), part.body.len()), (206, 26_012));
    assert_eq!(part.header("content-range"), "bytes 21010-47021/47022");
    assert_eq!(
        (part.header("content-length"), part.header("content-type")),
        ("26012", "image/gif")
    );
    assert_eq!(part.header("last-modified"), LAST_MODIFIED);
    assert_eq!(
        (none.status.as_u16(), none.header("content-range")),
        (416, "bytes */47022")
    );
}

#[tokio::test]
async fn not_modified_15_4_5_has_what_a_200_would_have_had() {
    let set = [
        ("content-location", "/a.html"),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("etag", "\"xyzzy\""),
        ("vary", "accept-encoding"),
        ("cache-control", "max-age=60"),
        ("expires", "Sun, 06 Nov 1994 08:50:37 GMT"),
    ];
    let reply = set
        .iter()
        .fold(html(), |reply, (name, value)| reply.header(name, value));
    let stage = Stage::warm(A, reply).await;

    let answer = stage.get(&[("if-none-match", "\"xyzzy\"")]).await;

    assert_eq!(answer.status, 304);
    for (name, value) in set {
        assert_eq!(answer.header(name), value);
    }
    assert!(
        !answer.headers.contains_key("content-type")
            && !answer.headers.contains_key("content-length")
    );
}
