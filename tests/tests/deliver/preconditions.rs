//! Tests If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since, each alone (RFC 9110,
//! 13.1).

use isr_layer::{Downstream, IsrLayer, Policy};
use isr_tests::Reply;

use crate::{A, AFTER, BEFORE, DATE, Stage, digits, html, ten_seconds};

/// Makes a page whose validators are `"v1"` and the example date.
async fn stage() -> Stage {
    Stage::warm(
        A,
        digits()
            .header("etag", "\"v1\"")
            .header("last-modified", DATE),
    )
    .await
}

async fn assert_table(name: &str, table: &[(&str, u16)]) {
    let stage = stage().await;
    for (value, status) in table {
        let answer = stage.get(&[(name, value)]).await;

        assert_eq!(answer.status, *status, "{name}: {value}");
        assert_eq!(answer.body.is_empty(), *status != 200, "{name}: {value}");
        assert_eq!(
            stage.head(&[(name, value)]).await.status,
            *status,
            "HEAD with {name}: {value}"
        );
    }
}

#[tokio::test]
async fn if_match_compares_strongly() {
    let table = [
        ("\"v1\"", 200),
        ("\"v0\", \"v1\"", 200),
        ("\"v0\" ,\"v1\"", 200),
        ("*", 200),
        (" * ", 200),
        ("\"v0\"", 412),
        ("W/\"v1\"", 412),
        ("v1", 412),
        ("\"v\"", 412),
        ("\"a, \\\"v1\"", 412),
        ("", 412),
    ];
    assert_table("if-match", &table).await;
}

#[tokio::test]
async fn if_none_match_compares_weakly() {
    let table = [
        ("\"v1\"", 304),
        ("W/\"v1\"", 304),
        ("\"v0\", W/\"v1\"", 304),
        ("\"v0\",\"v1\",\"v2\"", 304),
        ("*", 304),
        ("\"v0\"", 200),
        ("v1", 200),
        ("\"V1\"", 200),
        ("\"v1", 200),
        ("", 200),
    ];
    assert_table("if-none-match", &table).await;
}

#[tokio::test]
async fn if_modified_since_reads_all_three_formats_and_ignores_what_is_no_date() {
    let table = [
        (DATE, 304),
        (AFTER, 304),
        (BEFORE, 200),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("Sun Nov  6 08:49:37 1994", 304),
        ("yesterday", 200),
        ("0", 200),
        ("", 200),
    ];
    assert_table("if-modified-since", &table).await;
}

#[tokio::test]
async fn if_unmodified_since_reads_all_three_formats_and_ignores_what_is_no_date() {
    let table = [
        (DATE, 200),
        (AFTER, 200),
        (BEFORE, 412),
        ("Sunday, 06-Nov-94 08:49:36 GMT", 412),
        ("Sun Nov  6 08:49:36 1994", 412),
        ("yesterday", 200),
        ("", 200),
    ];
    assert_table("if-unmodified-since", &table).await;
}

#[tokio::test]
async fn a_page_without_a_date_counts_as_modified_and_as_unmodified_both() {
    let stage = Stage::warm(A, digits()).await;

    assert_eq!(stage.get(&[("if-modified-since", DATE)]).await.status, 200);
    assert_eq!(
        stage.get(&[("if-unmodified-since", DATE)]).await.status,
        200
    );
}

#[tokio::test]
async fn a_page_whose_tag_is_weak_is_never_the_one_that_if_match_names() {
    let stage = Stage::warm(A, digits().header("etag", "W/\"v1\"")).await;

    for (value, status) in [("W/\"v1\"", 412), ("\"v1\"", 412), ("*", 200)] {
        assert_eq!(
            stage.get(&[("if-match", value)]).await.status,
            status,
            "{value}"
        );
    }
    assert_eq!(stage.get(&[("if-none-match", "\"v1\"")]).await.status, 304);
}

#[tokio::test]
async fn if_match_is_about_the_encoding_the_client_would_get() {
    let stage = Stage::warm(A, html().header("etag", "\"v1\"")).await;

    for (coding, tag, status) in [
        ("br", "\"v1-br\"", 200),
        ("br", "\"v1\"", 412),
        ("identity", "\"v1\"", 200),
        ("gzip", "\"v1-br\"", 412),
    ] {
        let answer = stage
            .get(&[("accept-encoding", coding), ("if-match", tag)])
            .await;

        assert_eq!(answer.status, status, "{coding} with {tag}");
    }
}

