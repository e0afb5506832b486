//! Tests of the mappings. Payloads are shortened from the vendors' documentation, but the fields
//! that a preset reads are unchanged.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

pub(super) fn named(webhook: &Webhook, payload: &Value) -> Result<Purge, Refusal> {
    webhook.purge(&HeaderMap::new(), payload.to_string().as_bytes())
}

/// Returns the tags that a payload names, sorted.
pub(super) fn tags(webhook: &Webhook, payload: &Value) -> Vec<String> {
    let purge = named(webhook, payload).unwrap();
    let mut tags: Vec<_> = purge
        .selectors()
        .map(|selector| match selector {
            crate::purge::Selector::Tag(tag) => tag.clone(),
            other => panic!("no tag: {other:?}"),
        })
        .collect();
    tags.sort();
    tags
}

fn unprocessable(outcome: Result<Purge, Refusal>) -> String {
    match outcome {
        Err(Refusal::Unprocessable(detail)) => detail,
        other => panic!("should be 422: {other:?}"),
    }
}

#[test]
fn tags_and_paths_are_filled_from_the_payload() {
    let webhook = Webhook::new()
        .tag("{/_type}")
        .tag("{/_type}:{/slug/current}")
        .path("/blog/{/slug/current}");

    let purge = named(
        &webhook,
        &json!({"_type": "post", "slug": {"current": "a b"}}),
    );

    assert_eq!(
        purge,
        Ok(Purge::batch([
            Purge::tag("post"),
            Purge::tag("post:a b"),
            Purge::path("/blog/a b")
        ]))
    );
}

#[test]
fn a_missing_field_is_422_that_names_the_pointer_and_purges_nothing() {
    let webhook = Webhook::new().tag("posts").path("/blog/{/slug/current}");

    assert!(unprocessable(named(&webhook, &json!({"slug": {}}))).contains("`/slug/current`"));
    assert!(
        unprocessable(named(&webhook, &json!({"slug": {"current": null}})))
            .contains("`/slug/current`")
    );
    assert!(
        unprocessable(named(&webhook, &json!({"slug": {"current": {}}})))
            .contains("`/slug/current`")
    );
}

#[test]
fn an_optional_field_is_left_out_unless_nothing_else_is_named() {
    let both = Webhook::new().tag("posts").tag_if_present("post:{/slug}");
    let alone = Webhook::new()
        .tag_if_present("post:{/slug}")
        .path_if_present("/{/path}");

    assert_eq!(tags(&both, &json!({})), ["posts"]);
    assert!(unprocessable(named(&alone, &json!({}))).contains("`/slug`"));
}

#[test]
fn an_empty_array_names_nothing_and_is_no_mistake() {
    let webhook = Webhook::new().tag("{/documents}");

    assert_eq!(
        tags(&webhook, &json!({"documents": ["a", "b"]})),
        ["a", "b"]
    );
    assert_eq!(
        named(&webhook, &json!({"documents": []})),
        Ok(Purge::batch([]))
    );
}

#[test]
fn tags_are_opaque_and_paths_are_meant_literally() {
    let webhook = Webhook::new()
        .tag("{/tag}")
        .path("/{/slug}")
        .mode(Mode::Expire);

    let purge = named(&webhook, &json!({"tag": "N*r;L", "slug": "[draft]"}));

    assert_eq!(
        purge,
        Ok(Purge::batch([Purge::tag("N*r;L"), Purge::path("/[draft]")]).mode(Mode::Expire))
    );
}

