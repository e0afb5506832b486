//! Tests `Cache-Status` for each reason, word by word, on the first response and on the next one.

use isr_layer::{Fallback, IsrLayer, Mode, Policy, Purge, context};
use isr_tests::{Act, Answer, Reply, try_ask};

use crate::status_property::assert_is_rfc_9211;
use crate::{A, Plain, Stage, html, pass, secs, ten_seconds};

/// Returns the `Cache-Status` of two responses, one after the other, on a cold key whose renders do
/// `act`.
async fn cold(act: impl Into<Act>) -> [String; 2] {
    let stage = Stage::new(A.with_policy(Policy::new().timeout(secs(5)).max_body(100)));
    stage.site.act(act);
    let mut told = Vec::new();
    for _ in 0..2 {
        let answer = stage.get(&[]).await;
        assert_is_rfc_9211(&answer);
        told.push(answer.cache_status().to_owned());
    }
    told.try_into().expect("there are two")
}

/// Returns the `Cache-Status` for a page that a purge expired and whose renders do `act`.
async fn kept(act: impl Into<Act>) -> String {
    let stage = Stage::warm(A.with_policy(Policy::new().timeout(secs(5))), html()).await;
    stage.site.act(act);
    let _ = stage
        .isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;
    let answer = stage.get(&[]).await;
    assert_is_rfc_9211(&answer);
    assert_eq!(answer.status, 200);
    answer.cache_status().to_owned()
}