#[tokio::test]
async fn a_412_has_no_body_and_nothing_that_describes_one() {
    let answer = stage().await.get(&[("if-match", "\"v0\"")]).await;

    assert_eq!((answer.status.as_u16(), answer.text()), (412, ""));
    for gone in [
        "content-type",
        "content-length",
        "content-range",
        "content-encoding",
    ] {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(answer.header("etag"), "\"v1\"");
    assert_eq!(answer.cache_status(), "isr; hit");
}

/// Once, a 412 or a 416 had the page's own `Cache-Control`. A shared cache in front of us that
/// forwards conditions could keep a response that one client had provoked, and serve it to all
/// clients (RFC 9111, 3: any final status with explicit freshness may be stored).
#[tokio::test]
async fn a_412_and_a_416_that_a_stranger_provoked_invite_nobody_to_store_them() {
    let reply = digits()
        .header("cache-control", "public, s-maxage=3600")
        .header("expires", AFTER);
    let stage = Stage::warm(A, reply).await;

    for headers in [[("if-match", "\"other\"")], [("range", "bytes=10000-")]] {
        let answer = stage.get(&headers).await;

        assert!(answer.status.is_client_error());
        assert_eq!(answer.header("cache-control"), "no-store", "{headers:?}");
        assert!(!answer.headers.contains_key("expires"), "{headers:?}");
    }
    assert_eq!(
        stage.get(&[]).await.header("cache-control"),
        "public, s-maxage=3600"
    );
}

#[tokio::test]
async fn a_412_and_a_416_offer_a_cdn_nothing() {
    for downstream in [Downstream::cdn(), Downstream::cdn().cdn_cache_control(true)] {
        let isr = IsrLayer::builder()
            .pages([ten_seconds()])
            .downstream(downstream)
            .build();
        let stage = Stage::of(isr.expect("the page is accepted"));
        stage.site.act(digits());
        let said = stage.get(&[]).await;
        assert!(
            [
                said.header("cache-control"),
                said.header("cdn-cache-control")
            ]
            .concat()
            .contains("age=10")
        );

        for headers in [[("if-match", "\"other\"")], [("range", "bytes=10000-")]] {
            let answer = stage.get(&headers).await;

            assert_eq!(answer.header("cache-control"), "no-store", "{headers:?}");
            assert!(
                !answer.headers.contains_key("cdn-cache-control"),
                "{headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn preconditions_are_ignored_where_the_answer_is_no_success() {
    for status in [301, 404, 410] {
        let stage = Stage::warm(
            A,
            Reply::status(status)
                .header("etag", "\"v1\"")
                .header("last-modified", DATE),
        )
        .await;

        for condition in [
            ("if-match", "\"v0\""),
            ("if-unmodified-since", BEFORE),
            ("if-none-match", "*"),
        ] {
            assert_eq!(
                stage.get(&[condition]).await.status,
                status,
                "{condition:?}"
            );
        }
    }
}

/// Once, preconditions were evaluated for a 200 only. A stored 203 is a success too (RFC 9110,
/// 13.2.1).
#[tokio::test]
async fn a_203_is_a_success_and_has_its_preconditions_evaluated() {
    let page = A.with_policy(Policy::new().allow_temporary(true));
    let stage = Stage::warm(page, Reply::status(203).header("etag", "\"v1\"")).await;

    for (condition, status) in [
        (("if-none-match", "\"v1\""), 304),
        (("if-none-match", "\"v0\""), 203),
        (("if-match", "\"v0\""), 412),
        (("if-match", "\"v1\""), 203),
    ] {
        assert_eq!(
            stage.get(&[condition]).await.status,
            status,
            "{condition:?}"
        );
    }
}

#[tokio::test]
async fn preconditions_are_ignored_on_an_answer_that_is_not_stored() {
    let stage = Stage::warm(
        A,
        digits()
            .header("etag", "\"v1\"")
            .header("set-cookie", "id=1"),
    )
    .await;

    for condition in [("if-none-match", "\"v1\""), ("if-match", "\"v0\"")] {
        assert_eq!(stage.get(&[condition]).await.status, 200, "{condition:?}");
    }
}