#[test]
fn what_a_payload_names_is_held_to_the_limits_of_a_request() {
    let tag = Webhook::new().tag("{/tag}");
    let path = Webhook::new().path("{/path}");

    assert!(matches!(
        named(&tag, &json!({"tag": "a\r\nb"})),
        Err(Refusal::Malformed(_))
    ));
    assert!(matches!(
        named(&tag, &json!({"tag": "t".repeat(1_025)})),
        Err(Refusal::TooLarge(_))
    ));
    assert!(matches!(
        named(&path, &json!({"path": "https://example.com/a"})),
        Err(Refusal::Malformed(_))
    ));
    let many = Webhook::new().tag("{/tag}").tag("x");
    let many = many.mode(Mode::Regenerate);
    assert!(matches!(
        named(&many, &json!({"tag": vec!["t"; 1_000]})),
        Err(Refusal::TooLarge(_))
    ));
}

#[test]
fn the_options_of_a_closure_hold_where_it_is_the_only_rule() {
    let options = || Webhook::new().map(|_| Ok(Purge::tag("posts").only_cached(true)));

    let alone = named(&options(), &json!({}));
    let beside_another = named(&options().tag("more"), &json!({}));

    assert_eq!(alone, Ok(Purge::tag("posts").only_cached(true)));
    let misplaced = Purge::batch([Purge::tag("posts").only_cached(true), Purge::tag("more")]);
    assert_eq!(beside_another, Ok(misplaced));
}

#[test]
fn a_closure_maps_what_it_likes_and_may_refuse_or_pass_over() {
    let webhook = Webhook::new().map(|event| match event.text("/status").as_deref() {
        Some("draft") => Ok(Purge::batch([])),
        Some("spam") => Err(Unprocessable::new("spam is not published")),
        _ => Ok(Purge::instance(
            "/posts/{slug}",
            [("slug", event.required("/slug")?)],
        )),
    });

    let post = named(&webhook, &json!({"slug": "a"}));
    assert_eq!(
        post,
        Ok(Purge::batch([Purge::instance(
            "/posts/{slug}",
            [("slug", "a")]
        )]))
    );
    assert_eq!(
        named(&webhook, &json!({"status": "draft"})),
        Ok(Purge::batch([]))
    );
    assert_eq!(
        unprocessable(named(&webhook, &json!({"status": "spam"}))),
        "spam is not published"
    );
    assert!(unprocessable(named(&webhook, &json!({}))).contains("`/slug`"));
}

#[test]
fn a_mapping_that_could_never_work_is_refused_at_start() {
    let broken = Webhook::new().tag("{slug}").checked().unwrap_err();

    assert_eq!(broken.kind(), ErrorKind::Configuration);
    assert!(broken.to_string().contains("`{slug}`"));
    assert!(Webhook::new().checked().is_err());
    assert!(Webhook::github_push().checked().is_ok());
}

#[test]
fn a_payload_that_is_not_json_is_400() {
    let refused = Webhook::new()
        .tag("x")
        .purge(&HeaderMap::new(), b"payload=%7B%7D");

    assert!(matches!(refused, Err(Refusal::Malformed(_))));
}

#[test]
fn sanity_s_documents() {
    let post = json!({"_id": "a1", "_type": "post", "slug": {"_type": "slug", "current": "hello"}});

    assert_eq!(
        tags(&Webhook::sanity(), &post),
        ["post", "post:a1", "post:hello"]
    );
    assert_eq!(
        tags(&Webhook::sanity(), &json!({"_id": "b2", "_type": "author"})),
        ["author", "author:b2"]
    );
}

#[test]
fn contentful_s_entries_and_assets() {
    let kind = json!({"sys": {"type": "Link", "linkType": "ContentType", "id": "blogPost"}});
    let entry = json!({
        "fields": {"title": {"en-US": "Hello"}},
        "sys": {"id": "5KsD", "type": "Entry", "contentType": kind}
    });
    let asset = json!({"sys": {"id": "img1", "type": "DeletedAsset"}});

    assert_eq!(
        tags(&Webhook::contentful(), &entry),
        ["5KsD", "blogPost", "blogPost:5KsD"]
    );
    assert_eq!(tags(&Webhook::contentful(), &asset), ["img1"]);
}

