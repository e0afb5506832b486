//! Tests what WordPress really sends: slugs that it has percent-encoded, slugs of the trash, and
//! arrays that PHP wrote as objects.

use isr_layer::webhook::Webhook;
use isr_tests::settle;
use serde_json::{Value, json as value};

use crate::call::Call;
use crate::stand::{Stand, bearer};

async fn hooked(webhook: Webhook) -> Stand {
    Stand::set(bearer(), |service| {
        service.webhook(webhook).expect("its templates are right")
    })
    .await
}

fn post(slug: &str) -> Value {
    value!({"post_id": 42, "post": {"ID": 42, "post_name": slug, "post_type": "post"}})
}

/// Returns the value of one member in all receipts that have it.
fn named<'a>(answer: &'a Value, member: &str) -> Vec<&'a str> {
    let receipts = answer["receipts"].as_array().expect("an array");
    receipts
        .iter()
        .filter_map(|one| one[member].as_str())
        .collect()
}

#[tokio::test]
async fn a_slug_that_wordpress_has_percent_encoded_reaches_its_page() {
    for (slug, path) in [
        ("%e3%81%82", "/posts/%E3%81%82"),
        ("caf%c3%a9-au-lait", "/posts/caf%C3%A9-au-lait"),
        ("%D0%BF%D1%80", "/posts/%D0%BF%D1%80"),
    ] {
        let stand = hooked(Webhook::wordpress()).await;
        stand.page(path).await;
        stand.site.publish(2);

        let answer = stand.revalidate(post(slug).to_string()).await;

        let reached = answer["receipts"].as_array().unwrap().iter();
        let reached = reached.filter(|one| one["matched"] == 1).count();
        assert_eq!(reached, 1, "{answer}");
        stand.page(path).await;
        settle().await;
        assert_eq!(stand.page(path).await.text(), format!("{path} v2"));
    }
}

#[tokio::test]
async fn a_post_in_the_trash_is_named_by_the_slug_that_it_had() {
    let stand = hooked(Webhook::wordpress()).await;

    for (slug, had) in [
        ("hello__trashed", "post:hello"),
        ("hello__trashed-2", "post:hello"),
        ("hello__trashed-13", "post:hello"),
        ("%e3%81%82__trashed", "post:あ"),
        ("hello__trashed-x", "post:hello__trashed-x"),
        ("a__trashed__trashed", "post:a__trashed"),
        (
            "how-to-find-__trashed-posts",
            "post:how-to-find-__trashed-posts",
        ),
    ] {
        let answer = stand.revalidate(post(slug).to_string()).await;

        let tags = named(&answer, "tag");
        assert!(tags.contains(&had), "{slug}: {answer}");
        if !had.contains("__trashed") {
            assert!(
                !answer.to_string().contains("__trashed"),
                "{slug}: {answer}"
            );
        }
    }
    // Auto-drafts have no slug at all.
    for none in ["", "__trashed", "__trashed-2"] {
        let answer = stand.revalidate(post(none).to_string()).await;
        assert_eq!(named(&answer, "tag"), ["post", "post:42"], "{none:?}");
    }
}

#[tokio::test]
async fn a_value_that_is_percent_encoded_already_is_not_encoded_again_by_a_template() {
    let stand = hooked(Webhook::new().path("/posts/{/slug}")).await;

    for (slug, path) in [
        ("%e3%81%82", "/posts/%E3%81%82"),
        ("%E3%81%82", "/posts/%E3%81%82"),
        ("あ", "/posts/%E3%81%82"),
        ("a%20b", "/posts/a%20b"),
        // None of these is an encoded text, so each percent sign is a character.
        ("100%", "/posts/100%25"),
        ("%zz", "/posts/%25zz"),
        ("%e3", "/posts/%25e3"),
        ("%e3%81%82-100%", "/posts/%25e3%2581%2582-100%25"),
    ] {
        let answer = stand.revalidate(value!({ "slug": slug }).to_string()).await;

        assert_eq!(answer["receipts"][0]["status"], "regenerated", "{answer}");
        let rendered = stand.site.seen().last().unwrap().uri.to_string();
        assert_eq!(rendered, path, "{slug}");
    }
}

