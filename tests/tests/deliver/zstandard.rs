//! Tests the third encoding, of the feature `zstd`: it is made, chosen, named and tagged like the
//! others.

use bytes::Bytes;
use isr_layer::{Mode, Purge};
use isr_tests::Reply;

use crate::{A, Stage, html, only, text};

#[tokio::test]
async fn the_decoded_bytes_are_identitys() {
    let stage = Stage::warm(A, html()).await;

    let answer = stage.get(&only("zstd")).await;

    assert_eq!(
        (answer.header("content-encoding"), answer.header("vary")),
        ("zstd", "accept-encoding")
    );
    assert!(
        answer.body.len() < text().len() / 2,
        "{} bytes",
        answer.body.len()
    );
    assert_eq!(answer.decoded(), text().as_bytes());
    assert_eq!(
        (answer.cache_status(), stage.site.renders()),
        ("isr; hit", 1)
    );
}

#[tokio::test]
async fn it_is_preferred_least_and_wins_by_its_weight() {
    let stage = Stage::warm(A, html()).await;

    for (accept, expected) in [
        ("zstd, gzip, br", "br"),
        ("zstd, gzip", "gzip"),
        ("zstd, br;q=0.9, gzip;q=0.9", "zstd"),
        ("ZSTD;q=0.5, gzip;q=0.4", "zstd"),
        ("br;q=0, gzip;q=0, *", "zstd"),
        ("zstd;q=0, *;q=0.1, identity;q=0", "br"),
        ("zstd;q=0", ""),
    ] {
        let answer = stage.get(&only(accept)).await;

        assert_eq!(answer.header("content-encoding"), expected, "{accept}");
        assert_eq!(answer.decoded(), text().as_bytes(), "{accept}");
    }
}

#[tokio::test]
async fn it_has_a_tag_of_its_own_and_is_answered_304_by_that() {
    let stage = Stage::warm(A, html().header("etag", "\"v1\"")).await;

    let answer = stage.get(&only("zstd")).await;

    assert_eq!(answer.header("etag"), "\"v1-zstd\"");
    for (tag, status) in [("\"v1-zstd\"", 304), ("\"v1\"", 200), ("\"v1-br\"", 200)] {
        let asked = [("accept-encoding", "zstd"), ("if-none-match", tag)];
        assert_eq!(stage.get(&asked).await.status, status, "{tag}");
    }
    assert_eq!(
        stage.head(&only("zstd")).await.header("content-length"),
        answer.body.len().to_string()
    );
}

#[tokio::test]
async fn a_page_of_any_size_comes_back_whole_and_a_regenerated_one_anew() {
    let stage = Stage::warm(A, html()).await;

    for lines in [100, 5_000, 100_000] {
        let body = Bytes::from(
            (0..lines)
                .map(|line| format!("<p>line {line}</p>\n"))
                .collect::<String>(),
        );
        stage.site.act(
            Reply::page()
                .header("content-type", "text/html")
                .chunk(body.clone()),
        );
        let _ = stage
            .isr
            .cache()
            .revalidate(Purge::path("/a").mode(Mode::Regenerate))
            .await;
        stage.drained().await;

        let answer = stage.get(&only("zstd")).await;

        assert_eq!(answer.header("content-encoding"), "zstd", "{lines} lines");
        assert_eq!(answer.decoded(), body, "{lines} lines");
    }
}