#[tokio::test(start_paused = true)]
async fn failures_without_a_page_are_misses_and_then_remembered() {
    for (act, word) in [
        (Act::from(Reply::status(500)), "failed-status"),
        (Act::Panic, "panic"),
        (Act::Hang, "timeout"),
        (Reply::page().cut().into(), "body-cut"),
        (Reply::page().empty().into(), "empty-body"),
    ] {
        assert_eq!(
            cold(act).await,
            [
                format!("isr; fwd=uri-miss; detail={word}"),
                "isr; hit; detail=backoff".into()
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn failures_with_a_last_good_page_are_stale() {
    for (act, word) in [
        (Act::from(Reply::status(503)), "failed-status"),
        (Act::Panic, "panic"),
        (Act::Hang, "timeout"),
        (Act::Error, "service-error"),
        (Reply::page().cut().into(), "body-cut"),
        (Reply::page().empty().into(), "empty-body"),
    ] {
        assert_eq!(kept(act).await, format!("isr; fwd=stale; detail={word}"));
    }
}

#[tokio::test]
async fn refusals_are_misses_and_then_bypass_the_cache() {
    let header = |name, value| Act::from(Reply::page().header(name, value));
    for (act, word) in [
        (Act::from(Reply::status(201)), "status"),
        (header("set-cookie", "id=1"), "set-cookie"),
        (header("cache-control", "private"), "cache-control"),
        (header("vary", "cookie"), "vary"),
        (Reply::page().chunk("x".repeat(101)).into(), "too-large"),
        (Reply::page().run(context::no_store).into(), "no-store"),
    ] {
        let expected =
            ["uri-miss", "bypass"].map(|forward| format!("isr; fwd={forward}; detail={word}"));
        assert_eq!(cold(act).await, expected);
    }
}

#[tokio::test]
async fn an_answer_of_another_function_was_not_checked_in() {
    let stage = Stage::new(A.__handler("page", "src/main.rs", 1, 1));

    let answer = stage.get(&[]).await;

    assert_eq!(
        answer.cache_status(),
        "isr; fwd=uri-miss; detail=handler-not-run"
    );
    assert_is_rfc_9211(&answer);
}

#[tokio::test]
async fn a_path_outside_params_is_not_in_params() {
    let page =
        isr_layer::Page::new("/{slug}").with_policy(Policy::new().fallback(Fallback::NotFound));
    let isr = IsrLayer::builder()
        .pages([page])
        .params(page.path(), || async { vec!["b"] })
        .build();
    let stage = Stage::of(isr.expect("the page has params"));

    let answer = stage.get(&[]).await;

    assert_eq!(
        (answer.status.as_u16(), answer.cache_status()),
        (404, "isr; fwd=bypass; detail=not-in-params")
    );
    assert_is_rfc_9211(&answer);
}

#[tokio::test(start_paused = true)]
async fn a_stale_page_is_a_hit_that_says_stale_and_during_back_off_says_that() {
    let stage = Stage::warm(ten_seconds(), html()).await;
    stage.site.act(Reply::status(500));
    pass(10).await;

    let first = stage.get(&[]).await;
    stage.drained().await;
    let second = stage.get(&[]).await;

    assert_eq!(first.cache_status(), "isr; hit; ttl=0; detail=stale-time");
    assert_eq!(second.cache_status(), "isr; hit; ttl=0; detail=backoff");
    assert_is_rfc_9211(&second);
}

#[tokio::test(start_paused = true)]
async fn followers_say_that_they_were_collapsed() {
    for (act, leader, follower) in [
        (
            Act::from(html()),
            "isr; fwd=uri-miss; stored",
            "isr; fwd=uri-miss; stored; collapsed",
        ),
        (
            Act::Panic,
            "isr; fwd=uri-miss; detail=panic",
            "isr; fwd=uri-miss; detail=panic; collapsed",
        ),
        (
            Act::Error,
            "",
            "isr; fwd=uri-miss; detail=service-error; collapsed",
        ),
    ] {
        let stage = Stage::new(A);
        stage.site.act(act);
        stage.site.before().close();
        let client = || {
            let service = stage.service.clone();
            tokio::spawn(async move { try_ask(&service, isr_tests::get::<Plain>("/a")).await.ok() })
        };
        let clients = [client(), client()];
        stage.site.before().reached(1).await;
        isr_tests::settle().await;
        stage.site.before().open();

        let mut told = Vec::new();
        for client in clients {
            let answer = client.await.expect("a client is answered");
            answer.iter().for_each(assert_is_rfc_9211);
            told.push(answer.as_ref().map_or("", Answer::cache_status).to_owned());
        }

        assert_eq!(told, [leader, follower]);
    }
}

#[tokio::test]
async fn the_members_of_caches_behind_us_come_first_and_stay_on_hits() {
    let reply = html()
        .header("cache-status", "origin; hit; ttl=3")
        .header("cache-status", "\"mid dle\"; fwd=miss");
    let stage = Stage::warm(A, reply).await;

    for headers in [
        &[][..],
        &[("accept-encoding", "br")],
        &[("if-none-match", "*")],
        &[("range", "bytes=0-0")],
    ] {
        let answer = stage.get(headers).await;

        assert_eq!(
            answer.cache_status(),
            "origin; hit; ttl=3, \"mid dle\"; fwd=miss, isr; hit"
        );
        assert_is_rfc_9211(&answer);
    }
}

#[tokio::test]
async fn the_members_of_caches_behind_us_are_kept_on_answers_that_are_not_stored() {
    let stage = Stage::warm(
        A,
        html()
            .header("set-cookie", "id=1")
            .header("cache-status", "origin; hit"),
    )
    .await;

    assert_eq!(
        stage.get(&[]).await.cache_status(),
        "origin; hit, isr; fwd=bypass; detail=set-cookie"
    );
}

/// Once, an empty line before ours made a list with an empty member, and parsers of RFC 8941 refuse
/// such a list as a whole.
#[tokio::test]
async fn an_empty_line_of_a_cache_behind_us_does_not_spoil_ours() {
    for lines in [
        &[""][..],
        &["  "],
        &["", "origin; hit"],
        &["origin; hit", ""],
        &["origin; hit,"],
    ] {
        let reply = lines
            .iter()
            .fold(html(), |reply, line| reply.header("cache-status", line));
        let answer = Stage::warm(A, reply).await.get(&[]).await;

        assert_is_rfc_9211(&answer);
    }
}

/// One line that does not parse makes the whole field worthless (RFC 9651, 4.2).
#[tokio::test]
async fn a_line_that_does_not_parse_is_left_out_and_the_others_stay() {
    for malformed in [
        "MISS from cache-fra-1",
        "HIT, HIT, \"unfinished",
        "a b",
        "origin; hit; ttl=",
        "origin; hit; Key=1",
        "origin; hit; ttl=1000000000000000",
        "(\"a\"",
        "caf\u{e9}",
        ",, ; x",
    ] {
        for (own, kept) in [(None, ""), (Some("origin; hit"), "origin; hit, ")] {
            for is_stored in [true, false] {
                let lines = own.into_iter().chain([malformed]);
                let reply = lines.fold(html(), |reply, line| reply.header("cache-status", line));
                let stage = Stage::warm(
                    A,
                    match is_stored {
                        true => reply,
                        false => reply.header("set-cookie", "id=1"),
                    },
                )
                .await;

                let answer = stage.get(&[]).await;

                assert_is_rfc_9211(&answer);
                assert!(
                    answer.cache_status().starts_with(&format!("{kept}isr; ")),
                    "{malformed}: {}",
                    answer.cache_status()
                );
            }
        }
    }
}

#[test]
fn a_name_that_is_no_token_is_refused() {
    for name in ["", "1", "a b", "a;b", "caf\u{e9}", "a,b", "\n"] {
        let refused = IsrLayer::builder().pages([A]).cache_name(name).build();

        let message = refused.expect_err(name).to_string();
        assert!(message.contains("`cache_name`"), "{message}");
    }
}
