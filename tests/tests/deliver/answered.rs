//! Tests the section on response headers and delivery of the design, line by line.

use isr_layer::{Mode, Purge};
use isr_tests::{Reply, settle};

use crate::{A, BROWSER, DATE, Stage, digits, html, only, pass, ten_seconds, text};

#[tokio::test(start_paused = true)]
async fn cache_status_is_one_member_for_a_miss_a_hit_a_stale_hit_and_a_bypass() {
    let stage = Stage::new(ten_seconds());
    let mut told = vec![stage.get(&[]).await];
    told.push(stage.get(&[]).await);
    pass(17).await;
    told.push(stage.get(&[]).await);
    stage.drained().await;
    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;
    told.push(stage.get(&[]).await);
    stage.site.act(Reply::page().header("set-cookie", "id=1"));
    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;
    told.push(stage.get(&[]).await);
    told.push(stage.get(&[]).await);

    let told = told
        .iter()
        .map(|answer| answer.cache_status())
        .collect::<Vec<_>>();

    let expected = [
        "isr; fwd=uri-miss; stored",
        "isr; hit; ttl=10",
        "isr; hit; ttl=-7; detail=stale-time",
        "isr; fwd=stale; stored",
        "isr; fwd=stale; detail=set-cookie",
        "isr; fwd=bypass; detail=set-cookie",
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn age_is_seconds_since_the_render_began_in_every_encoding() {
    let stage = Stage::warm(ten_seconds(), html()).await;

    for seconds in [0, 1, 2] {
        for coding in ["identity", "br", "gzip"] {
            assert_eq!(
                stage.get(&only(coding)).await.header("age"),
                seconds.to_string(),
                "{coding}"
            );
        }
        pass(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn age_is_on_a_page_that_is_stale_kept_or_waiting_for_its_back_off() {
    let stage = Stage::new(ten_seconds());
    let mut told = vec![stage.get(&[]).await];
    stage.site.act(Reply::status(500));
    pass(17).await;
    told.push(stage.get(&[]).await);
    stage.drained().await;
    told.push(stage.get(&[]).await);
    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;
    told.push(stage.get(&[]).await);

    let told = told
        .iter()
        .map(|answer| (answer.cache_status(), answer.header("age")))
        .collect::<Vec<_>>();

    let expected = [
        ("isr; fwd=uri-miss; stored", ""),
        ("isr; hit; ttl=-7; detail=stale-time", "17"),
        ("isr; hit; ttl=-7; detail=backoff", "17"),
        ("isr; fwd=stale; detail=failed-status", "17"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn etag_is_strong_made_of_the_body_and_the_encoding() {
    let one = Stage::warm(A, html()).await;
    let same = Stage::warm(A, html().header("x-other", "header")).await;
    let other = Stage::warm(A, html().chunk("more")).await;

    for coding in ["identity", "br", "gzip"] {
        let tag = one.get(&only(coding)).await.header("etag").to_owned();

        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        assert_eq!(
            same.get(&only(coding)).await.header("etag"),
            tag,
            "{coding}"
        );
        assert_ne!(
            other.get(&only(coding)).await.header("etag"),
            tag,
            "{coding}"
        );
    }
}

#[tokio::test]
async fn cache_control_is_the_handlers_own_or_lets_a_purge_be_seen_everywhere_at_once() {
    for (said, expected) in [
        (None, "public, max-age=0, must-revalidate"),
        (Some("max-age=7"), "max-age=7"),
    ] {
        let reply = said
            .into_iter()
            .fold(html(), |reply, value| reply.header("cache-control", value));
        let stage = Stage::warm(A, reply).await;

        for headers in [
            &[][..],
            &only("br"),
            &[("if-none-match", "*")],
            &[("range", "bytes=0-0")],
        ] {
            assert_eq!(
                stage.get(headers).await.header("cache-control"),
                expected,
                "{headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn vary_is_accept_encoding_when_variants_exist() {
    for (reply, expected) in [(html(), "accept-encoding"), (digits(), "")] {
        let stage = Stage::warm(A, reply).await;

        for headers in [&[][..], &only("br"), &[("if-none-match", "*")]] {
            assert_eq!(
                stage.get(headers).await.header("vary"),
                expected,
                "{headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn conditional_requests_are_answered_from_the_entry_without_a_render() {
    let stage = Stage::warm(
        A,
        html()
            .header("etag", "\"v1\"")
            .header("last-modified", DATE),
    )
    .await;

    for (condition, status) in [
        (("if-none-match", "\"v0\", W/\"v1\""), 304),
        (("if-modified-since", DATE), 304),
        (("if-match", "\"v0\""), 412),
    ] {
        assert_eq!(
            stage.get(&[condition]).await.status,
            status,
            "{condition:?}"
        );
    }
    assert_eq!(stage.site.renders(), 1);
}

#[tokio::test]
async fn head_is_get_without_a_body_and_served_from_gets_entry() {
    let stage = Stage::warm(A, html()).await;

    let head = stage.head(&only("br")).await;

    assert_eq!(
        (head.cache_status(), head.text(), stage.site.renders()),
        ("isr; hit", "", 1)
    );
    assert_eq!(
        head.header("content-length"),
        stage.get(&only("br")).await.body.len().to_string()
    );
}

#[tokio::test]
async fn range_is_one_part_of_identity() {
    let stage = Stage::warm(A, html()).await;

    let part = stage
        .get(&[("range", "bytes=-5"), ("accept-encoding", "br")])
        .await;

    assert_eq!(
        (part.status.as_u16(), part.text()),
        (206, &text()[text().len() - 5..])
    );
    assert_eq!(part.header("content-encoding"), "");
}

#[tokio::test]
async fn variants_are_made_after_the_render_and_the_first_answer_does_not_wait() {
    let stage = Stage::new(A);
    // Long enough that no encoder is done before the first response is on its way.
    stage.site.act(html().chunk(text().repeat(100)));

    let first = stage.get(&only(BROWSER)).await;
    stage.drained().await;

    assert_eq!(
        (first.header("content-encoding"), first.header("vary")),
        ("", "accept-encoding")
    );
    assert_eq!(
        stage.get(&only(BROWSER)).await.header("content-encoding"),
        "br"
    );
}

#[tokio::test(start_paused = true)]
async fn a_purge_is_seen_in_every_encoding_form_and_condition_at_once() {
    let stage = Stage::warm(A, html().header("etag", "\"v1\"")).await;
    stage.site.act(
        Reply::page()
            .header("content-type", "text/html")
            .header("etag", "\"v2\"")
            .chunk(text()),
    );

    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;

    assert_eq!(stage.get(&[("if-none-match", "\"v1\"")]).await.status, 200);
    stage.drained().await;
    settle().await;
    assert_eq!(stage.get(&only("br")).await.header("etag"), "\"v2-br\"");
    assert_eq!(
        stage.head(&only("gzip")).await.header("etag"),
        "\"v2-gzip\""
    );
    assert_eq!(
        stage
            .get(&[("range", "bytes=0-0"), ("if-range", "\"v1\"")])
            .await
            .status,
        200
    );
}
