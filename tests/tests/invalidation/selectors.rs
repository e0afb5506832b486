//! Tests that each selector reaches its pages, in any spelling, and leaves all others fresh.

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Page, Policy, Purge};

use crate::house::{A, B, House, POST, done, is_hit, only, version, warm};
use crate::stage::End;

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

/// A page with a wildcard has a path with the slash and one without it, and a content system knows
/// only one of them.
#[tokio::test(start_paused = true)]
async fn a_purge_reaches_a_path_with_and_without_its_trailing_slash_if_both_are_pages() {
    const CATEGORY: Page = Page::new("/c/{*rest}");
    let paths = ["/c/news", "/c/news/"];
    for cached in [&paths[..1], &paths[1..], &paths[..]] {
        for purged in ["/c/news", "/c/news/", "/c/%6Eews/"] {
            for mode in [Mode::Regenerate, Mode::Stale, Mode::Expire] {
                let house = House::pages([CATEGORY]);
                warm(&house, cached).await;
                paths.iter().for_each(|path| house.stage.publish(path, 2));

                let receipt = house.receipt(Purge::path(purged).mode(mode)).await;

                let case = format!("{cached:?}, {purged}, {mode:?}");
                let renders = house.stage.renders() - cached.len();
                if mode == Mode::Regenerate {
                    assert_eq!(receipt.status(), SelectorStatus::Regenerated, "{case}");
                    assert!(receipt.previous_etag().is_some(), "{case}");
                    assert_ne!(receipt.previous_etag(), receipt.etag(), "{case}");
                    assert_eq!(renders, cached.len(), "{case}: only what was cached");
                } else {
                    assert_eq!(receipt.status(), SelectorStatus::Marked, "{case}");
                    assert_eq!(renders, 0, "{case}");
                }
                for path in cached {
                    let answer = house.get(path).await;
                    let is_old = mode == Mode::Stale;
                    assert_eq!(version(&answer), Some(if is_old { 1 } else { 2 }), "{case}");
                    assert_eq!(is_hit(&answer), mode == Mode::Regenerate, "{case}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_other_spelling_is_rendered_also_if_only_a_variant_of_it_is_cached() {
    const CATEGORY: Page = Page::new("/c/{*rest}").with_policy(Policy::new().query(&["page"]));
    let house = House::pages([CATEGORY]);
    house.get("/c/news?page=2").await;
    house.stage.publish("/c/news", 2);

    let receipt = house.receipt(Purge::path("/c/news/")).await;
    let answer = house.get("/c/news?page=2").await;

    assert_eq!(receipt.status(), SelectorStatus::Regenerated);
    assert_eq!((version(&answer), is_hit(&answer)), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn the_other_spelling_is_rendered_also_if_its_first_render_is_in_progress() {
    const CATEGORY: Page = Page::new("/c/{*rest}");
    let house = House::pages([CATEGORY]);
    house.stage.hold();
    let early = house.visit("/c/news").await;
    house.stage.held()[0].read();
    isr_tests::settle().await;
    house.stage.publish("/c/news", 2);

    let purging = house.purging(Purge::path("/c/news/")).await;
    house.stage.open();
    let receipt = done(purging).await;
    done(early).await;
    let answer = house.get("/c/news").await;

    assert_eq!(only(&receipt).status(), SelectorStatus::Regenerated);
    assert_eq!((version(&answer), is_hit(&answer)), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn of_two_spellings_that_are_not_cached_the_one_that_was_named_is_rendered() {
    const CATEGORY: Page = Page::new("/c/{*rest}");
    for named in ["/c/news", "/c/news/"] {
        let house = House::pages([CATEGORY]);

        let receipt = house.receipt(Purge::path(named)).await;

        assert_eq!(receipt.status(), SelectorStatus::Regenerated);
        assert_eq!(house.stage.renders(), 1);
        assert!(is_hit(&house.get(named).await));
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_whose_wildcard_ends_in_a_slash_is_both_paths() {
    const CATEGORY: Page = Page::new("/c/{*rest}");
    for rest in ["news", "news/"] {
        let house = House::pages([CATEGORY]);
        warm(&house, &["/c/news", "/c/news/", "/c/new"]).await;

        let purge = Purge::instance("/c/{*rest}", [("rest", rest)]);
        let hits = untouched(&house, purge, ["/c/news", "/c/news/", "/c/new"]).await;

        assert_eq!(hits, [false, false, true], "{rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_pages_that_differ_by_the_slash_are_purged_together_under_one_receipt() {
    const DOCS: Page = Page::new("/docs");
    const FOLDER: Page = Page::new("/docs/");
    for (named, page) in [("/docs", "/docs"), ("/docs/", "/docs/")] {
        let house = House::pages([DOCS, FOLDER, POST]);
        warm(&house, &["/docs", "/docs/", A]).await;
        let paths = ["/docs", "/docs/", A];
        paths.iter().for_each(|path| house.stage.publish(path, 2));

        let receipt = house
            .purge(Purge::batch([Purge::path(named), Purge::path(A)]))
            .await;

        let [docs, post] = receipt.receipts() else {
            panic!("one receipt for each selector: {receipt:?}")
        };
        assert_eq!(
            (docs.page(), post.page()),
            (Some(page), Some("/posts/{slug}"))
        );
        for path in ["/docs", "/docs/", A] {
            assert_eq!(version(&house.get(path).await), Some(2), "{named}: {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_receipt_tells_of_the_spelling_whose_render_failed() {
    const CATEGORY: Page = Page::new("/c/{*rest}");
    let house = House::pages([CATEGORY]);
    warm(&house, &["/c/news", "/c/news/"]).await;
    house.stage.hold();

    let purging = house.purging(Purge::path("/c/news")).await;
    for held in house.stage.held() {
        let fails = held.path == "/c/news/";
        held.end(if fails { End::Status(500) } else { End::Page });
    }
    let receipt = done(purging).await;

    assert_eq!(only(&receipt).status(), SelectorStatus::Failed);
    assert!(!receipt.is_revalidated());
}

#[tokio::test(start_paused = true)]
async fn with_only_cached_the_spelling_that_is_cached_counts() {
    const CATEGORY: Page = Page::new("/c/{*rest}");
    let house = House::pages([CATEGORY]);
    warm(&house, &["/c/news"]).await;

    let other = house
        .receipt(Purge::path("/c/news/").only_cached(true))
        .await;
    let neither = house
        .receipt(Purge::path("/c/new/").only_cached(true))
        .await;
    let dry = house.receipt(Purge::path("/c/news/").dry_run(true)).await;

    assert_eq!(other.status(), SelectorStatus::Regenerated);
    assert_eq!(neither.status(), SelectorStatus::NotCached);
    assert_eq!(dry.status(), SelectorStatus::Marked);
    assert_eq!(house.stage.renders(), 2);
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
