//! Tests that `Vary` names all headers that a response was chosen by, on every response that could
//! have been chosen.

use isr_layer::{IsrLayer, Page, Policy, context};
use isr_tests::{Act, Reply};

use crate::{A, Stage, html, only};

const BY_LANGUAGE_POLICY: Policy = Policy::new().vary(&["accept-language", "x-theme"]);
const BY_LANGUAGE: Page = A.with_policy(BY_LANGUAGE_POLICY);

#[tokio::test]
async fn a_page_with_variants_says_so_on_the_first_answer_on_identity_and_on_each_variant() {
    let stage = Stage::new(A);
    stage.site.act(html());

    let first = stage.get(&[]).await;
    stage.drained().await;

    assert_eq!(first.header("vary"), "accept-encoding");
    for coding in ["identity", "br", "gzip"] {
        assert_eq!(
            stage.get(&only(coding)).await.header("vary"),
            "accept-encoding",
            "{coding}"
        );
    }
    assert_eq!(
        stage.head(&only("br")).await.header("vary"),
        "accept-encoding"
    );
}

#[tokio::test]
async fn vary_is_on_every_kind_of_answer() {
    let stage = Stage::warm(BY_LANGUAGE, html().header("etag", "\"v1\"")).await;

    for (headers, status) in [
        (&[("if-none-match", "\"v1\"")][..], 304),
        (
            &[("accept-encoding", "br"), ("if-none-match", "\"v1-br\"")],
            304,
        ),
        (&[("range", "bytes=0-9")], 206),
        (&[("range", "bytes=999999-")], 416),
        (&[("if-match", "\"v2\"")], 412),
    ] {
        let answer = stage.get(headers).await;

        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("vary"),
            "accept-language, x-theme, accept-encoding",
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_page_without_variants_does_not_vary() {
    let stage = Stage::warm(A, Reply::page()).await;

    for headers in [&[][..], &only("br"), &[("if-none-match", "*")]] {
        assert!(!stage.get(headers).await.headers.contains_key("vary"));
    }
}

#[tokio::test]
async fn the_declared_headers_are_listed_also_when_the_client_sent_none_of_them() {
    for status in [200, 301, 404] {
        let stage = Stage::warm(BY_LANGUAGE, Reply::status(status)).await;

        assert_eq!(
            stage.get(&[]).await.header("vary"),
            "accept-language, x-theme",
            "{status}"
        );
    }
}

#[tokio::test]
async fn what_the_handler_said_comes_first_and_nothing_is_named_twice() {
    for (said, expected) in [
        (
            "Accept-Language",
            "Accept-Language, x-theme, accept-encoding",
        ),
        (
            "X-Theme, accept-language",
            "X-Theme, accept-language, accept-encoding",
        ),
        (
            "Accept-Encoding",
            "Accept-Encoding, accept-language, x-theme",
        ),
        (
            "accept-encoding,x-theme,accept-language",
            "accept-encoding,x-theme,accept-language",
        ),
    ] {
        let stage = Stage::warm(BY_LANGUAGE, html().header("vary", said)).await;

        assert_eq!(stage.get(&[]).await.header("vary"), expected, "{said}");
    }
}

/// Once, a page that declares `accept-encoding` itself had it twice in `Vary`.
#[tokio::test]
async fn a_page_that_declares_accept_encoding_names_it_once() {
    let stage = Stage::warm(
        A.with_policy(Policy::new().vary(&["accept-encoding"])),
        html(),
    )
    .await;

    assert_eq!(stage.get(&[]).await.header("vary"), "accept-encoding");
}

/// Once, a response that was not stored did not name the headers it was made from. If it said
/// `public`, a cache in front served the page in one language to all clients.
#[tokio::test(start_paused = true)]
async fn the_declared_headers_are_listed_on_answers_that_are_not_stored() {
    let page = BY_LANGUAGE.with_policy(BY_LANGUAGE_POLICY.max_body(100));
    for act in [
        Act::from(html()),
        Reply::page()
            .header("set-cookie", "id=1")
            .header("cache-control", "public, s-maxage=60")
            .into(),
        Reply::page().header("cache-control", "private").into(),
        Reply::page().run(context::no_store).into(),
        Reply::status(201).into(),
        Reply::status(403).into(),
        Reply::status(500).into(),
        Reply::page().empty().into(),
        Reply::page().cut().into(),
        Act::Panic,
        Act::Hang,
    ] {
        let what = format!("{act:?}");
        let stage = Stage::new(page);
        stage.site.act(act);

        // The first response was made for its client. The next ones are remembered, or made for
        // their client alone.
        for answer in [
            stage.get(&[]).await,
            stage.get(&[]).await,
            stage.head(&[]).await,
        ] {
            assert_eq!(
                answer.header("vary"),
                "accept-language, x-theme",
                "{what}: {}",
                answer.cache_status()
            );
        }
    }
}

#[tokio::test]
async fn what_the_handler_said_comes_first_on_answers_that_are_not_stored_too() {
    for (said, expected) in [
        ("Cookie", "Cookie, accept-language, x-theme"),
        ("cookie, X-THEME", "cookie, X-THEME, accept-language"),
        ("*", "*"),
        ("cookie, *", "cookie, *"),
    ] {
        let stage = Stage::warm(BY_LANGUAGE, html().header("vary", said)).await;

        assert_eq!(stage.get(&[]).await.header("vary"), expected, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_of_new_keys_an_answer_says_what_it_varies_on() {
    let isr = IsrLayer::builder()
        .pages([BY_LANGUAGE])
        .new_keys_per_second(1)
        .build();
    let stage = Stage::of(isr.expect("the page is accepted"));
    stage.get(&[("accept-language", "de")]).await;

    let answer = stage.get(&[]).await;

    assert_eq!(
        answer.cache_status(),
        "isr; fwd=uri-miss; detail=new-key-limit"
    );
    assert_eq!(answer.header("vary"), "accept-language, x-theme");
}

#[tokio::test]
async fn what_another_function_answered_at_the_pages_path_varies_on_nothing_of_the_pages() {
    let stage = Stage::new(BY_LANGUAGE.__handler("page", "src/main.rs", 1, 1));

    for _ in 0..2 {
        let answer = stage.get(&[]).await;
        assert!(
            answer.cache_status().ends_with("handler-not-run")
                && !answer.headers.contains_key("vary")
        );
    }
}