#[test]
fn strapi_s_entries() {
    let entry = json!({"id": 1, "documentId": "z7v8", "slug": "hello"});
    let publish = json!({
        "event": "entry.publish", "model": "article", "uid": "api::article.article", "entry": entry
    });

    assert_eq!(
        tags(&Webhook::strapi(), &publish),
        ["article", "article:1", "article:hello", "article:z7v8"]
    );
}

#[test]
fn ghost_s_posts_before_and_after() {
    let edited = json!({"post": {
        "current": {"id": "6744", "slug": "new", "tags": [{"slug": "news"}, {"slug": "rust"}]},
        "previous": {"slug": "old", "tags": [{"slug": "news"}]}
    }});
    let deleted = json!({"page": {"current": {}, "previous": {"id": "1", "slug": "gone"}}});

    assert_eq!(
        tags(&Webhook::ghost(), &edited),
        ["post", "post:new", "post:old", "tag:news", "tag:rust"]
    );
    assert_eq!(tags(&Webhook::ghost(), &deleted), ["page", "page:gone"]);
    unprocessable(named(&Webhook::ghost(), &json!({"member": {}})));
}

#[test]
fn storyblok_s_stories_and_datasources() {
    let story = json!({
        "action": "published", "text": "…", "story_id": 123, "space_id": 9, "full_slug": "posts/a"
    });
    let entries = json!({
        "action": "entries_updated", "text": "…", "space_id": 9, "datasource_slug": "labels"
    });

    assert_eq!(
        tags(&Webhook::storyblok(), &story),
        ["story", "story:123", "story:posts/a", "story:posts/a/"]
    );
    // The first story of a folder has the folder's slug.
    let folder = json!({"action": "published", "story_id": 124, "full_slug": "posts/"});
    assert_eq!(
        tags(&Webhook::storyblok(), &folder),
        ["story", "story:124", "story:posts", "story:posts/"]
    );
    assert_eq!(tags(&Webhook::storyblok(), &entries), ["datasource:labels"]);
    unprocessable(named(
        &Webhook::storyblok(),
        &json!({"action": "user.added", "space_id": 9}),
    ));
}

/// The form of `text` is that of a delivery which a user printed.
#[test]
fn storyblok_s_moved_and_deleted_stories_are_named_by_their_text_too() {
    let text = |done: &str| {
        format!(
            "The user a@example.com {done} the Story Hello (World) (posts/hello)\n\
             https://app.storyblok.com/#/me/spaces/9/stories/0/0/123"
        )
    };
    let named = [
        "story",
        "story:123",
        "story:posts/hello",
        "story:posts/hello/",
    ];

    for action in ["deleted", "moved", "unpublished"] {
        let event = json!({"action": action, "text": text(action), "story_id": 123, "space_id": 9});
        assert_eq!(tags(&Webhook::storyblok(), &event), named, "{action}");
    }
    let moved = json!({
        "action": "moved", "text": text("moved"), "story_id": 123, "full_slug": "news/hello"
    });
    assert_eq!(
        tags(&Webhook::storyblok(), &moved),
        [
            "story",
            "story:123",
            "story:news/hello",
            "story:news/hello/",
            "story:posts/hello",
            "story:posts/hello/"
        ]
    );
    for text in [
        "",
        "…",
        "no slug",
        "()",
        "(a\nb)",
        "The Story (a) was moved",
    ] {
        let event = json!({"action": "deleted", "text": text, "story_id": 123});
        assert_eq!(tags(&Webhook::storyblok(), &event), ["story", "story:123"]);
    }
}

