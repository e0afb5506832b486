//! Tests Range and If-Range on entries (RFC 9110, 14).

use isr_layer::Policy;
use isr_tests::Reply;

use crate::{A, AFTER, BEFORE, DATE, Stage, digits, html, only, text};

const WHOLE: usize = 10_000;

#[tokio::test]
async fn one_range_is_answered_206_with_its_bytes_and_their_place() {
    let stage = Stage::warm(A, digits()).await;

    for (range, body, place) in [
        ("bytes=0-4", "01234", "bytes 0-4/10000"),
        ("bytes=5-5", "5", "bytes 5-5/10000"),
        ("bytes=9995-", "56789", "bytes 9995-9999/10000"),
        ("bytes=-3", "789", "bytes 9997-9999/10000"),
        ("bytes=9998-20000", "89", "bytes 9998-9999/10000"),
        ("BYTES=0-1", "01", "bytes 0-1/10000"),
    ] {
        let answer = stage.get(&[("range", range)]).await;

        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (206, body),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), place);
        assert_eq!(answer.header("content-length"), body.len().to_string());
        assert_eq!(answer.cache_status(), "isr; hit");
    }
}

#[tokio::test]
async fn a_part_has_the_headers_a_whole_page_would_have() {
    let reply = digits()
        .header("last-modified", DATE)
        .header("content-location", "/a.png")
        .header("x-own", "1");
    let stage = Stage::warm(A, reply).await;
    let whole = stage.get(&[]).await;

    let part = stage.get(&[("range", "bytes=0-0")]).await;

    for name in [
        "etag",
        "cache-control",
        "content-type",
        "content-location",
        "last-modified",
        "x-own",
        "age",
    ] {
        assert_eq!(part.header(name), whole.header(name), "{name}");
        assert_ne!(part.header(name), "", "{name}");
    }
}

#[tokio::test]
async fn a_range_that_covers_everything_is_still_a_206() {
    let stage = Stage::warm(A, digits()).await;

    for range in [
        "bytes=0-",
        "bytes=0-9999",
        "bytes=-10000",
        "bytes=-99999",
        "bytes=0-18446744073709551616",
    ] {
        let answer = stage.get(&[("range", range)]).await;

        assert_eq!(
            (answer.status.as_u16(), answer.body.len()),
            (206, WHOLE),
            "{range}"
        );
        assert_eq!(
            answer.header("content-range"),
            "bytes 0-9999/10000",
            "{range}"
        );
    }
}

#[tokio::test]
async fn a_range_behind_the_end_is_answered_416_with_the_length() {
    let stage = Stage::warm(A, digits()).await;

    for range in [
        "bytes=10000-",
        "bytes=10000-10001",
        "bytes=-0",
        "bytes=99999999999999999999999-",
    ] {
        let answer = stage.get(&[("range", range)]).await;

        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (416, ""),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), "bytes */10000");
        assert!(
            !answer.headers.contains_key("content-length")
                && !answer.headers.contains_key("content-type")
        );
    }
}

#[tokio::test]
async fn several_ranges_other_units_and_what_cannot_be_read_get_the_whole_page() {
    let stage = Stage::warm(A, digits()).await;

    for range in [
        "bytes=0-0,-1",
        "bytes=0-0, 2-2",
        "bytes=5-4",
        "bytes=-",
        "bytes=",
        "bytes",
        "bytes=a-b",
        "bytes=1",
        "bytes=-1-2",
        "bytes=0x0-0x1",
        "lines=0-1",
        "",
    ] {
        let answer = stage.get(&[("range", range)]).await;

        assert_eq!(
            (answer.status.as_u16(), answer.body.len()),
            (200, WHOLE),
            "{range}"
        );
        assert!(!answer.headers.contains_key("content-range"), "{range}");
    }
    let two_lines = stage
        .get(&[("range", "bytes=0-0"), ("range", "bytes=1-1")])
        .await;
    assert_eq!(two_lines.status, 200);
}

