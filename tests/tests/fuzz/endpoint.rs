//! Random bodies for the endpoint and for each content system's mapping: every one gets a JSON that
//! says what happened, and none a failure of ours.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use isr_layer::auth::Bearer;
use isr_layer::webhook::{RevalidateService, Webhook};
use isr_layer::{IsrLayer, Page, Policy};
use isr_tests::ask;

use crate::rounds;

const SECRET: &str = "zebra-quartz-lantern-0123456789";

const PAGE: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().tags(&["posts", "post:{slug}"]));

const COMMANDS: &[&str] = &[
    r#"{"path":"/posts/a"}"#,
    r#"{"paths":["/","/posts/a"],"tags":["posts"],"mode":"stale"}"#,
    r#"{"page":"/posts/{slug}","params":{"slug":"a"}}"#,
    r#"{"prefix":"/posts/","only_cached":true,"dry_run":true,"settle":0.1}"#,
    r#"{"all":true,"mode":"expire","host":"a.example"}"#,
    r#"{"paths":{"0":"/","3":"/b"},"tags":{}}"#,
];

const PAYLOADS: &[&str] = &[
    r#"{"_type":"post","_id":"drafts.1","slug":{"_type":"slug","current":"a"}}"#,
    r#"{"sys":{"type":"Entry","id":"1","contentType":{"sys":{"id":"post"}}},"fields":{"slug":{"en":"a","de":"b"}}}"#,
    r#"{"event":"entry.update","model":"post","entry":{"id":1,"slug":"a","tags":[{"slug":"x"}]}}"#,
    r#"{"post":{"current":{"id":"1","slug":"a","tags":[{"slug":"b"}]},"previous":{"slug":"c"}}}"#,
    r#"{"action":"published","story_id":1,"full_slug":"a/b","text":"The story 'x' (a/b) was moved"}"#,
    r#"{"entity":{"id":"1","type":"item","attributes":{"slug":"a"}},"cache_tags":["*;[ab"]}"#,
    r#"{"id":1,"handle":"a","admin_graphql_api_id":"gid://shopify/Product/1"}"#,
    r#"{"post_id":1,"post":{"post_name":"%e3%81%82__trashed","post_type":"post"},"post_permalink":"http://a.example/%e3%81%82/"}"#,
    r#"{"postId":42,"paths":["/"],"tags":["post"]}"#,
    r#"{"type":"api-update","secret":"x","documents":["X1"],"releases":{"update":[{"id":"Y"}]}}"#,
    r#"{"event":"items.update","collection":"posts","keys":["1"],"payload":{"slug":"a"}}"#,
    r#"{"commits":[{"added":["content/posts/a.md"],"modified":[],"removed":[]}]}"#,
];

fn services() -> Vec<(RevalidateService, &'static [&'static str])> {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([PAGE])
        .build();
    let isr = isr.expect("one page is no contradiction");
    let service = || isr.revalidate_service(Bearer::new(SECRET).expect("it is long enough"));
    let webhooks = [
        Webhook::sanity(),
        Webhook::contentful(),
        Webhook::strapi(),
        Webhook::ghost(),
        Webhook::storyblok(),
        Webhook::datocms(),
        Webhook::shopify(),
        Webhook::wordpress(),
        Webhook::on_demand_revalidation(),
        Webhook::prismic(),
        Webhook::directus(),
        Webhook::github_push(),
    ];
    let mapped = webhooks.into_iter().map(|webhook| {
        let mapped = service().webhook(webhook.path("/posts/{/slug}"));
        (mapped.expect("the template is valid"), PAYLOADS)
    });
    std::iter::once((service(), COMMANDS))
        .chain(mapped)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn any_body_gets_a_json_that_says_what_happened() {
    let services = services();

    rounds(async |mutator| {
        // A credential has a rate of its own.
        tokio::time::advance(Duration::from_secs(10)).await;
        let (service, corpus) = mutator.one(&services);
        let body = mutator.text(corpus);
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/revalidate")
            .header("authorization", format!("Bearer {SECRET}"))
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(body.clone()));

        let answer = ask(service, request.expect("it is a request")).await;

        let status = answer.status.as_u16();
        assert!([200, 400, 413, 422].contains(&status), "{status} to {body}");
        let json = serde_json::from_slice::<serde_json::Value>(&answer.body);
        let json = json.unwrap_or_else(|error| panic!("{error} to {body}"));
        let is_told = json.get("message").is_some() || json.get("revalidated").is_some();
        assert!(is_told, "{json} to {body}");
        assert_eq!(answer.header("cache-control"), "no-store", "{body}");
        assert!(!answer.text().contains("struct "), "{json} to {body}");
    })
    .await;
}