/// The payloads are those of the tests of a Laravel package, `webhappens/prismic`, and of the types
/// in `@prismicio/client`.
#[test]
fn prismic_s_documents_tags_and_releases() {
    let master = "X6qn-RIAACMAVge1";
    let release = json!({"id": "X66o", "ref": "X66o~X66c", "label": "r", "documents": ["X6Lb"]});
    let update = |more: Value| {
        let mut event = json!({
            "type": "api-update", "domain": "site", "apiUrl": "https://site.prismic.io/api",
            "secret": null
        });
        let members = event.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        event
    };

    for (event, expected) in [
        (
            update(json!({"masterRef": master, "documents": ["X6Lcj", "X3b_6"]})),
            &["document:X3b_6", "document:X6Lcj", "prismic"][..],
        ),
        (
            update(json!({
                "masterRef": master, "tags": {"addition": [{"id": "news"}]},
                "documents": ["XxhM"]
            })),
            &["document:XxhM", "prismic", "tag:news"],
        ),
        (
            update(json!({"masterRef": master, "tags": {"deletion": [{"id": "a"}, {"id": "b"}]}})),
            &["prismic", "tag:a", "tag:b"],
        ),
        // A release that was published is deleted, and its documents are named.
        (
            update(json!({
                "masterRef": master, "releases": {"deletion": [release]}, "documents": ["X6Lb"]
            })),
            &["document:X6Lb", "prismic"],
        ),
        (
            update(json!({
                "masterRef": master, "releases": {}, "masks": {}, "tags": {}, "documents": []
            })),
            &["prismic"],
        ),
        (update(json!({"releases": {"addition": [release]}})), &[]),
        (
            update(json!({"releases": {"update": [release]}, "documents": []})),
            &[],
        ),
        (
            json!({"type": "test-trigger", "domain": "site", "secret": "x"}),
            &[],
        ),
    ] {
        assert_eq!(tags(&Webhook::prismic(), &event), expected, "{event}");
    }
    unprocessable(named(&Webhook::prismic(), &json!({"documents": ["X6Lb"]})));
}

/// The shape of `$trigger` is that of the documentation of hooks and of the types of three sites.
#[test]
fn directus_s_items() {
    for (event, expected) in [
        (
            json!({
                "event": "items.create", "collection": "posts", "key": 7,
                "payload": {"title": "Hello", "slug": "hello"}
            }),
            &["posts", "posts:7", "posts:hello"][..],
        ),
        (
            json!({
                "event": "items.update", "collection": "posts", "keys": ["7", "8"],
                "payload": {"title": "Hello", "slug": null}
            }),
            &["posts", "posts:7", "posts:8"],
        ),
        // A deletion has the keys as its payload.
        (
            json!({"event": "items.delete", "collection": "posts", "keys": [7], "payload": [7]}),
            &["posts", "posts:7"],
        ),
        (
            json!({
                "event": "items.update", "collection": "settings", "keys": null,
                "payload": {"title": "Site"}
            }),
            &["settings"],
        ),
        (
            json!({
                "event": "items.update", "collection": "posts",
                "keys": ["5f0c8a1e-64c0-4a6a-9d2b-0a8f4cf4b1aa"],
                "payload": {"translations": {"create": [], "update": [{"slug": "hallo"}]}}
            }),
            &["posts", "posts:5f0c8a1e-64c0-4a6a-9d2b-0a8f4cf4b1aa"],
        ),
    ] {
        assert_eq!(tags(&Webhook::directus(), &event), expected, "{event}");
    }
    unprocessable(named(&Webhook::directus(), &json!({"event": "auth.login"})));
}

#[test]
fn datocms_s_records_and_cache_tags() {
    let model = json!({"item_type": {"data": {"id": "Dq4W", "type": "item_type"}}});
    let entity =
        json!({"id": "Ke9n", "type": "item", "attributes": {"tags": [1]}, "relationships": model});
    let record = json!({"entity_type": "item", "event_type": "publish", "entity": entity});
    let cache_tags = json!({
        "entity_type": "cda_cache_tags",
        "event_type": "invalidate",
        "entity": {
            "id": "cda_cache_tags", "type": "cda_cache_tags",
            "attributes": {"tags": ["N*r;L", "6-KZ@[", "N*r;L"]}
        }
    });

    assert_eq!(
        tags(&Webhook::datocms(), &record),
        ["item:Ke9n", "item_type:Dq4W"]
    );
    assert_eq!(tags(&Webhook::datocms(), &cache_tags), ["6-KZ@[", "N*r;L"]);
}