#[tokio::test]
async fn an_array_that_php_wrote_as_an_object_is_an_array() {
    let stand = Stand::new().await;

    for (body, expected) in [
        (r#"{"paths": {"0": "/", "3": "/about"}}"#, 2),
        (r#"{"tags": {"1": "a", "10": "b", "2": "c"}}"#, 3),
        (r#"{"pages": {"7": "/posts/{slug}"}}"#, 1),
        (r#"{"prefixes": {"0": "/posts", "1": "/docs"}}"#, 2),
        (r#"{"tag": "posts", "paths": {}}"#, 1),
        (r#"{"tag": "posts", "paths": []}"#, 1),
        (r#"{"page": "/about", "params": []}"#, 1),
        (r#"{"page": "/about", "params": {}}"#, 1),
    ] {
        let answer = stand.revalidate(body).await;
        let receipts = answer["receipts"].as_array().unwrap();
        assert_eq!(receipts.len(), expected, "{body}: {answer}");
    }

    for body in [
        r#"{"paths": {"home": "/"}}"#,
        r#"{"paths": {"0": "/", "x": "/about"}}"#,
        r#"{"paths": {"-1": "/"}}"#,
        r#"{"paths": {}}"#,
        r#"{"page": "/posts/{slug}", "params": []}"#,
        r#"{"page": "/posts/{slug}", "params": ["a"]}"#,
    ] {
        stand.assert_refused(&Call::post(body), 400).await;
    }
}

/// The bodies of the plugin's versions 1.1 to 1.4, whose source was read.
#[tokio::test]
async fn the_plugin_on_demand_revalidation_purges_its_paths_and_its_tags() {
    let stand = hooked(Webhook::on_demand_revalidation()).await;

    for (body, paths, tags) in [
        (
            value!({"paths": ["/", "/posts/a"], "postId": 42}),
            &["/", "/posts/a"][..],
            &[][..],
        ),
        (
            value!({"postId": 42, "paths": ["/"], "tags": ["post"]}),
            &["/"],
            &["post"],
        ),
        // `array_unique` leaves holes.
        (
            value!({"postId": 42, "paths": {"0": "/", "3": "/about"}, "tags": {"1": "post"}}),
            &["/", "/about"],
            &["post"],
        ),
        // A term has no post.
        (value!({"tags": ["category:news"]}), &[], &["category:news"]),
        // A permalink and a slug that WordPress has encoded.
        (
            value!({"postId": 42, "paths": ["/posts/%e3%81%82"], "tags": ["post:%e3%81%82"]}),
            &["/posts/%e3%81%82"],
            &["post:%e3%81%82", "post:あ"],
        ),
        (
            value!({"postId": 42, "paths": ["/"], "tags": []}),
            &["/"],
            &[],
        ),
        (value!({"postId": 42, "paths": [], "tags": []}), &[], &[]),
        // Version 1.2.2 sends this unless tags are set.
        (
            value!({"postId": 42, "paths": ["/"], "tags": [""]}),
            &["/"],
            &[],
        ),
        (
            value!({"postId": 42, "paths": [""], "tags": [""]}),
            &[],
            &[],
        ),
    ] {
        let call = Call::post(body.to_string()).method("PUT");
        let answer = stand.send(&call).await;

        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        let answer = crate::call::json(&answer);
        assert_eq!(named(&answer, "path"), paths, "{body}: {answer}");
        assert_eq!(named(&answer, "tag"), tags, "{body}: {answer}");
        assert_eq!(
            answer["revalidated"],
            !(paths.is_empty() && tags.is_empty())
        );
    }
    for neither in [r#"{"postId": 42}"#, r#"{"all": true}"#] {
        stand.assert_refused(&Call::post(neither), 422).await;
    }
}

/// The plugin fills its templates when the post has the slug of the trash already.
#[tokio::test]
async fn the_plugin_purges_a_post_in_the_trash_by_the_slug_that_it_had() {
    let stand = hooked(Webhook::on_demand_revalidation()).await;

    for (sent, had) in [
        ("/posts/hello__trashed", "/posts/hello"),
        ("/posts/hello__trashed-2/", "/posts/hello/"),
        ("/hello__trashed/amp", "/hello/amp"),
        ("/find-__trashed-posts", "/find-__trashed-posts"),
    ] {
        let body = value!({"postId": 42, "paths": [sent], "tags": []});
        let answer = stand.revalidate(body.to_string()).await;
        assert_eq!(named(&answer, "path"), [had], "{answer}");
    }
    for (sent, had) in [
        ("post:hello__trashed", &["post:hello"][..]),
        ("post:hello__trashed-2", &["post:hello"]),
        ("hello__trashed:en", &["hello:en"]),
        ("post:%e3%81%82__trashed", &["post:%e3%81%82", "post:あ"]),
        ("__trashed", &[]),
        ("find-__trashed-posts", &["find-__trashed-posts"]),
    ] {
        let body = value!({"postId": 42, "paths": [], "tags": [sent]});
        let answer = stand.revalidate(body.to_string()).await;
        assert_eq!(named(&answer, "tag"), had, "{answer}");
    }
}
