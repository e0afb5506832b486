//! Tests odd payloads: a document that was deleted, a field that is `null`, an object for an array,
//! a document in two languages. Each preset names what there is, and tells what it lacks.

use serde_json::{Value, json};

use super::tests::{named, tags};
use super::*;

/// Asserts the tags that each payload names; `422` stands for a refusal.
fn assert_names(cases: &[(Webhook, Value, &[&str])]) {
    for (webhook, payload, expected) in cases {
        let found = match named(webhook, payload) {
            Ok(_) => tags(webhook, payload),
            Err(refusal) => vec![refusal.status().as_u16().to_string()],
        };
        assert_eq!(found, *expected, "{payload}");
    }
}

#[test]
fn odd_documents_of_sanity_and_contentful_name_what_there_is() {
    let locales = json!([
        {"slug": {"current": "hello"}}, {"slug": {"current": "hallo"}}
    ]);
    let asset = json!({"sys": {"id": "img1", "type": "DeletedAsset", "contentType": null}});
    let entry = |fields: Value| {
        json!({
            "sys": {"id": "5KsD", "contentType": {"sys": {"id": "post"}}}, "fields": fields
        })
    };

    assert_names(&[
        (
            Webhook::sanity(),
            json!({"_id": "a1", "_type": "post", "slug": null}),
            &["post", "post:a1"],
        ),
        (
            Webhook::sanity(),
            json!({"_id": "a1", "_type": "post", "slug": {}}),
            &["post", "post:a1"],
        ),
        (
            Webhook::sanity(),
            json!({"_id": "a1", "_type": "post", "slug": {"current": null}}),
            &["post", "post:a1"],
        ),
        (
            Webhook::new().tag("post:{/slug/current}"),
            locales,
            &["post:hallo", "post:hello"],
        ),
        (
            Webhook::new().tag("post:{/locales/slug/current}"),
            json!({"locales": {"0": {"slug": {"current": "a"}}, "2": {"slug": {"current": "b"}}}}),
            &["post:a", "post:b"],
        ),
        (Webhook::contentful(), asset, &["img1"]),
        (
            Webhook::contentful(),
            entry(json!({"slug": {"en-US": "hello", "de": "hallo"}})),
            &["5KsD", "post", "post:5KsD"],
        ),
        (
            Webhook::contentful(),
            entry(Value::Null),
            &["5KsD", "post", "post:5KsD"],
        ),
        (
            Webhook::contentful().tag_if_present("slug:{/fields/slug/en-US}"),
            entry(json!({})),
            &["5KsD", "post", "post:5KsD"],
        ),
    ]);
}

#[test]
fn odd_entries_of_strapi_name_what_there_is() {
    let strapi =
        |entry: Value| json!({"event": "entry.delete", "model": "article", "entry": entry});

    assert_names(&[
        (Webhook::strapi(), strapi(Value::Null), &["article"]),
        (Webhook::strapi(), strapi(json!({})), &["article"]),
        (
            Webhook::strapi(),
            strapi(json!({"id": 7, "slug": null, "localizations": []})),
            &["article", "article:7"],
        ),
        (
            Webhook::strapi(),
            strapi(json!({"documentId": "z7v8", "locale": "de", "slug": "hallo"})),
            &["article", "article:hallo", "article:z7v8"],
        ),
        (Webhook::strapi(), strapi(json!({"id": {"a": 1}})), &["422"]),
    ]);
}

#[test]
fn odd_posts_of_ghost_records_of_datocms_and_products_of_shopify_name_what_there_is() {
    let ghost = |current: Value, previous: Value| json!({"post": {"current": current, "previous": previous}});
    let dato = |entity: Value| json!({"entity_type": "item", "entity": entity});

    assert_names(&[
        (
            Webhook::ghost(),
            ghost(json!({}), json!({"slug": "a"})),
            &["post", "post:a"],
        ),
        (
            Webhook::ghost(),
            ghost(Value::Null, json!({"slug": "a", "tags": null})),
            &["post", "post:a"],
        ),
        (
            Webhook::ghost(),
            ghost(
                json!({"slug": "a", "tags": {"0": {"slug": "x"}}}),
                json!([]),
            ),
            &["post", "post:a", "tag:x"],
        ),
        (Webhook::ghost(), json!({"post": {}}), &["post"]),
        (
            Webhook::datocms(),
            dato(json!({"id": "Ke9n", "type": "item", "relationships": null})),
            &["item:Ke9n"],
        ),
        (
            Webhook::datocms(),
            json!({"entity_type": "cda_cache_tags", "entity": {"attributes": {"tags": []}}}),
            &[],
        ),
        (Webhook::shopify(), json!({"id": 7, "handle": null}), &["7"]),
    ]);
}

#[test]
fn odd_posts_of_wordpress_and_pushes_of_github_name_what_there_is() {
    assert_names(&[
        (
            Webhook::wordpress(),
            json!({"post": {"ID": 42, "post_type": "post", "post_name": null}, "post_before": null}),
            &["post", "post:42"],
        ),
        (
            Webhook::wordpress(),
            json!({"post": {"ID": "42", "post_type": "page", "post_name": "a"}, "post_before": []}),
            &["page", "page:42", "page:a"],
        ),
        (
            Webhook::on_demand_revalidation(),
            json!({"postId": 42, "paths": null, "tags": ["a"]}),
            &["a"],
        ),
        (
            Webhook::github_push(),
            json!({"deleted": true, "commits": []}),
            &[],
        ),
        (
            Webhook::github_push(),
            json!({"commits": [{"added": ["a.md"], "modified": null, "removed": []}]}),
            &["file:a.md"],
        ),
    ]);
}
