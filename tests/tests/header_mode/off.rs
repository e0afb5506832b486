//! Tests that header mode is off by default, and never applies to a page.

use isr_layer::{IsrLayer, Page};
use isr_tests::{Site, ask, get};
use tower::Layer;

use crate::{Plain, builder, says, visit};

#[tokio::test]
async fn without_it_routes_that_are_no_pages_are_untouched() {
    let site = Site::new();
    site.act(says("max-age=60"));
    let service = IsrLayer::builder()
        .pages([Page::new("/page")])
        .build()
        .unwrap()
        .layer(site.clone());

    visit(&service).await;
    let second = visit(&service).await;

    assert_eq!(site.renders(), 2);
    assert_eq!(second.cache_status(), "");
}

#[tokio::test(start_paused = true)]
async fn a_page_goes_on_as_its_policy_says_whatever_its_headers_say() {
    let site = Site::new();
    site.act(says("max-age=1"));
    let service = builder().build().unwrap().layer(site.clone());
    let page = || get::<Plain>("/page");

    ask(&service, page()).await;
    crate::pass(100).await;
    let later = ask(&service, page()).await;

    assert_eq!(later.cache_status(), "isr; hit");
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn it_has_a_share_of_memory_of_its_own_and_stays_inside_the_bound() {
    let site = Site::new();
    site.act(says("max-age=60"));
    let isr = builder().max_memory_bytes(200_000).build().unwrap();
    let service = isr.layer(site.clone());
    ask(&service, get::<Plain>("/page")).await;

    for at in 0..2_000 {
        ask(&service, get::<Plain>(&format!("/a/{at}"))).await;
    }

    assert!(
        isr.cache().metrics().bytes() <= 200_000,
        "{:?}",
        isr.cache().metrics()
    );
    assert_eq!(
        ask(&service, get::<Plain>("/page")).await.cache_status(),
        "isr; hit"
    );
}

#[tokio::test]
async fn a_client_that_may_see_drafts_goes_past_it_both_ways() {
    let site = Site::new();
    site.act(says("max-age=60"));
    let secret = "a-secret-of-more-than-24-bytes";
    let isr = builder().draft(secret).build().unwrap();
    let service = isr.layer(site.clone());
    let drafts = isr.draft_service().unwrap();
    let allowed = ask(
        &drafts,
        get::<Plain>(&format!("/api/draft?secret={secret}")),
    )
    .await;
    let cookie = allowed
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    for _ in 0..2 {
        let shown = crate::visit_with(&service, &[("cookie", &cookie)]).await;
        assert_eq!(shown.cache_status(), "");
    }

    assert_eq!(site.renders(), 2);
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}