#[test]
fn shopify_s_products_and_their_deletion() {
    let id = 788_032_119_674_292_922_u64;
    let gid = format!("gid://shopify/Product/{id}");
    let update = json!({"admin_graphql_api_id": gid, "id": id, "handle": "example-t-shirt"});

    assert_eq!(
        tags(&Webhook::shopify(), &update),
        [id.to_string(), "example-t-shirt".to_owned(), gid]
    );
    assert_eq!(
        tags(&Webhook::shopify(), &json!({"id": id})),
        [id.to_string()]
    );
}

#[test]
fn wordpress_s_posts() {
    let before = json!({"ID": 42, "post_name": "helo", "post_type": "post"});
    let post = json!({"ID": 42, "post_name": "hello", "post_type": "post"});
    let update = json!({"post_id": 42, "post": post, "post_before": before});

    assert_eq!(
        tags(&Webhook::wordpress(), &update),
        ["post", "post:42", "post:hello", "post:helo"]
    );
    assert_eq!(
        tags(&Webhook::wordpress(), &json!({"post_id": 42, "post": post})),
        ["post", "post:42", "post:hello"]
    );
}

#[test]
fn github_s_pushes_and_its_ping() {
    let commits = json!([
        {"id": "1", "added": ["posts/new.md"], "modified": ["posts/ü.md"], "removed": []},
        {"id": "2", "added": [], "modified": ["posts/ü.md"], "removed": ["posts/old.md"]}
    ]);
    let mut ping = HeaderMap::new();
    ping.insert("x-github-event", "ping".parse().unwrap());

    let push = tags(
        &Webhook::github_push(),
        &json!({"ref": "refs/heads/main", "commits": commits}),
    );
    assert_eq!(
        push,
        ["file:posts/new.md", "file:posts/old.md", "file:posts/ü.md"]
    );
    assert_eq!(
        Webhook::github_push().purge(&ping, br#"{"zen": "Keep it logically awesome."}"#),
        Ok(Purge::batch([]))
    );
    unprocessable(named(&Webhook::github_push(), &json!({"action": "opened"})));
}

#[test]
fn a_preset_takes_paths_of_your_own() {
    let webhook = Webhook::sanity().path_if_present("/blog/{/slug/current}");

    let purge = named(
        &webhook,
        &json!({"_id": "a1", "_type": "post", "slug": {"current": "hello"}}),
    )
    .unwrap();

    assert!(
        purge
            .selectors()
            .any(|selector| *selector == crate::purge::Selector::Path("/blog/hello".into()))
    );
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z/%?#{}\\[\\]]{0,6}".prop_map(Value::from),
    ];
    let name = "post|page|current|slug|entry|entity|entity_type|sys|id|_type|commits|added|\
                attributes|tags|model|type|masterRef|documents|collection|key|keys|payload|\
                paths|story_id|text|post_type|post_name|ID";
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_makes_a_preset_panic_or_name_everything(payload in value()) {
        let presets = [
            Webhook::sanity(), Webhook::contentful(), Webhook::strapi(), Webhook::ghost(),
            Webhook::storyblok(), Webhook::datocms(), Webhook::shopify(), Webhook::wordpress(),
            Webhook::github_push(), Webhook::on_demand_revalidation(), Webhook::prismic(),
            Webhook::directus(),
        ];
        for preset in presets {
            let preset = preset.path_if_present("/p/{/slug}");
            if let Ok(purge) = named(&preset, &payload) {
                let everything = purge
                    .selectors()
                    .any(|selector| *selector == crate::purge::Selector::All);
                prop_assert!(!everything && purge.len() <= 1_000);
            }
        }
    }
}
