//! Tests JSON as content systems really write it: halves of characters, a byte order mark, and rich
//! text in many levels.

use isr_layer::webhook::Webhook;
use serde_json::{Value, json as value};

use crate::call::{Call, json};
use crate::stand::{Stand, bearer};

async fn hooked(webhook: Webhook) -> Stand {
    Stand::set(bearer(), |service| {
        service.webhook(webhook).expect("its templates are right")
    })
    .await
}

fn receipts(answer: &Value) -> &[Value] {
    answer["receipts"].as_array().expect("an array")
}

/// Returns the tags of all receipts with a status.
fn tags<'a>(answer: &'a Value, status: &str) -> Vec<&'a str> {
    let with = receipts(answer)
        .iter()
        .filter(|one| one["status"] == status);
    with.map(|one| one["tag"].as_str().expect("a tag"))
        .collect()
}

/// Ghost cuts an excerpt after 500 UTF-16 units, and so through an emoji.
#[tokio::test]
async fn half_an_emoji_in_an_excerpt_does_not_cost_ghost_its_purge() {
    let stand = hooked(Webhook::ghost()).await;

    for excerpt in [
        r"\ud83d",
        r"\uD83D",
        r"\ude00",
        r"cut \ud83d here",
        r"\ud83d\ud83d\ude00",
        r"\ud83d\n",
        r"\ud83d\u0041",
        r"\ud83d\\ude00",
        r"\ude00\ud83d",
        r"\ud83d\ude00\ud83d",
    ] {
        let body = format!(
            r#"{{"post": {{"current": {{"slug": "a", "custom_excerpt": "{excerpt}",
                "meta": [{{"deep": ["{excerpt}"]}}], "{excerpt}": 1}}, "previous": {{}}}}}}"#
        );
        let answer = stand.revalidate(body).await;

        assert_eq!(tags(&answer, "marked"), ["post", "post:a"], "{excerpt}");
        assert_eq!(answer["revalidated"], true, "{excerpt}");
    }
}

