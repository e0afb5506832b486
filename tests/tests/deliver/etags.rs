//! Tests entity tags: each encoding has one of its own, with a suffix inside the quotes, and weak
//! tags stay weak.

use isr_layer::{Mode, Policy, Purge};
use isr_tests::Reply;

use crate::{A, Stage, html, only};

/// Returns the tags of a page in identity, brotli and gzip.
async fn tags(reply: Reply) -> [String; 3] {
    let stage = Stage::warm(A, reply).await;
    let mut tags = Vec::new();
    for coding in ["identity", "br", "gzip"] {
        let answer = stage.get(&only(coding)).await;
        let expected = if coding == "identity" { "" } else { coding };
        assert_eq!(answer.header("content-encoding"), expected);
        let lines = answer.headers.get_all("etag").iter().collect::<Vec<_>>();
        assert!(lines.len() <= 1, "several tags: {lines:?}");
        tags.push(lines.first().map_or_else(String::new, |tag| {
            String::from_utf8_lossy(tag.as_bytes()).into_owned()
        }));
    }
    tags.try_into().expect("there are three")
}

#[tokio::test]
async fn each_encoding_has_a_strong_tag_of_its_own() {
    let [identity, brotli, gzip] = tags(html()).await;

    let open = identity
        .strip_suffix('"')
        .expect("a tag ends with its quote");
    assert!(open.starts_with('"') && open.len() > 20, "{identity}");
    assert_eq!(brotli, format!("{open}-br\""));
    assert_eq!(gzip, format!("{open}-gzip\""));
}

/// Once, a 203 had no tag, though it is a success and preconditions apply to it.
#[tokio::test]
async fn every_stored_success_has_a_tag_and_other_answers_have_their_handlers_alone() {
    for (status, has_one) in [
        (200, true),
        (203, true),
        (301, false),
        (404, false),
        (410, false),
    ] {
        let page = A.with_policy(Policy::new().allow_temporary(true));
        let silent = Stage::warm(page, Reply::status(status))
            .await
            .get(&[])
            .await;
        let own = Stage::warm(page, Reply::status(status).header("etag", "\"v1\""))
            .await
            .get(&[])
            .await;

        assert!(
            silent.cache_status().starts_with("isr; hit"),
            "{status}: {}",
            silent.cache_status()
        );
        assert_eq!(silent.headers.contains_key("etag"), has_one, "{status}");
        assert_eq!(own.header("etag"), "\"v1\"", "{status}");
    }
}

#[tokio::test]
async fn a_handlers_own_tag_stays_on_identity_and_gets_a_suffix_on_variants() {
    assert_eq!(
        tags(html().header("etag", "\"v1\"")).await,
        ["\"v1\"", "\"v1-br\"", "\"v1-gzip\""]
    );
}

#[tokio::test]
async fn a_weak_tag_stays_weak_and_its_suffix_is_inside_the_quotes() {
    assert_eq!(
        tags(html().header("etag", "W/\"v1\"")).await,
        ["W/\"v1\"", "W/\"v1-br\"", "W/\"v1-gzip\""]
    );
}

#[tokio::test]
async fn an_empty_tag_is_a_tag() {
    assert_eq!(
        tags(html().header("etag", "\"\"")).await,
        ["\"\"", "\"-br\"", "\"-gzip\""]
    );
}

/// Once, an invalid tag, which has no place for a suffix, was sent with each encoding: one
/// validator for three different bodies.
#[tokio::test]
async fn a_tag_that_is_none_is_not_sent_with_a_variant() {
    for broken in ["v1", "\"v1", "v1\"", "W/v1", "\""] {
        assert_eq!(
            tags(html().header("etag", broken)).await,
            [broken, "", ""],
            "{broken}"
        );
    }
}

/// Once, a tag with letters outside ASCII got no suffix either. RFC 9110 allows such tags, and they
/// do match.
#[tokio::test]
async fn a_tag_outside_ascii_gets_a_suffix_too() {
    let stage = Stage::warm(A, html().header("etag", "\"é\"")).await;

    let [identity, brotli] = [
        stage.get(&only("identity")).await,
        stage.get(&only("br")).await,
    ];

    assert_eq!(identity.headers["etag"].as_bytes(), "\"é\"".as_bytes());
    assert_eq!(brotli.headers["etag"].as_bytes(), "\"é-br\"".as_bytes());
    assert_eq!(
        stage
            .get(&[("accept-encoding", "br"), ("if-none-match", "\"é\"")])
            .await
            .status,
        200
    );
    assert_eq!(
        stage
            .get(&[("accept-encoding", "br"), ("if-none-match", "\"é-br\"")])
            .await
            .status,
        304
    );
}

#[tokio::test]
async fn equal_bodies_keep_the_tags_of_all_encodings_over_regenerations() {
    let stage = Stage::warm(A, html()).await;
    let before = [
        stage.get(&only("identity")).await,
        stage.get(&only("br")).await,
    ];

    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Regenerate))
        .await;
    stage.drained().await;
    let after = [
        stage.get(&only("identity")).await,
        stage.get(&only("br")).await,
    ];

    assert_eq!(stage.site.renders(), 2);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.header("etag"), after.header("etag"));
    }
}

#[tokio::test]
async fn if_none_match_with_an_encodings_own_tag_gives_304_and_with_anothers_does_not() {
    let stage = Stage::warm(A, html().header("etag", "\"v1\"")).await;

    for (coding, tag, status) in [
        ("br", "\"v1-br\"", 304),
        ("br", "W/\"v1-br\"", 304),
        ("br", "\"v1\", \"v1-br\"", 304),
        ("br", "*", 304),
        ("br", "\"v1\"", 200),
        ("br", "\"v1-gzip\"", 200),
        ("gzip", "\"v1-gzip\"", 304),
        ("gzip", "\"v1-br\"", 200),
        ("identity", "\"v1\"", 304),
        ("identity", "\"v1-br\"", 200),
    ] {
        let answer = stage
            .get(&[("accept-encoding", coding), ("if-none-match", tag)])
            .await;

        assert_eq!(answer.status, status, "{coding} with {tag}");
        if status == 304 {
            assert_eq!(
                answer.header("etag"),
                stage.get(&only(coding)).await.header("etag")
            );
        }
    }
}

/// A handler's digest of the bytes it sent is wrong for a variant. If it covers the content, it is
/// also wrong for a part.
#[tokio::test]
async fn digests_of_identitys_bytes_are_not_sent_with_a_variant() {
    const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];
    let reply = DIGESTS
        .iter()
        .fold(html(), |reply, name| reply.header(name, "sha-256=:AAAA=:"));
    let stage = Stage::warm(A, reply).await;

    for name in DIGESTS {
        assert!(
            stage
                .get(&only("identity"))
                .await
                .headers
                .contains_key(name),
            "{name} on identity"
        );
        assert!(
            !stage.get(&only("br")).await.headers.contains_key(name),
            "{name} on br"
        );
    }
    let part = stage.get(&[("range", "bytes=0-9")]).await;
    assert!(
        part.headers.contains_key("repr-digest"),
        "it is about the whole representation"
    );
    assert!(
        !part.headers.contains_key("content-digest") && !part.headers.contains_key("content-md5")
    );
}