#[tokio::test]
async fn if_range_gives_the_part_only_of_the_same_page() {
    let reply = digits()
        .header("etag", "\"v1\"")
        .header("last-modified", DATE)
        .header("date", AFTER);
    let stage = Stage::warm(A, reply).await;

    for (condition, status) in [
        ("\"v1\"", 206),
        (DATE, 206),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 200),
        ("\"v2\"", 200),
        ("W/\"v1\"", 200),
        ("\"v1\", \"v2\"", 200),
        ("*", 200),
        ("v1", 200),
        (BEFORE, 200),
        (AFTER, 200),
        ("", 200),
    ] {
        let answer = stage
            .get(&[("range", "bytes=0-0"), ("if-range", condition)])
            .await;

        assert_eq!(answer.status, status, "{condition}");
        assert_eq!(
            answer.body.len(),
            if status == 206 { 1 } else { WHOLE },
            "{condition}"
        );
    }
}

#[tokio::test]
async fn a_weak_tag_never_satisfies_if_range() {
    let stage = Stage::warm(A, digits().header("etag", "W/\"v1\"")).await;

    for condition in ["W/\"v1\"", "\"v1\""] {
        assert_eq!(
            stage
                .get(&[("range", "bytes=0-0"), ("if-range", condition)])
                .await
                .status,
            200
        );
    }
}

/// Once, equal dates were taken for equal pages (RFC 9110, 8.8.2.2): if a page changed twice within
/// a second, a client combined parts of two versions.
#[tokio::test]
async fn if_range_with_a_date_is_true_only_of_a_page_sent_a_second_after_it_was_modified() {
    for (sent, modified, status) in [
        (Some(AFTER), DATE, 206),
        (Some(DATE), DATE, 200),
        (Some(BEFORE), DATE, 200),
        (Some("Sunday, 06-Nov-94 08:49:38 GMT"), DATE, 206),
        (Some("some day"), DATE, 200),
        (None, DATE, 200),
        (Some(AFTER), "yesterday", 200),
    ] {
        let reply = digits().header("last-modified", modified);
        let stage = Stage::warm(
            A,
            sent.into_iter()
                .fold(reply, |reply, date| reply.header("date", date)),
        )
        .await;

        let answer = stage
            .get(&[("range", "bytes=0-0"), ("if-range", modified)])
            .await;

        assert_eq!(answer.status, status, "modified {modified}, sent {sent:?}");
    }
}

#[tokio::test]
async fn several_if_ranges_are_none_that_holds() {
    let stage = Stage::warm(A, digits().header("etag", "\"v1\"")).await;

    for other in ["\"v1\"", "\"v2\""] {
        let headers = [
            ("range", "bytes=0-0"),
            ("if-range", "\"v1\""),
            ("if-range", other),
        ];
        assert_eq!(stage.get(&headers).await.status, 200, "{other}");
    }
}

