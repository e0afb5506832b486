//! Tests that each selector reaches its pages, in any spelling, and leaves all others fresh.

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Page, Policy, Purge};

use crate::house::{A, B, House, POST, is_hit, version, warm};

/// Purges, and returns for each path whether it is still a fresh hit.
async fn untouched<const N: usize>(house: &House, purge: Purge, paths: [&str; N]) -> [bool; N] {
    house.purge(purge.mode(Mode::Expire)).await;
    let mut hits = [false; N];
    for (hit, path) in hits.iter_mut().zip(paths) {
        *hit = is_hit(&house.get(path).await);
    }
    hits
}

#[tokio::test(start_paused = true)]
async fn a_pattern_reaches_every_instance_of_its_page_and_no_other_page() {
    let house = House::new();
    let paths = [A, B, "/posts/caf%C3%A9", "/about", "/"];
    warm(&house, &paths).await;

    let hits = untouched(&house, Purge::page("/posts/{slug}"), paths).await;

    assert_eq!(hits, [false, false, false, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_page_with_params_is_one_instance() {
    let house = House::new();
    warm(&house, &[A, B]).await;

    let hits = untouched(
        &house,
        Purge::instance("/posts/{slug}", [("slug", "a")]),
        [A, B],
    )
    .await;

    assert_eq!(hits, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_page_may_be_written_with_brackets_or_a_colon() {
    for pattern in ["/posts/[slug]", "/posts/:slug", "/posts/{slug}"] {
        let house = House::new();
        house.get(A).await;

        let hits = untouched(&house, Purge::page(pattern), [A]).await;

        assert_eq!(hits, [false], "{pattern}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_ends_at_a_segment_boundary() {
    const BLOG: Page = Page::new("/blog");
    const BLOGS: Page = Page::new("/blogs");
    const IN_BLOG: Page = Page::new("/blog/{slug}");
    let paths = ["/blog", "/blogs", "/blog/a"];
    for (prefix, expected) in [
        ("/blog", [false, true, false]),
        ("/blog/", [true, true, false]),
        ("/blog/a", [true, true, false]),
        ("/blo", [true, true, true]),
        ("/", [false, false, false]),
    ] {
        let house = House::pages([BLOG, BLOGS, IN_BLOG]);
        warm(&house, &paths).await;

        assert_eq!(
            untouched(&house, Purge::prefix(prefix), paths).await,
            expected,
            "{prefix}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_front_page_is_purged_like_any_other() {
    let house = House::new();
    warm(&house, &["/", A]).await;
    house.stage.publish("/", 2);

    let receipt = house.receipt(Purge::path("/")).await;

    assert_eq!(receipt.status(), SelectorStatus::Regenerated);
    assert_eq!(version(&house.get("/").await), Some(2));
    assert!(is_hit(&house.get(A).await));
}

#[tokio::test(start_paused = true)]
async fn a_path_is_purged_in_any_spelling() {
    for (cached, spellings) in [
        (
            "/posts/caf%C3%A9",
            &[
                "/posts/café",
                "/posts/caf%c3%a9",
                "/posts/caf%C3%A9",
                "/p%6Fsts/café/",
            ][..],
        ),
        ("/posts/a%20b", &["/posts/a b", "/posts/a%20b"]),
        ("/posts/a%2Fb", &["/posts/a%2Fb", "/posts/a%2fb"]),
        (A, &["/posts/a", "/posts/a/", "/posts/%61"]),
    ] {
        for spelling in spellings {
            let house = House::new();
            house.get(cached).await;

            let receipt = house.receipt(Purge::path(*spelling)).await;

            assert_eq!(receipt.status(), SelectorStatus::Regenerated, "{spelling}");
            assert!(
                receipt.previous_etag().is_some(),
                "{spelling} names what was cached as {cached}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_route_ends_in_a_slash_is_purged_with_and_without_it() {
    const DOCS: Page = Page::new("/docs/");
    for spelling in ["/docs/", "/docs"] {
        let house = House::pages([DOCS]);
        house.get("/docs/").await;

        assert_eq!(
            untouched(&house, Purge::path(spelling), ["/docs/"]).await,
            [false],
            "{spelling}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_holds_the_decoded_parameter() {
    let house = House::new();
    warm(&house, &["/posts/caf%C3%A9", "/posts/cafe"]).await;

    let hits = untouched(
        &house,
        Purge::tag("post:café"),
        ["/posts/caf%C3%A9", "/posts/cafe"],
    )
    .await;

    assert_eq!(hits, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_path_reaches_every_variant_of_its_page() {
    const LIST: Page = Page::new("/list").with_policy(Policy::new().query(&["page"]));
    let variants = ["/list", "/list?page=1", "/list?page=2"];
    let house = House::pages([LIST]);
    warm(&house, &variants).await;
    house.stage.publish("/list", 2);

    let receipt = house.receipt(Purge::path("/list")).await;

    assert_eq!(receipt.status(), SelectorStatus::Regenerated);
    assert_eq!(
        house.stage.renders(),
        6,
        "each cached variant is rendered anew"
    );
    for variant in variants {
        let answer = house.get(variant).await;
        assert_eq!(
            (version(&answer), is_hit(&answer)),
            (Some(2), true),
            "{variant}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_is_purged_by_path_by_page_and_by_tag() {
    for purge in [
        Purge::path(A),
        Purge::page("/posts/{slug}"),
        Purge::tag("post:a"),
        Purge::tag("posts"),
        Purge::all(),
    ] {
        for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
            let house = House::pages([POST]);
            house.stage.publish(A, 0);
            assert_eq!(house.get(A).await.status, 404);
            house.stage.publish(A, 2);
            assert_eq!(house.get(A).await.status, 404, "it is kept for a while");

            house.purge(purge.clone().mode(mode)).await;

            assert_eq!(version(&house.get(A).await), Some(2), "{purge:?}, {mode:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_something_else_leaves_a_page_fresh() {
    let house = House::new();
    house.get(A).await;

    for other in [
        Purge::path(B),
        Purge::page("/about"),
        Purge::instance("/posts/{slug}", [("slug", "b")]),
        Purge::prefix("/post"),
        Purge::prefix("/posts/a/b"),
        Purge::tag("post:b"),
        Purge::tag("post"),
        Purge::tag("*"),
    ] {
        house.purge(other.clone().mode(Mode::Expire)).await;
        assert!(is_hit(&house.get(A).await), "{other:?}");
    }
    assert_eq!(house.stage.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn params_that_make_the_path_of_another_page_name_nothing() {
    const NEW: Page = Page::new("/posts/new");
    const LIST: Page = Page::new("/posts/");
    let house = House::pages([POST, NEW, LIST]);

    for (slug, path) in [("new", "/posts/new"), ("", "/posts/")] {
        let receipt = house
            .receipt(Purge::instance("/posts/{slug}", [("slug", slug)]))
            .await;
        house.get(path).await;
        house.stage.publish(path, 7);
        house.purge(Purge::page(path).mode(Mode::Expire)).await;

        assert_eq!(receipt.status(), SelectorStatus::NotAPage, "{path}");
        assert_eq!(version(&house.get(path).await), Some(7), "{path}");
    }
}
