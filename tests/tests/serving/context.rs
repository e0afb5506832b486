//! Tests the calls that a handler may make during a render, and that a page is stored only if its
//! own function ran.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Page, Purge, context, static_page};
use isr_tests::{Act, Reply, ask, get, settle};

use crate::{A, pass, secs, site_and_layer, site_with, visit};

fn tag_posts() {
    context::tag("posts");
}

#[tokio::test(start_paused = true)]
async fn a_tag_said_by_a_sync_helper_reaches_the_page() {
    let (site, isr, service) = site_and_layer(A);
    site.script(|_, _| {
        tag_posts();
        Reply::page().into()
    });
    visit(&service).await;
    site.publish(2);

    let _ = isr
        .cache()
        .revalidate(Purge::tag("posts").mode(Mode::Expire))
        .await;

    assert_eq!(visit(&service).await.text(), "/a v2");
}

/// A page must not carry what no purge can name: it would only take memory.
#[tokio::test(start_paused = true)]
async fn a_tag_that_no_purge_can_name_is_not_taken_and_the_others_are() {
    let (site, isr, service) = site_and_layer(A);
    site.script(|_, _| {
        for tag in ["", "a\nb", "a\u{85}", &"t".repeat(1_025), &"ü".repeat(513)] {
            context::tag(tag);
        }
        for tag in ["posts", &"t".repeat(1_024), "N*r;L"] {
            context::tag(tag);
        }
        Reply::page().into()
    });
    visit(&service).await;

    for (tag, matched) in [
        (String::new(), None),
        ("a\nb".to_owned(), None),
        ("a\u{85}".to_owned(), None),
        ("t".repeat(1_025), None),
        ("ü".repeat(513), None),
        ("posts".to_owned(), Some(1)),
        ("t".repeat(1_024), Some(1)),
        ("N*r;L".to_owned(), Some(1)),
    ] {
        let receipt = isr.cache().revalidate(Purge::tag(&tag)).await;

        let one = &receipt.receipts()[0];
        assert_eq!(one.matched(), matched, "{tag}");
        let refused = one.status() == SelectorStatus::Refused;
        assert_eq!(refused, matched.is_none(), "{tag}: {one:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_declared_tag_that_a_parameter_makes_too_long_or_odd_is_not_taken() {
    const POST: Page = Page::new("/p/{slug}")
        .with_policy(isr_layer::Policy::new().tags(&["posts", "a-post-by-the-name-of:{slug}"]));
    let (site, isr, service) = site_and_layer(POST);

    for path in ["/p/a%0Ab", &format!("/p/{}", "s".repeat(1_020))] {
        ask(&service, get::<crate::Plain>(path)).await;
        let hit = ask(&service, get::<crate::Plain>(path)).await;
        assert_eq!(hit.cache_status(), "isr; hit", "{path}");
    }

    let receipt = isr
        .cache()
        .revalidate(Purge::tag("posts").mode(Mode::Expire))
        .await;
    assert_eq!(receipt.receipts()[0].matched(), Some(2));
    ask(&service, get::<crate::Plain>("/p/a%0Ab")).await;
    assert_eq!(site.renders(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_tag_said_while_the_body_is_polled_reaches_the_page() {
    let (site, isr, service) = site_and_layer(A);
    site.act(Reply::page().chunk("text").run(tag_posts));
    visit(&service).await;

    let _ = isr
        .cache()
        .revalidate(Purge::tag("posts").mode(Mode::Expire))
        .await;
    visit(&service).await;

    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_lowest_lifetime_that_was_said_wins() {
    let (site, service) = site_with(crate::ten_seconds());
    site.script(|_, _| {
        context::revalidate_after(secs(5));
        context::revalidate_after(secs(50));
        context::expire_after(secs(20));
        context::expire_after(secs(2000));
        Reply::page().into()
    });
    visit(&service).await;

    let fresh = visit(&service).await;
    pass(20).await;
    let expired = visit(&service).await;

    assert_eq!(fresh.cache_status(), "isr; hit; ttl=5");
    assert_eq!(expired.cache_status(), "isr; fwd=stale; stored");
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_above_the_declared_one_changes_nothing() {
    let (site, service) = site_with(crate::ten_seconds());
    site.script(|_, _| {
        context::revalidate_after(secs(5000));
        Reply::page().into()
    });
    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=10");
}

#[tokio::test(start_paused = true)]
async fn no_store_said_while_the_body_is_polled_counts() {
    let (site, service) = site_with(A);
    site.act(Reply::page().chunk("text").run(context::no_store));

    visit(&service).await;
    visit(&service).await;

    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_in_one_render_does_not_last_to_the_next() {
    let (site, service) = site_with(A);
    site.script(|_, version| {
        if version == 1 {
            context::revalidate_after(secs(5));
        }
        Reply::page().into()
    });
    visit(&service).await;
    site.publish(2);
    pass(5).await;

    visit(&service).await;
    settle().await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
}

#[tokio::test(start_paused = true)]
async fn a_call_outside_a_render_is_harmless() {
    context::tag("posts");
    context::revalidate_after(Duration::ZERO);
    context::no_store();
    context::current().tag("posts");

    let (site, service) = site_with(A);
    visit(&service).await;
    visit(&service).await;

    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_takes_part_through_the_handle() {
    let app = Router::new().route(
        "/a",
        route(|| async {
            let current = context::current();
            let said = tokio::spawn(async move {
                current.tag("posts");
                current.revalidate_after(secs(7));
            });
            said.await.expect("the task says it");
            "a page"
        }),
    );
    let isr = crate::isr([A]);
    let service = isr.wrap(app);
    ask(&service, get::<Body>("/a")).await;
    let hit = ask(&service, get::<Body>("/a")).await;

    let _ = isr
        .cache()
        .revalidate(Purge::tag("posts").mode(Mode::Expire))
        .await;
    let rendered = ask(&service, get::<Body>("/a")).await;

    assert_eq!(hit.cache_status(), "isr; hit; ttl=7");
    assert_eq!(rendered.cache_status(), "isr; fwd=stale; stored");
}

#[static_page("/annotated")]
async fn annotated() -> &'static str {
    "the page's own function"
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_own_function_ran_is_stored() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([annotated::PAGE])
        .build()
        .unwrap();
    let service = isr.wrap(isr_layer::routes![annotated]);

    ask(&service, get::<Body>("/annotated")).await;

    assert_eq!(
        ask(&service, get::<Body>("/annotated"))
            .await
            .cache_status(),
        "isr; hit"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_function_at_a_pages_path_is_served_and_not_stored() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([annotated::PAGE])
        .build()
        .unwrap();
    let service = isr.wrap(Router::new().route("/annotated", route(|| async { "another" })));

    let first = ask(&service, get::<Body>("/annotated")).await;
    let second = ask(&service, get::<Body>("/annotated")).await;

    assert_eq!((first.text(), second.text()), ("another", "another"));
    assert_eq!(
        first.cache_status(),
        "isr; fwd=uri-miss; detail=handler-not-run"
    );
    assert_eq!(
        second.cache_status(),
        "isr; fwd=bypass; detail=handler-not-run"
    );
    assert_eq!(first.header("cache-control"), "no-store");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_runs_at_another_pages_path_is_served_and_not_stored() {
    let other = Page::new("/other").__handler("other", "elsewhere.rs", 1, 1);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([annotated::PAGE, other])
        .build()
        .unwrap();
    let service = isr.wrap(Router::new().route("/other", route(annotated)));

    let answer = ask(&service, get::<Body>("/other")).await;

    assert_eq!(answer.text(), "the page's own function");
    assert_eq!(
        answer.cache_status(),
        "isr; fwd=uri-miss; detail=handler-not-run"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_before_the_pages_function_ran_is_a_failure_and_keeps_the_page() {
    let down = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_down = down.clone();
    let guard = axum::middleware::from_fn(
        move |request: axum::extract::Request, next: axum::middleware::Next| {
            let is_down = is_down.load(std::sync::atomic::Ordering::SeqCst);
            async move {
                if is_down {
                    axum::response::IntoResponse::into_response(
                        http::StatusCode::SERVICE_UNAVAILABLE,
                    )
                } else {
                    next.run(request).await
                }
            }
        },
    );
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([annotated::PAGE])
        .build()
        .unwrap();
    let service = isr.wrap(isr_layer::routes![annotated].layer(guard));
    ask(&service, get::<Body>("/annotated")).await;
    down.store(true, std::sync::atomic::Ordering::SeqCst);

    let _ = isr
        .cache()
        .revalidate(Purge::path("/annotated").mode(Mode::Expire))
        .await;
    let kept = ask(&service, get::<Body>("/annotated")).await;

    assert_eq!(kept.text(), "the page's own function");
    assert_eq!(kept.cache_status(), "isr; fwd=stale; detail=failed-status");
}

#[tokio::test(start_paused = true)]
async fn a_page_built_by_hand_has_no_function_to_wait_for() {
    let (site, service) = site_with(A);
    site.act(Act::from(Reply::page()));

    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
}
