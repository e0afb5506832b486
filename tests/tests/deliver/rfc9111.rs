//! Tests the rules of RFC 9111 for stored responses, section by section.

use isr_layer::{Mode, Purge};
use isr_tests::{Answer, Reply};

use crate::{A, BEFORE, DATE, Stage, html, only, pass, ten_seconds, text};

/// Returns whether the second request is a hit if the first response had these headers.
async fn is_stored(headers: &[(&'static str, &str)]) -> bool {
    let reply = headers.iter().fold(Reply::page(), |reply, (name, value)| {
        reply.header(name, value)
    });
    Stage::warm(A, reply).await.get(&[]).await.cache_status() == "isr; hit"
}

#[tokio::test]
async fn storing_3_and_5_2_2_what_the_response_directives_allow() {
    for (value, stored) in [
        ("max-age=60", true),
        ("public", true),
        ("public, max-age=60, s-maxage=10", true),
        ("must-revalidate", true),
        ("no-transform", true),
        ("unknown=\"no-store\"", true),
        ("no-store", false),
        ("No-Store", false),
        ("no-cache", false),
        ("no-cache=\"set-cookie\"", false),
        ("private", false),
        ("private=\"x-user, x-role\"", false),
        ("max-age=60, private", false),
        ("max-age=60,no-store", false),
    ] {
        assert_eq!(
            is_stored(&[("cache-control", value)]).await,
            stored,
            "{value}"
        );
    }
    assert!(
        !is_stored(&[
            ("cache-control", "max-age=60"),
            ("cache-control", "no-store")
        ])
        .await,
        "two lines"
    );
}

#[tokio::test]
async fn hop_by_hop_3_1_fields_of_a_connection_are_not_stored() {
    let reply = html()
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("proxy-authenticate", "Basic");
    let stage = Stage::warm(
        A,
        reply
            .header("transfer-encoding", "chunked")
            .header("keep-alive", "timeout=5"),
    )
    .await;

    for headers in [
        &[][..],
        &only("br"),
        &[("range", "bytes=0-0")],
        &[("if-none-match", "*")],
    ] {
        let answer = stage.get(headers).await;
        for gone in [
            "connection",
            "x-hop",
            "proxy-authenticate",
            "transfer-encoding",
            "keep-alive",
        ] {
            assert!(
                !answer.headers.contains_key(gone),
                "{gone} with {headers:?}"
            );
        }
    }
}

#[tokio::test]
async fn incomplete_3_3_a_cut_or_partial_answer_is_never_stored() {
    for reply in [
        html().cut(),
        html().header("content-length", "99999"),
        Reply::status(206).header("content-range", "bytes 0-1/4"),
    ] {
        let stage = Stage::new(A);
        stage.site.act(reply);
        stage.get(&[]).await;
        stage.site.act(html());
        pass_real(&stage).await;

        assert_eq!(stage.get(&[]).await.text(), text());
    }
}

/// Ends the back-off, as an editor would.
async fn pass_real(stage: &Stage) {
    let _ = stage
        .isr
        .cache()
        .revalidate(isr_layer::Purge::path("/a"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn age_4_2_3_and_5_1_is_on_every_answer_from_the_store() {
    let stage = Stage::warm(ten_seconds(), html()).await;
    pass(7).await;

    for headers in [
        &[][..],
        &only("br"),
        &[("if-none-match", "*")],
        &[("range", "bytes=0-0")],
        &[("range", "bytes=99999-")],
        &[("if-match", "\"other\"")],
    ] {
        let answer = stage.get(headers).await;
        assert_eq!(
            answer.headers.get_all("age").iter().collect::<Vec<_>>(),
            ["7"],
            "{headers:?}"
        );
    }
    assert_eq!(stage.head(&[]).await.header("age"), "7");
}

/// A response with `Age` was not made for the request that it is sent for.
#[tokio::test(start_paused = true)]
async fn age_5_1_is_not_on_a_response_that_was_rendered_for_its_request() {
    let stage = Stage::new(ten_seconds());
    stage.site.act(html());

    for mode in [None, Some(Mode::Expire)] {
        if let Some(mode) = mode {
            let _ = { stage.isr.cache() }
                .revalidate(Purge::path("/a").mode(mode))
                .await;
        }
        let rendered = stage.get(&[]).await;
        let hit = stage.get(&[]).await;

        assert!(rendered.cache_status().ends_with("stored"));
        assert!(!rendered.headers.contains_key("age"), "{mode:?}");
        assert_eq!(hit.header("age"), "0");
    }
}

/// A handler may pass on what another cache kept for a while.
#[tokio::test(start_paused = true)]
async fn age_5_1_of_the_handler_counts_and_its_page_is_fresh_all_the_same() {
    for (own, told) in [
        ("1000", 1000),
        ("1000, 2", 1000),
        ("0", 0),
        ("-1", 0),
        ("old", 0),
        ("99999999999999999999", 1_u64 << 31),
    ] {
        let stage = Stage::new(ten_seconds());
        stage.site.act(html().header("age", own));

        let rendered = stage.get(&[]).await;
        pass(7).await;
        let hit = stage.get(&[]).await;

        let own_age = if told > 0 {
            told.to_string()
        } else {
            String::new()
        };
        assert_eq!(rendered.header("age"), own_age, "{own}");
        assert_eq!(hit.cache_status(), "isr; hit; ttl=3", "{own}");
        assert_eq!(
            hit.header("age"),
            (told + 7).min(1_u64 << 31).to_string(),
            "{own}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn age_5_1_is_not_on_an_answer_that_never_was_in_the_store() {
    let stage = Stage::warm(A, html().header("set-cookie", "id=1")).await;

    assert!(!stage.get(&[]).await.headers.contains_key("age"));
}

/// Returns the response to one condition on a page that is stale by then.
async fn on_stale(condition: (&str, &str)) -> Answer {
    let stage = Stage::warm(
        ten_seconds(),
        html()
            .header("etag", "\"v1\"")
            .header("last-modified", DATE),
    )
    .await;
    pass(11).await;
    stage.get(&[condition]).await
}

#[tokio::test(start_paused = true)]
async fn validating_4_3_2_a_received_condition_is_answered_from_the_store() {
    for (condition, status) in [
        (("if-none-match", "\"v1\""), 304),
        (("if-none-match", "*"), 304),
        (("if-none-match", "\"v0\""), 200),
        (("if-modified-since", DATE), 304),
        (("if-modified-since", BEFORE), 200),
    ] {
        let answer = on_stale(condition).await;

        assert_eq!(answer.status, status, "{condition:?}");
        assert_eq!(answer.cache_status(), "isr; hit; ttl=-1; detail=stale-time");
    }
}

#[tokio::test]
async fn request_directives_5_2_1_force_nothing() {
    let stage = Stage::warm(A, html()).await;

    for directive in [
        "no-cache",
        "no-store",
        "max-age=0",
        "max-stale",
        "min-fresh=1000000",
        "no-transform",
        "only-if-cached",
    ] {
        assert_eq!(
            stage
                .get(&[("cache-control", directive)])
                .await
                .cache_status(),
            "isr; hit",
            "{directive}"
        );
    }
    assert_eq!(
        stage.get(&[("pragma", "no-cache")]).await.cache_status(),
        "isr; hit"
    );
    assert_eq!(stage.site.renders(), 1);
}

#[tokio::test]
async fn no_transform_5_2_2_6_keeps_the_handlers_bytes() {
    let stage = Stage::warm(A, html().header("cache-control", "no-transform")).await;

    assert_eq!(stage.get(&only("br")).await.text(), text());
}

/// Once, a list without members counted as set by the handler: a response that was not stored had
/// no `no-store`, and a page had no `must-revalidate`.
#[tokio::test]
async fn a_cache_control_5_2_without_members_says_nothing() {
    for lines in [&[""][..], &["  "], &[","], &[" , ,\t"], &["", ""]] {
        let said = |reply| {
            lines.iter().fold(reply, |reply: Reply, line| {
                reply.header("cache-control", line)
            })
        };
        let stored = Stage::warm(A, said(html())).await;
        let refused = Stage::warm(A, said(html().header("set-cookie", "id=1"))).await;

        for (stage, expected) in [
            (stored, "public, max-age=0, must-revalidate"),
            (refused, "no-store"),
        ] {
            let answer = stage.get(&[]).await;
            assert_eq!(
                answer
                    .headers
                    .get_all("cache-control")
                    .iter()
                    .collect::<Vec<_>>(),
                [expected]
            );
        }
    }
}

#[tokio::test]
async fn a_cache_control_5_2_with_one_member_on_any_line_is_the_handlers_own() {
    let stage = Stage::warm(
        A,
        html()
            .header("cache-control", "")
            .header("cache-control", ", max-age=7"),
    )
    .await;

    let answer = stage.get(&[]).await;

    assert_eq!(
        answer
            .headers
            .get_all("cache-control")
            .iter()
            .collect::<Vec<_>>(),
        ["", ", max-age=7"]
    );
}

#[tokio::test]
async fn what_is_not_stored_leaves_with_the_handlers_own_words_or_no_store() {
    for (said, expected) in [
        (None, "no-store"),
        (Some("private, max-age=5"), "private, max-age=5"),
    ] {
        let reply = html().header("set-cookie", "id=1");
        let reply = said
            .into_iter()
            .fold(reply, |reply, value| reply.header("cache-control", value));
        let stage = Stage::warm(A, reply).await;

        assert_eq!(stage.get(&[]).await.header("cache-control"), expected);
    }
}
