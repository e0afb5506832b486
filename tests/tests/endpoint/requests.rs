//! Tests that each kind of selector and option in a call does its documented work.

use isr_layer::inspect::Freshness;
use serde_json::{Value, json as value};

use crate::call::{Call, json};
use crate::stand::{Stand, bearer};
use crate::{SECRET, secs};

/// Returns the status of each selector, in order.
fn statuses(answer: &Value) -> Vec<&str> {
    let receipts = answer["receipts"].as_array().expect("there are receipts");
    receipts
        .iter()
        .map(|receipt| receipt["status"].as_str().expect("each has a status"))
        .collect()
}

#[tokio::test]
async fn a_path_is_rendered_again_and_the_very_next_request_sees_it() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;
    stand.site.publish(2);

    let answer = stand.revalidate(r#"{"path": "/posts/a"}"#).await;

    assert_eq!(answer["revalidated"], true);
    assert_eq!(statuses(&answer), ["regenerated"]);
    assert_eq!(stand.page("/posts/a").await.text(), "/posts/a v2");
    assert_eq!(stand.site.renders(), 2);
}

#[tokio::test]
async fn put_does_what_post_does() {
    let stand = Stand::new().await;

    stand
        .assert_admitted(&Call::post(r#"{"path": "/about"}"#).method("PUT"))
        .await;

    assert_eq!(stand.site.renders(), 1);
}

#[tokio::test]
async fn json_any_plus_json_and_no_type_at_all_are_read() {
    let stand = Stand::new().await;
    let types = [
        "application/json",
        "application/json; charset=utf-8",
        "application/vnd.contentful.management.v1+json",
        "TEXT/JSON",
        "",
    ];

    for kind in types {
        stand
            .assert_admitted(&Call::post(r#"{"tag": "posts"}"#).header("content-type", kind))
            .await;
    }
    stand
        .assert_admitted(&Call::post(r#"{"tag": "posts"}"#))
        .await;
}

#[tokio::test]
async fn several_paths_and_tags_go_in_one_request_under_one_number() {
    let stand = Stand::new().await;
    stand.page("/").await;
    stand.page("/posts/a").await;
    let body = r#"{"paths": ["/", "/posts/a"], "tags": ["posts"], "mode": "stale"}"#;

    let answer = stand.revalidate(body).await;

    assert_eq!(statuses(&answer), ["marked", "marked", "marked"]);
    assert_eq!(answer["sequence"], 1);
    assert_eq!(answer["receipts"][2]["matched"], 2);
    assert_eq!(stand.site.renders(), 2, "stale renders nothing");
}

#[tokio::test]
async fn a_page_with_all_its_params_is_one_path() {
    let stand = Stand::new().await;

    let answer = stand
        .revalidate(r#"{"page": "/posts/{slug}", "params": {"slug": "my-first-post"}}"#)
        .await;

    assert_eq!(statuses(&answer), ["regenerated"]);
    assert_eq!(stand.site.seen()[0].uri, "/posts/my-first-post");
}

#[tokio::test]
async fn a_page_without_params_is_every_instance_of_it_and_of_no_other() {
    let stand = Stand::new().await;
    for path in ["/posts/a", "/posts/b", "/about"] {
        stand.page(path).await;
    }
    stand.site.publish(2);

    let answer = stand.revalidate(r#"{"page": "/posts/{slug}"}"#).await;

    assert_eq!(statuses(&answer), ["marked"]);
    assert_eq!(answer["receipts"][0]["matched"], 2);
    for (path, freshness) in [
        ("/posts/a", Freshness::Stale),
        ("/posts/b", Freshness::Stale),
        ("/about", Freshness::Fresh),
    ] {
        assert_eq!(
            stand.cache.explain(path).await.unwrap().freshness(),
            Some(freshness),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_page_may_be_written_as_next_or_express_write_it() {
    let stand = Stand::new().await;

    for page in ["/posts/{slug}", "/posts/[slug]", "/posts/:slug"] {
        let body = value!({"page": page, "params": {"slug": "a"}}).to_string();
        let answer = stand.revalidate(body).await;

        assert_eq!(answer["receipts"][0]["page"], "/posts/{slug}", "{page}");
        assert_eq!(statuses(&answer), ["regenerated"], "{page}");
    }
}

#[tokio::test]
async fn params_that_lack_one_of_the_page_or_have_another_are_refused() {
    let stand = Stand::new().await;

    for params in [
        value!({}),
        value!({"slug": "a", "more": "b"}),
        value!({"sulg": "a"}),
    ] {
        let body = value!({"page": "/posts/{slug}", "params": params}).to_string();
        stand.assert_refused(&Call::post(body), 400).await;
    }
    stand
        .assert_refused(&Call::post(r#"{"params": {"slug": "a"}}"#), 400)
        .await;
}

#[tokio::test]
async fn a_prefix_is_everything_below_it() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;
    stand.page("/about").await;

    let answer = stand.revalidate(r#"{"prefix": "/posts/"}"#).await;

    assert_eq!(statuses(&answer), ["marked"]);
    assert_eq!(
        answer["receipts"][0]["matched"],
        Value::Null,
        "nothing is scanned for a count"
    );
    assert_eq!(
        stand.cache.explain("/posts/a").await.unwrap().freshness(),
        Some(Freshness::Stale)
    );
    assert_eq!(
        stand.cache.explain("/about").await.unwrap().freshness(),
        Some(Freshness::Fresh)
    );
}

#[tokio::test]
async fn all_is_everything() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;
    stand.page("/about").await;

    let answer = stand.revalidate(r#"{"all": true}"#).await;

    assert_eq!(statuses(&answer), ["marked"]);
    assert_eq!(answer["receipts"][0]["matched"], Value::Null);
    for path in ["/posts/a", "/about"] {
        assert_eq!(
            stand.cache.explain(path).await.unwrap().freshness(),
            Some(Freshness::Stale),
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_cached_renders_nothing_that_was_not_there() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;

    let answer = stand
        .revalidate(r#"{"paths": ["/posts/a", "/posts/b"], "only_cached": true}"#)
        .await;

    assert_eq!(statuses(&answer), ["regenerated", "not_cached"]);
    assert_eq!(answer["revalidated"], true);
    assert_eq!(stand.site.renders(), 2);
}

#[tokio::test]
async fn a_dry_run_tells_and_does_nothing() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;
    let before = stand.work();

    let body = r#"{"path": "/posts/a", "tags": ["posts"], "only_cached": true, "dry_run": true, "wait": "all"}"#;
    let answer = stand.revalidate(body).await;

    assert_eq!(answer["sequence"], Value::Null);
    assert_eq!(answer["receipts"][1]["matched"], 1);
    assert_eq!(stand.work(), before);
}

#[tokio::test]
async fn wait_all_is_accepted_and_another_wait_is_not() {
    let stand = Stand::new().await;

    stand
        .assert_admitted(&Call::post(r#"{"path": "/about", "wait": "all"}"#))
        .await;
    stand
        .assert_refused(&Call::post(r#"{"path": "/about", "wait": "some"}"#), 400)
        .await;
}

#[tokio::test(start_paused = true)]
async fn settle_does_the_same_again_later() {
    let stand = Stand::new().await;

    stand
        .revalidate(r#"{"path": "/about", "settle": 30}"#)
        .await;
    assert_eq!(stand.cache.metrics().sequence(), 1);
    tokio::time::sleep(secs(31)).await;

    assert_eq!(
        (stand.cache.metrics().sequence(), stand.site.renders()),
        (2, 2)
    );
}

#[tokio::test]
async fn a_path_may_be_raw_or_encoded_and_with_or_without_its_last_slash() {
    let stand = Stand::new().await;
    stand.page("/posts/caf%C3%A9").await;
    stand.page("/docs/a/").await;
    let spellings = [
        ("/posts/café", "/posts/{slug}"),
        ("/posts/caf%C3%A9", "/posts/{slug}"),
        ("/posts/caf%c3%a9", "/posts/{slug}"),
        ("/posts/caf%C3%A9/", "/posts/{slug}"),
        ("/docs/a", "/docs/{name}/"),
        ("/docs/a/", "/docs/{name}/"),
        ("/", "/"),
    ];

    for (path, page) in spellings {
        let answer = stand.revalidate(value!({"path": path}).to_string()).await;

        assert_eq!(statuses(&answer), ["regenerated"], "{path}: {answer}");
        assert_eq!(answer["receipts"][0]["page"], page, "{path}");
    }
    let rendered: Vec<_> = stand
        .site
        .seen()
        .into_iter()
        .skip(2)
        .map(|seen| seen.uri.to_string())
        .collect();
    let cafe = "/posts/caf%C3%A9";
    assert_eq!(
        rendered,
        [cafe, cafe, cafe, cafe, "/docs/a/", "/docs/a/", "/"]
    );
}

#[tokio::test]
async fn a_pattern_given_as_a_path_is_refused_with_a_hint() {
    let stand = Stand::new().await;

    for path in [
        "/posts/{slug}",
        "/posts/[slug]",
        "/posts/:slug",
        "/docs/{*rest}",
    ] {
        let answer = stand
            .assert_refused(&Call::post(value!({"path": path}).to_string()), 400)
            .await;

        assert!(
            answer.text().contains(r#"{\"page\": …}"#),
            "{path}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn get_is_off_until_it_is_asked_for() {
    let closed = Stand::admitting(bearer().also_query("secret")).await;
    let open = Stand::set(bearer().also_query("secret"), |service| {
        service.allow_get(true)
    })
    .await;
    let target = format!("/api/revalidate?secret={SECRET}&path=/posts/a&tag=posts&tag=more");

    let refused = closed.assert_refused(&Call::get(target.clone()), 405).await;
    open.assert_admitted(&Call::get(target.clone())).await;

    assert_eq!(refused.header("allow"), "POST, PUT");
    open.assert_refused(&Call::get(target.replace("secret=z", "secret=y")), 401)
        .await;
    open.assert_refused(&Call::get(format!("{target}&pth=/a")), 400)
        .await;
}

#[tokio::test]
async fn a_flag_of_a_query_needs_no_value() {
    let stand = Stand::set(bearer().also_query("secret"), |service| {
        service.allow_get(true)
    })
    .await;
    let get = |rest: &str| Call::get(format!("/api/revalidate?secret={SECRET}&{rest}"));

    for all in ["all", "all=1", "all=true"] {
        stand.assert_admitted(&get(all)).await;
    }
    for dry_run in ["tag=posts&dry_run", "dry_run&all", "dry_run=true&all"] {
        let before = stand.work();
        let answer = stand.send(&get(dry_run)).await;
        assert_eq!(answer.status, 200, "{dry_run}: {}", answer.text());
        assert_eq!(stand.work(), before, "{dry_run}");
    }
    let answer = stand.send(&get("path=/posts/new&only_cached")).await;
    assert_eq!(json(&answer)["receipts"][0]["status"], "not_cached");
    for neither in ["all=0", "all=false", "all=maybe", "all&all", "dry_run"] {
        stand.assert_refused(&get(neither), 400).await;
    }
}

/// `?all=$ALL` of a script whose variable is empty must not mean everything.
#[tokio::test]
async fn a_parameter_that_was_not_filled_is_400() {
    let stand = Stand::set(bearer().also_query("secret"), |service| {
        service.allow_get(true)
    })
    .await;

    for query in [
        "all=",
        "path=/about&all=",
        "path=/about&dry_run=",
        "path=/about&only_cached=",
        "path=/about&host=",
        "path=/about&mode=",
        "path=/about&settle=",
        "path=/about&wait=",
    ] {
        let call = Call::get(format!("/api/revalidate?secret={SECRET}&{query}"));
        let answer = stand.assert_refused(&call, 400).await;
        let text = answer.text().to_owned();
        assert!(
            !query.contains("all=") || text.contains("`all` is empty"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_post_to_a_page_purges_nothing() {
    let stand = Stand::new().await;
    stand.page("/posts/a").await;

    for target in [
        "/posts/a",
        "/posts/a/",
        "/posts/a?revalidate=1",
        "/posts/a/revalidate",
    ] {
        let call = Call::post(r#"{"path": "/posts/a"}"#)
            .to(target)
            .header("x-prerender-revalidate", SECRET);
        crate::call::exchange(stand.address, &call.bytes()).await;
    }

    assert_eq!(stand.cache.metrics().sequence(), 0);
    assert!(stand.page("/posts/a").await.cache_status().contains("hit"));
}

#[tokio::test]
async fn a_path_that_no_browser_would_send_is_refused_or_no_page_and_nothing_is_done() {
    let stand = Stand::new().await;
    let before = stand.work();

    for path in ["/posts/a?x=1", "/posts/a#x"] {
        stand
            .assert_refused(&Call::post(value!({"path": path}).to_string()), 400)
            .await;
    }
    for path in [
        "/posts/../about",
        "/posts/%2e%2e/about",
        "/posts//a",
        "/posts/%zz",
        "/posts/%00",
    ] {
        let answer = stand.revalidate(value!({"path": path}).to_string()).await;

        assert_eq!(
            (statuses(&answer), &answer["revalidated"]),
            (vec!["not_a_page"], &false.into()),
            "{path}"
        );
    }
    assert_eq!(stand.work(), before);
}

#[tokio::test]
async fn a_param_may_be_a_whole_number_and_holds_its_special_characters() {
    let stand = Stand::new().await;
    let with =
        |slug: Value| value!({"page": "/posts/{slug}", "params": {"slug": slug}}).to_string();

    for slug in [value!(7), value!("a/b"), value!("a?b"), value!("é")] {
        assert_eq!(
            statuses(&stand.revalidate(with(slug)).await),
            ["regenerated"]
        );
    }
    for slug in [value!(1.5), value!(true), value!(["a"]), value!("")] {
        stand.assert_refused(&Call::post(with(slug)), 400).await;
    }
    let rendered: Vec<_> = stand
        .site
        .seen()
        .into_iter()
        .map(|seen| seen.uri.to_string())
        .collect();
    assert_eq!(
        rendered,
        ["/posts/7", "/posts/a%2Fb", "/posts/a%3Fb", "/posts/%C3%A9"]
    );
}
