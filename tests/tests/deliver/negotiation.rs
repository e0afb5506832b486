//! Tests the choice of an encoding (RFC 9110, 12.5.3), as tables over `Accept-Encoding`.

use http::Method;
use isr_tests::{Answer, Reply, ask, request};

use crate::{A, BROWSER, Plain, Stage, html, only, text};

async fn assert_table(table: &[(&str, &str)]) {
    let stage = Stage::warm(A, html()).await;
    for (accept, expected) in table {
        let answer = stage.get(&only(accept)).await;

        assert_eq!(answer.status, 200, "{accept:?}");
        assert_eq!(answer.header("content-encoding"), *expected, "{accept:?}");
        assert_eq!(answer.header("vary"), "accept-encoding", "{accept:?}");
        assert_eq!(answer.decoded(), text().as_bytes(), "{accept:?}");
    }
}

#[tokio::test]
async fn the_examples_of_rfc_9110_12_5_3() {
    assert_table(&[
        ("compress, gzip", "gzip"),
        ("", ""),
        ("*", "br"),
        ("compress;q=0.5, gzip;q=1.0", "gzip"),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"),
    ])
    .await;
}

#[tokio::test]
async fn the_highest_weight_wins_and_among_equals_the_smaller() {
    assert_table(&[
        ("gzip, br", "br"),
        ("br;q=0.9, gzip", "gzip"),
        ("br;q=0.001, gzip;q=0.002", "gzip"),
        ("br;q=1.000, gzip;q=1", "br"),
        ("gzip;q=0.5, *;q=0.4", "gzip"),
        ("gzip;q=0.5, *;q=0.6", "br"),
        ("gzip, identity;q=0.5", "gzip"),
        ("gzip;q=0.4, identity;q=0.5", ""),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("*;q=0.5, identity", ""),
    ])
    .await;
}

#[tokio::test]
async fn zero_means_never() {
    assert_table(&[
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.000, gzip;q=0", ""),
        ("br;q=0, *", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0, *;q=0.1", "br"),
        ("*;q=0, gzip", "gzip"),
    ])
    .await;
}

#[tokio::test]
async fn where_nothing_is_acceptable_the_page_is_sent_as_it_is() {
    assert_table(&[
        ("identity;q=0", ""),
        ("*;q=0", ""),
        ("identity;q=0, deflate", ""),
        ("zzz, *;q=0", ""),
    ])
    .await;
}

#[tokio::test]
async fn names_and_weights_have_no_case_and_white_space_is_optional() {
    assert_table(&[
        ("BR", "br"),
        ("GZip ; Q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("\tbr\t,\tgzip\t", "br"),
        (",,br,,", "br"),
        (" , gzip", "gzip"),
    ])
    .await;
}

#[tokio::test]
async fn a_member_that_cannot_be_read_is_ignored() {
    assert_table(&[
        ("br;q=2, gzip", "gzip"),
        ("br;q=0.1234, gzip", "gzip"),
        ("br;q=-1, gzip", "gzip"),
        ("br;q=, gzip", "gzip"),
        ("br;level=9, gzip", "gzip"),
        ("brotli, gzip", "gzip"),
        ("\"br\"", ""),
    ])
    .await;
}

#[tokio::test]
async fn several_lines_are_one_list() {
    let stage = Stage::warm(A, html()).await;

    let answer = stage
        .get(&[("accept-encoding", "br;q=0.1"), ("accept-encoding", "gzip")])
        .await;

    assert_eq!(answer.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn without_the_header_nothing_is_encoded() {
    let stage = Stage::warm(A, html()).await;

    let answer = stage.get(&[]).await;

    assert_eq!(
        (answer.header("content-encoding"), answer.text()),
        ("", text().as_str())
    );
}

#[tokio::test]
async fn accept_encoding_never_reaches_the_handler_and_makes_no_second_render() {
    let stage = Stage::warm(A, html()).await;

    for accept in ["br", "gzip", "identity", "zstd;q=0.3", "nonsense"] {
        let answer: Answer = ask(
            &stage.service,
            request::<Plain>(Method::GET, "/a", &only(accept)),
        )
        .await;
        assert_eq!(answer.cache_status(), "isr; hit");
    }

    assert_eq!(stage.site.renders(), 1);
    assert!(!stage.site.seen()[0].headers.contains_key("accept-encoding"));
}

/// Once, Brotli took all the room that memory has for encodings, and a client without it got the
/// page as it was.
#[tokio::test]
async fn a_page_that_gets_little_smaller_is_encoded_for_every_client_all_the_same() {
    // Each octet of a generator that needs no crate, as two hexadecimal digits: about half is left.
    let mut state = 1_u64;
    let mut octet = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{:02x}", state >> 56)
    };
    let body = (0..1000).map(|_| octet()).collect::<String>();
    let stage = Stage::warm(
        A,
        Reply::page()
            .header("content-type", "text/plain")
            .chunk(body.clone()),
    )
    .await;

    for accepted in ["gzip", BROWSER, "gzip, br"] {
        let answer = stage.get(&only(accepted)).await;

        assert_ne!(answer.header("content-encoding"), "", "{accepted}");
        assert!(answer.body.len() < body.len());
        assert_eq!(answer.decoded(), body.as_bytes());
    }
}
