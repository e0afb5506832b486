//! Tests webhooks: the payload of a content system revalidates the pages that it names, and no
//! others.

use isr_layer::auth::Hmac;
use isr_layer::webhook::Webhook;
use isr_layer::{Mode, Purge};
use serde_json::json as value;

use crate::SECRET;
use crate::call::{Call, json};
use crate::signed::github;
use crate::stand::{Stand, bearer};

async fn hooked(webhook: Webhook) -> Stand {
    Stand::set(bearer(), |service| {
        service.webhook(webhook).expect("its templates are right")
    })
    .await
}

#[tokio::test]
async fn a_payload_revalidates_what_its_fields_name() {
    let stand = hooked(
        Webhook::new()
            .tag("{/_type}")
            .tag("post:{/tags/slug}")
            .path("/posts/{/slug/current}"),
    )
    .await;
    let payload = value!({"_type": "posts", "slug": {"current": "a"}, "tags": [{"slug": "x"}, {"slug": "y"}]});

    let answer = stand.revalidate(payload.to_string()).await;

    let receipts = answer["receipts"].as_array().unwrap();
    let tags: Vec<_> = receipts
        .iter()
        .filter_map(|receipt| receipt["tag"].as_str())
        .collect();
    assert_eq!(tags, ["posts", "post:x", "post:y"]);
    assert!(
        receipts.iter().any(|receipt| receipt["path"] == "/posts/a"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_payload_that_lacks_a_field_is_422_which_names_it() {
    let stand = hooked(Webhook::new().tag("all").path("/posts/{/slug/current}")).await;

    for payload in [
        value!({}),
        value!({"all": true}),
        value!({"slug": null}),
        value!({"slug": {"current": {}}}),
    ] {
        let answer = stand
            .assert_refused(&Call::post(payload.to_string()), 422)
            .await;

        assert!(
            json(&answer)["message"]
                .as_str()
                .unwrap()
                .contains("/slug/current"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_payload_is_no_request_of_our_own() {
    let stand = hooked(Webhook::new().tag("{/_type}")).await;

    let answer = stand
        .revalidate(r#"{"_type": "posts", "all": true, "path": "/about", "mode": "expire"}"#)
        .await;

    assert_eq!(answer["receipts"].as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(stand.site.renders(), 0);
}

#[tokio::test]
async fn a_payload_over_a_limit_or_with_a_bad_tag_is_refused() {
    let mapping = Webhook::new().tag("{/tags}").tag("again:{/tags}");
    let stand = hooked(mapping.mode(Mode::Regenerate)).await;
    let many: Vec<_> = (0..501).map(|number| format!("t{number}")).collect();

    stand
        .assert_refused(&Call::post(value!({ "tags": many }).to_string()), 413)
        .await;
    stand
        .assert_refused(
            &Call::post(value!({ "tags": "t".repeat(1_025) }).to_string()),
            413,
        )
        .await;
    for tag in ["a\r\nb", "\0"] {
        let answer = stand
            .send(&Call::post(value!({ "tags": tag }).to_string()))
            .await;
        assert!(
            [400, 422].contains(&answer.status.as_u16()),
            "{tag:?}: {}",
            answer.text()
        );
    }
    stand
        .assert_refused(&Call::post("[".repeat(1_000)), 400)
        .await;
    assert_eq!(stand.cache.metrics().sequence(), 0);
}

#[tokio::test]
async fn a_tag_is_an_opaque_text() {
    let stand = hooked(Webhook::datocms()).await;
    let payload = value!({
        "entity_type": "cda_cache_tags",
        "entity": {"id": "cda_cache_tags", "type": "cda_cache_tags", "attributes": {"tags": ["N*r;L", "[6-KZ@", "t#k[uP"]}},
    });

    let answer = stand.revalidate(payload.to_string()).await;

    let tags: Vec<_> = (0..3)
        .map(|place| answer["receipts"][place]["tag"].as_str().unwrap())
        .collect();
    let mut expected = ["N*r;L", "[6-KZ@", "t#k[uP"];
    expected.sort_unstable();
    assert_eq!(tags, expected);
}

#[tokio::test]
async fn a_signed_push_of_github_names_its_files_and_a_ping_names_nothing() {
    let push =
        value!({"commits": [{"added": ["a.md"], "modified": ["b.md"], "removed": []}]}).to_string();
    let stand = Stand::set(Hmac::github(SECRET).unwrap(), |service| {
        service
            .webhook(Webhook::github_push())
            .expect("the preset is right")
    })
    .await;

    stand.assert_admitted(&github(&push)).await;
    let before = stand.work();
    let ping = stand
        .send(&github(r#"{"zen": "Design for failure."}"#).header("x-github-event", "ping"))
        .await;

    assert_eq!(
        (ping.status.as_u16(), &json(&ping)["revalidated"]),
        (200, &false.into())
    );
    assert_eq!(stand.work(), before);
}

#[tokio::test]
async fn one_long_file_of_a_push_does_not_cost_the_others_their_purge() {
    let stand = hooked(Webhook::github_push()).await;
    let deep = format!("{}/index.md", "directory".repeat(120));
    let push = value!({"commits": [{"added": ["a.md"], "modified": [deep], "removed": ["b.md"]}]});

    let answer = stand.revalidate(push.to_string()).await;

    let receipts = answer["receipts"].as_array().unwrap();
    let statuses = receipts
        .iter()
        .map(|receipt| receipt["status"].as_str().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(statuses, ["marked", "marked", "refused"], "{answer}");
    assert_eq!(receipts[0]["tag"], "file:a.md");
}

#[tokio::test]
async fn a_slug_too_long_for_a_tag_or_a_path_does_not_cost_the_rest_of_the_delivery() {
    let stand = hooked(Webhook::sanity().path("/posts/{/slug/current}")).await;
    let document = value!({"_type": "post", "_id": "7", "slug": {"current": "s".repeat(1_100)}});

    let answer = stand.revalidate(document.to_string()).await;

    let receipts = answer["receipts"].as_array().unwrap();
    let statuses = receipts
        .iter()
        .map(|receipt| receipt["status"].as_str().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(
        statuses,
        ["marked", "marked", "refused", "refused"],
        "{answer}"
    );
}

#[tokio::test]
async fn a_closure_maps_what_no_template_can() {
    let stand = hooked(Webhook::new().map(|event| {
        Ok(Purge::instance(
            "/posts/{slug}",
            [("slug", event.required("/entry/slug")?.to_lowercase())],
        ))
    }))
    .await;

    let answer = stand.revalidate(r#"{"entry": {"slug": "HELLO"}}"#).await;

    assert_eq!(answer["receipts"][0]["status"], "regenerated");
    assert_eq!(stand.site.seen()[0].uri, "/posts/hello");
    stand
        .assert_refused(&Call::post(r#"{"entry": {}}"#), 422)
        .await;
}

#[tokio::test]
async fn a_delivery_that_comes_twice_late_or_out_of_order_is_harmless() {
    let stand = hooked(Webhook::new().path("/posts/{/slug}")).await;
    stand.site.publish(3);

    for slug in ["b", "a", "a", "b"] {
        stand
            .assert_admitted(&Call::post(value!({ "slug": slug }).to_string()))
            .await;
    }

    assert_eq!(stand.page("/posts/a").await.text(), "/posts/a v3");
}

/// An empty field would widen a prefix to all paths of the site.
#[tokio::test]
async fn an_empty_field_never_makes_a_prefix_of_every_path() {
    for template in ["/{/locale}", "/{/locale}/", "/{/locale}/{/locale}"] {
        let stand = hooked(Webhook::new().tag("posts").prefix(template)).await;
        for empty in [value!(""), value!("/"), value!(["en", ""])] {
            let call = Call::post(value!({ "locale": empty }).to_string());
            let answer = stand.assert_refused(&call, 422).await;
            let text = answer.text().to_owned();
            assert!(text.contains("every path"), "{template}: {text}");
        }
        let answer = stand.revalidate(r#"{"locale": "en"}"#).await;
        assert_eq!(answer["revalidated"], true, "{template}: {answer}");
    }
    let stand = hooked(Webhook::new().prefix("/")).await;
    let answer = stand.revalidate("{}").await;
    assert_eq!(answer["receipts"][0]["prefix"], "/", "it was written so");
}

/// Content systems leave holes in their lists: an item that was deleted meanwhile, a field that is
/// not set.
#[tokio::test]
async fn one_null_in_a_list_does_not_cost_the_rest_its_purge() {
    let slugs = |slugs: [Option<&str>; 2]| slugs.map(|slug| value!({ "slug": slug }));
    for (webhook, payload, tags) in [
        (
            Webhook::on_demand_revalidation(),
            value!({"postId": 42, "paths": [null], "tags": ["a", null]}),
            &["a"][..],
        ),
        (
            Webhook::directus(),
            value!({"collection": "posts", "keys": ["7", null]}),
            &["posts", "posts:7"],
        ),
        (
            Webhook::github_push(),
            value!({"commits": [{"added": ["a.md"], "modified": ["b.md", null]}, {"added": null}]}),
            &["file:a.md", "file:b.md"],
        ),
        (
            Webhook::ghost(),
            value!({"post": {"current": {"slug": "a", "tags": slugs([Some("x"), None])}}}),
            &["post", "post:a", "tag:x"],
        ),
        (
            Webhook::prismic(),
            value!({"type": "api-update", "masterRef": "x", "documents": [null, "d"],
                "tags": {"addition": [{"id": "t"}, {}]}}),
            &["document:d", "prismic", "tag:t"],
        ),
        (
            Webhook::new()
                .tag("post")
                .tag_if_present("tag:{/tags/slug}"),
            value!({"tags": slugs([None, Some("x")])}),
            &["post", "tag:x"],
        ),
    ] {
        let stand = hooked(webhook).await;
        let answer = stand.revalidate(payload.to_string()).await;

        let receipts = answer["receipts"].as_array().unwrap().iter();
        let named: Vec<_> = receipts.filter_map(|one| one["tag"].as_str()).collect();
        assert_eq!(named, tags, "{payload}");
    }
    // A text where a list is expected is a mistake of the sender, and no hole.
    let stand = hooked(Webhook::directus()).await;
    let call = Call::post(r#"{"collection": "posts", "keys": ["7", {}]}"#);
    stand.assert_refused(&call, 422).await;
}

/// A bulk edit of a content system is one call, which it repeats as it is if it is refused.
#[tokio::test]
async fn a_bulk_edit_of_ten_thousand_items_is_marked_and_one_more_is_413() {
    let edit = |keys: usize| {
        let keys: Vec<_> = (0..keys).collect();
        value!({"collection": "posts", "keys": keys}).to_string()
    };
    let stand = hooked(Webhook::directus()).await;
    let answer = stand.revalidate(edit(9_999)).await;
    assert_eq!(answer["receipts"].as_array().unwrap().len(), 10_000);
    stand.assert_refused(&Call::post(edit(10_000)), 413).await;

    let stand = hooked(Webhook::directus().mode(Mode::Expire)).await;
    stand.revalidate(edit(9_999)).await;
    // To render is more work.
    let stand = hooked(Webhook::directus().mode(Mode::Regenerate)).await;
    stand.revalidate(edit(999)).await;
    stand.assert_refused(&Call::post(edit(1_000)), 413).await;
}