#[tokio::test]
async fn only_a_selector_made_of_half_an_emoji_is_refused_and_by_name() {
    let stand = Stand::new().await;

    for (body, field) in [
        (r#"{"tags": ["posts", "a\ud83d"]}"#, "tag"),
        (r#"{"tags": ["posts", "\ude00a"]}"#, "tag"),
        (r#"{"tag": "posts", "path": "/posts/\ud83d"}"#, "path"),
        (r#"{"tag": "posts", "prefix": "/\ud83d/"}"#, "prefix"),
        (r#"{"tag": "posts", "page": "/\ud83d/{slug}"}"#, "page"),
        (
            r#"{"tag": "posts", "page": "/posts/{slug}", "params": {"slug": "\ud83d"}}"#,
            "page",
        ),
    ] {
        let answer = stand.revalidate(body).await;

        let refused: Vec<_> = receipts(&answer)
            .iter()
            .filter(|one| one["status"] == "refused")
            .collect();
        assert_eq!(refused.len(), 1, "{body}: {answer}");
        assert!(refused[0][field].is_string(), "{body}: {answer}");
        let error = refused[0]["error"].as_str().unwrap();
        assert!(error.contains("half of a character"), "{body}: {error}");
        let marked = receipts(&answer).iter().find(|one| one["tag"] == "posts");
        assert_eq!(marked.unwrap()["status"], "marked", "{body}: {answer}");
        assert_eq!(answer["revalidated"], false, "{body}");
    }
}

#[tokio::test]
async fn a_call_of_broken_selectors_alone_is_400_that_says_so() {
    let stand = Stand::new().await;

    for body in [
        r#"{"tag": "a\ud83d"}"#,
        r#"{"paths": ["/\ud83d", "/\ude00"]}"#,
    ] {
        let answer = stand.assert_refused(&Call::post(body), 400).await;
        assert!(answer.text().contains("half of a character"), "{body}");
    }
}

/// A template percent-encodes the value, so the half is no longer to be seen as such.
#[tokio::test]
async fn a_path_that_a_template_makes_of_half_an_emoji_is_refused_alone() {
    let stand = hooked(Webhook::new().tag("posts").path("/posts/{/slug}")).await;

    let answer = stand.revalidate(r#"{"slug": "a\ud83d"}"#).await;

    let statuses: Vec<_> = receipts(&answer).iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["marked", "refused"], "{answer}");
    assert_eq!(stand.site.renders(), 0, "no junk page is rendered");
}

/// U+FFFD is a character like any other, and may be in the name of something cached.
#[tokio::test]
async fn a_replacement_character_that_was_sent_as_one_is_taken() {
    let stand = Stand::new().await;

    for body in [
        "{\"tag\": \"a\u{fffd}\"}",
        r#"{"tag": "a\ufffd"}"#,
        r#"{"tag": "a\ud83d\ude00"}"#,
    ] {
        assert_eq!(stand.revalidate(body).await["revalidated"], true, "{body}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_the_json_is_passed_over() {
    let stand = Stand::new().await;
    let hook = hooked(Webhook::new().tag("{/slug}")).await;

    stand
        .assert_admitted(&Call::post("\u{feff}{\"path\": \"/about\"}"))
        .await;
    hook.assert_admitted(&Call::post("\u{feff}{\"slug\": \"a\"}"))
        .await;
    for twice in ["\u{feff}\u{feff}{\"path\": \"/about\"}", "\u{feff}"] {
        stand.assert_refused(&Call::post(twice), 400).await;
    }
}

/// Rich text with six lists in each other is 40 levels deep.
#[tokio::test]
async fn json_is_read_to_128_levels_and_refused_beyond_with_a_clear_word() {
    let stand = hooked(Webhook::new().tag("{/slug}")).await;
    let document = |levels: usize, open: &str, close: &str| {
        let (open, close) = (open.repeat(levels - 1), close.repeat(levels - 1));
        format!(r#"{{"slug": "posts", "body": {open}1{close}}}"#)
    };

    for (open, close) in [("[", "]"), (r#"{"content":"#, "}")] {
        for levels in [33, 127, 128] {
            let body = document(levels, open, close);
            stand.assert_admitted(&Call::post(body)).await;
        }
        for levels in [129, 1_000, 50_000] {
            let body = document(levels, open, close);
            let answer = stand.assert_refused(&Call::post(body), 400).await;
            let message = json(&answer)["message"].clone();
            assert_eq!(message, "the JSON is nested deeper than 128 levels");
        }
    }
}

#[tokio::test]
async fn a_secret_in_the_body_is_found_beside_half_an_emoji_and_after_a_byte_order_mark() {
    let pointer = isr_layer::auth::StaticSecret::pointer("/secret", crate::SECRET).unwrap();
    let stand = Stand::admitting(pointer).await;
    let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));

    for body in [
        value!({"secret": crate::SECRET, "tag": "posts"}).to_string(),
        format!(
            "\u{feff}{{\"secret\": \"{}\", \"tag\": \"posts\"}}",
            crate::SECRET
        ),
        format!(
            r#"{{"tags": ["a\ud83d", "posts"], "secret": "{}"}}"#,
            crate::SECRET
        ),
    ] {
        stand.assert_admitted(&Call::anonymous(body)).await;
    }
    let body = format!(r#"{{"x": {deep}, "secret": "{}"}}"#, crate::SECRET);
    stand.assert_refused(&Call::anonymous(body), 400).await;
}

/// The secret is sought in the raw text. So a client without it cannot make the endpoint build a
/// large value, and one that has it is told what is wrong with the rest.
#[tokio::test]
async fn a_client_with_the_secret_in_its_body_is_told_what_is_wrong_with_the_rest() {
    let pointer = isr_layer::auth::StaticSecret::pointer("/auth/0/secret", crate::SECRET);
    let stand = Stand::admitting(pointer.unwrap()).await;
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let with = |secret: &str, rest: &str| {
        format!(r#"{{"auth": [{{"a": [{{}}, 1.5, null], "secret": {secret}}}], {rest}}}"#)
    };
    let right = format!("\"{}\"", crate::SECRET);

    let too_deep = Call::anonymous(with(&right, &format!("\"x\": {deep}")));
    let told = stand.assert_refused(&too_deep, 400).await;
    assert!(told.text().contains("128 levels"));
    stand
        .assert_admitted(&Call::anonymous(with(&right, r#""tag": "posts""#)))
        .await;
    for wrong in ["1", "null", "true", "[]", "{}", "[\"a\"]", "1.5", "\"\""] {
        let call = Call::anonymous(with(wrong, r#""tag": "posts""#));
        let answer = stand.send(&call).await;
        assert!([401, 429].contains(&answer.status.as_u16()), "{wrong}");
    }
    for broken in [
        format!("{} x", with(&right, r#""tag": "posts""#)),
        with(&right, r#""tag": "#),
        with(&right, r#""tag": "a\d""#),
    ] {
        let answer = stand.send(&Call::anonymous(broken)).await;
        assert!([401, 429].contains(&answer.status.as_u16()));
    }
}