#[tokio::test]
async fn if_range_on_a_page_without_a_date_is_false_for_any_date() {
    let stage = Stage::warm(A, digits()).await;

    assert_eq!(
        stage
            .get(&[("range", "bytes=0-0"), ("if-range", DATE)])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_unsatisfiable_range_of_another_page_is_no_416() {
    let stage = Stage::warm(A, digits()).await;

    assert_eq!(
        stage
            .get(&[("range", "bytes=99999-"), ("if-range", "\"old\"")])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn if_range_alone_changes_nothing() {
    let stage = Stage::warm(A, digits()).await;

    assert_eq!(stage.get(&[("if-range", "\"old\"")]).await.status, 200);
}

#[tokio::test]
async fn a_part_is_one_of_identitys_bytes_whatever_is_accepted() {
    let stage = Stage::warm(A, html()).await;

    for accept in ["br", "gzip;q=1, identity;q=0.1", "identity;q=0, br"] {
        let answer = stage
            .get(&[("range", "bytes=3-5"), ("accept-encoding", accept)])
            .await;

        assert_eq!(
            (answer.status.as_u16(), answer.header("content-encoding")),
            (206, ""),
            "{accept}"
        );
        assert_eq!(answer.text(), &text()[3..6]);
        assert_eq!(answer.header("etag"), stage.get(&[]).await.header("etag"));
        assert_eq!(answer.header("vary"), "accept-encoding");
    }
}

/// Once, a `Range` that was ignored still cost the client its encoding.
#[tokio::test]
async fn a_range_that_is_ignored_leaves_the_client_its_encoding() {
    let stage = Stage::warm(A, html().header("etag", "\"v1\"")).await;

    for headers in [
        &[("range", "bytes=0-0,-1")][..],
        &[("range", "lines=0-1")],
        &[("range", "bytes=0-0"), ("if-range", "\"v1-br\"")],
        &[("range", "bytes=0-0"), ("if-range", "\"v2\"")],
    ] {
        let headers = [headers, &only("br")].concat();
        let answer = stage.get(&headers).await;

        assert_eq!(
            (answer.status.as_u16(), answer.header("content-encoding")),
            (200, "br"),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn only_a_200_has_parts() {
    for status in [203, 301, 404, 410] {
        let page = A.with_policy(Policy::new().allow_temporary(true));
        let reply = Reply::status(status)
            .header("etag", "\"v1\"")
            .chunk("0123456789");
        let stage = Stage::warm(page, reply).await;

        let answer = stage.get(&[("range", "bytes=0-0")]).await;

        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (status, "0123456789")
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_not_stored_is_sent_whole() {
    let stage = Stage::warm(A, digits().header("set-cookie", "id=1")).await;

    let answer = stage.get(&[("range", "bytes=0-0")]).await;

    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, WHOLE));
}

#[tokio::test]
async fn a_range_on_a_cold_key_does_not_reach_the_handler_and_is_answered_all_the_same() {
    let stage = Stage::new(A);
    stage.site.act(digits());

    let part = stage
        .get(&[("range", "bytes=0-4"), ("if-range", "\"x\"")])
        .await;
    let next = stage.get(&[("range", "bytes=0-4")]).await;

    assert!(stage.site.seen()[0].headers.is_empty());
    assert_eq!((part.status.as_u16(), part.body.len()), (200, WHOLE));
    assert_eq!((next.status.as_u16(), next.text()), (206, "01234"));
}

#[tokio::test]
async fn trailers_do_not_follow_a_part() {
    let stage = Stage::warm(A, digits().trailer("x-checksum", "1")).await;

    assert_eq!(stage.get(&[("range", "bytes=0-0")]).await.trailers, None);
    assert!(stage.get(&[]).await.trailers.is_some());
}

/// A suffix of an empty page is satisfiable (RFC 9110, 14.1.2), but `Content-Range` cannot express
/// it, so the whole page is sent.
#[tokio::test]
async fn an_empty_page_has_no_first_byte_and_an_empty_suffix() {
    let stage = Stage::warm(
        A.with_policy(Policy::new().allow_empty(true)),
        Reply::page().empty(),
    )
    .await;

    for (range, status) in [
        ("bytes=0-", 416),
        ("bytes=0-0", 416),
        ("bytes=-0", 416),
        ("bytes=-5", 200),
    ] {
        let answer = stage.get(&[("range", range)]).await;

        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (status, ""),
            "{range}"
        );
        let place = if status == 416 { "bytes */0" } else { "" };
        assert_eq!(answer.header("content-range"), place, "{range}");
    }
}

/// RFC 9110, 14.3: a client learns that it may ask for parts, and of which representation.
#[tokio::test]
async fn a_page_that_can_be_had_in_parts_says_so() {
    let stage = Stage::warm(A, html()).await;

    for (headers, status, told) in [
        (&[][..], 200, "bytes"),
        (&[("range", "bytes=0-1")], 206, "bytes"),
        (&[("range", "bytes=99999-")], 416, "bytes"),
        (&[("accept-encoding", "br")], 200, ""),
        (&[("if-none-match", "*")], 304, ""),
    ] {
        let answer = stage.get(headers).await;

        assert_eq!(
            (answer.status.as_u16(), answer.header("accept-ranges")),
            (status, told),
            "{headers:?}"
        );
    }
    assert_eq!(stage.head(&[]).await.header("accept-ranges"), "bytes");
}

#[tokio::test]
async fn a_page_that_cannot_be_had_in_parts_does_not_say_so_and_its_handler_may() {
    for reply in [
        Reply::status(404),
        digits().header("accept-ranges", "none"),
        html().header("set-cookie", "id=1"),
    ] {
        let told = Stage::warm(A, reply).await.get(&[]).await;

        assert_ne!(told.header("accept-ranges"), "bytes", "{}", told.status);
    }
}
