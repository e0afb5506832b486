//! Tests the modes of a call: pages rendered at once, pages rendered at the next request, and pages
//! never shown again.

use serde_json::{Value, json as value};

use crate::call::Call;
use crate::stand::Stand;

async fn cached(paths: &[&str]) -> Stand {
    let stand = Stand::new().await;
    for path in paths {
        stand.page(path).await;
    }
    stand.site.publish(2);
    stand
}

#[tokio::test]
async fn regenerate_is_the_default_for_a_path_and_stale_for_the_rest() {
    let stand = cached(&["/posts/a"]).await;
    let bodies = [
        (value!({"tag": "posts"}), 0),
        (value!({"page": "/posts/{slug}"}), 0),
        (value!({"prefix": "/posts"}), 0),
        (value!({"all": true}), 0),
        (value!({"path": "/posts/a"}), 1),
        (
            value!({"page": "/posts/{slug}", "params": {"slug": "a"}}),
            1,
        ),
    ];

    for (body, rendered) in bodies {
        let before = stand.site.renders();
        stand.revalidate(body.to_string()).await;

        assert_eq!(stand.site.renders() - before, rendered, "{body}");
    }
}

#[tokio::test]
async fn stale_shows_the_old_page_once_more_while_one_refresh_runs() {
    let stand = cached(&["/posts/a"]).await;

    stand
        .revalidate(r#"{"path": "/posts/a", "mode": "stale"}"#)
        .await;
    let first = stand.page("/posts/a").await;
    stand.cache.drained().await;

    assert_eq!(first.text(), "/posts/a v1");
    assert_eq!(stand.page("/posts/a").await.text(), "/posts/a v2");
    assert_eq!(stand.site.renders(), 2);
}

#[tokio::test]
async fn expire_never_shows_the_old_page_again() {
    let stand = cached(&["/posts/a", "/about"]).await;

    let answer = stand
        .revalidate(r#"{"tag": "posts", "path": "/about", "mode": "expire"}"#)
        .await;

    assert_eq!(answer["receipts"][0]["status"], "marked");
    assert_eq!(
        stand.site.renders(),
        2,
        "nothing is rendered before somebody asks"
    );
    assert_eq!(stand.page("/posts/a").await.text(), "/posts/a v2");
    assert_eq!(stand.page("/about").await.text(), "/about v2");
}

#[tokio::test]
async fn regenerate_on_a_tag_a_page_a_prefix_and_all_renders_what_is_cached_and_counts_it() {
    for selector in [
        value!({"tag": "posts"}),
        value!({"page": "/posts/{slug}"}),
        value!({"prefix": "/posts"}),
        value!({"all": true}),
    ] {
        let stand = cached(&["/posts/a", "/posts/b", "/posts/c"]).await;
        let mut body = selector.clone();
        body["mode"] = "regenerate".into();

        let answer = stand.revalidate(body.to_string()).await;

        let receipt = &answer["receipts"][0];
        assert_eq!(
            (&receipt["status"], &receipt["regenerated"]),
            (&"regenerated".into(), &3.into()),
            "{answer}"
        );
        assert_eq!(
            stand.page("/posts/b").await.text(),
            "/posts/b v2",
            "{selector}"
        );
        assert_eq!(stand.site.renders(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_within_two_seconds_and_says_running_for_what_goes_on() {
    let stand = cached(&["/posts/a"]).await;
    for body in [
        r#"{"path": "/posts/a"}"#,
        r#"{"tag": "posts", "mode": "regenerate", "wait": "all"}"#,
    ] {
        stand.site.before().close();
        let started = tokio::time::Instant::now();

        let answer = stand.revalidate(body).await;

        assert_eq!(answer["receipts"][0]["status"], "running", "{answer}");
        assert_eq!(answer["revalidated"], true);
        assert_eq!(started.elapsed().as_secs(), 2);
        stand.site.before().open();
        stand.cache.drained().await;
    }
    assert_eq!(stand.page("/posts/a").await.text(), "/posts/a v2");
}

#[tokio::test]
async fn a_mode_that_there_is_not_is_refused() {
    let stand = Stand::new().await;

    for mode in [
        value!("purge"),
        value!("Stale"),
        value!(""),
        value!(1),
        Value::Null,
    ] {
        stand
            .assert_refused(
                &Call::post(value!({"tag": "posts", "mode": mode}).to_string()),
                400,
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn regenerate_renders_the_most_used_first() {
    let paths = ["/posts/a", "/posts/b", "/posts/c", "/posts/d"];
    let stand = cached(&paths).await;
    for (path, visits) in [("/posts/c", 9), ("/posts/a", 5), ("/posts/d", 2)] {
        for _ in 0..visits {
            stand.page(path).await;
            // Uses are counted once a second.
            tokio::time::sleep(crate::secs(2)).await;
        }
    }

    stand
        .revalidate(r#"{"tag": "posts", "mode": "regenerate"}"#)
        .await;

    let rendered: Vec<_> = stand
        .site
        .seen()
        .into_iter()
        .skip(4)
        .map(|seen| seen.uri.to_string())
        .collect();
    assert_eq!(rendered, ["/posts/c", "/posts/a", "/posts/d", "/posts/b"]);
}
