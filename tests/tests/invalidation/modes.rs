//! The three modes: who waits, who gets the old page, and what each selector reaches.

use std::time::Duration;

use isr_layer::{Mode, Page, Policy, Purge, Status};
use isr_tests::settle;

use crate::house::{A, House, POST, done, is_hit, is_marked, only, pass, version};
use crate::stage::End;

const B: &str = "/posts/b";

/// Purges and tells whether the next request of each path still gets the page of before as a fresh hit.
async fn untouched<const N: usize>(house: &House, purge: Purge, paths: [&str; N]) -> [bool; N] {
    house.purge(purge.mode(Mode::Expire)).await;
    let mut hits = [false; N];
    for (hit, path) in hits.iter_mut().zip(paths) {
        *hit = is_hit(&house.get(path).await);
    }
    hits
}

async fn warm(house: &House, paths: &[&str]) {
    for path in paths {
        house.get(path).await;
    }
}

#[tokio::test(start_paused = true)]
async fn regenerate_shows_readers_the_old_page_until_the_swap_and_the_new_one_after_it() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.stage.publish(A, 2);

    let purging = house.purging(Purge::path(A)).await;
    let meanwhile = house.get(A).await;
    house.stage.open();
    done(purging).await;
    let after = house.get(A).await;

    assert_eq!((version(&meanwhile), is_marked(&meanwhile)), (Some(1), true));
    assert_eq!((version(&after), is_hit(&after)), (Some(2), true));
    assert_eq!(house.stage.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn stale_makes_nobody_wait_and_starts_one_refresh() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.stage.publish(A, 2);

    house.purge(Purge::tag("posts")).await;
    for _ in 0..10 {
        let answer = done(house.visit(A).await).await;
        assert_eq!((version(&answer), is_marked(&answer)), (Some(1), true));
    }
    assert_eq!(house.stage.renders(), 2);
    house.stage.open();
    settle().await;

    let after = house.get(A).await;
    assert_eq!((version(&after), is_hit(&after)), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn expire_makes_the_next_request_wait_for_a_new_page() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.stage.publish(A, 2);

    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    let next = house.visit(A).await;
    assert!(!next.is_finished());
    house.stage.open();

    let next = done(next).await;
    assert_eq!((version(&next), is_marked(&next)), (Some(2), false));
    assert_eq!(house.stage.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_expire_followed_by_a_stale_is_still_an_expire() {
    for second in
        [Purge::path(A).mode(Mode::Stale), Purge::tag("posts"), Purge::all(), Purge::prefix("/posts")]
    {
        let house = House::new();
        house.get(A).await;
        house.stage.publish(A, 2);

        house.purge(Purge::path(A).mode(Mode::Expire)).await;
        house.purge(second.clone()).await;

        assert_eq!(version(&house.get(A).await), Some(2), "{second:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_that_comes_during_the_render_after_an_expire_brings_no_old_page_back() {
    let house = House::new();
    house.get(A).await;
    house.stage.publish(A, 2);
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    house.stage.hold();
    let waiter = house.visit(A).await;

    house.purge(Purge::tag("posts")).await;
    let later = house.visit(A).await;
    house.stage.open();

    for visit in [waiter, later] {
        assert_eq!(version(&done(visit).await), Some(2));
    }
}

#[tokio::test(start_paused = true)]
async fn the_modes_by_default_are_regenerate_for_one_path_and_stale_for_the_rest() {
    let house = House::new();
    warm(&house, &[A, B, "/"]).await;
    let before = house.stage.renders();

    for stale in [Purge::page("/posts/{slug}"), Purge::prefix("/"), Purge::tag("posts"), Purge::all()] {
        assert_eq!(house.receipt(stale).await.status(), Status::Marked);
        assert_eq!(house.stage.renders(), before);
    }
    let one = house.receipt(Purge::path(A)).await;
    let other = house.receipt(Purge::page("/posts/{slug}").param("slug", "b")).await;

    assert_eq!((one.status(), other.status()), (Status::Regenerated, Status::Regenerated));
    assert_eq!(house.stage.renders(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_one_number_and_changes_everything_it_names() {
    let house = House::new();
    warm(&house, &[A, B, "/about", "/"]).await;
    let before = house.cache.stats().sequence;
    let batch = [Purge::path(A), Purge::tag("post:b"), Purge::path("/about")];

    let receipt = house.purge(Purge::batch(batch).mode(Mode::Expire)).await;

    assert_eq!(receipt.sequence(), Some(before + 1));
    assert_eq!(house.cache.stats().sequence, before + 1);
    assert_eq!(receipt.receipts().len(), 3);
    for (path, hit) in [(A, false), (B, false), ("/about", false), ("/", true)] {
        assert_eq!(is_hit(&house.get(path).await), hit, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_may_mix_modes() {
    let house = House::new();
    warm(&house, &[A, B]).await;
    house.stage.publish(A, 2);
    house.stage.publish(B, 2);

    house.purge(Purge::batch([Purge::path(A).mode(Mode::Stale), Purge::path(B).mode(Mode::Expire)])).await;

    assert_eq!(version(&house.get(A).await), Some(1));
    assert_eq!(version(&house.get(B).await), Some(2));
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

    let hits = untouched(&house, Purge::page("/posts/{slug}").param("slug", "a"), [A, B]).await;

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

        assert_eq!(untouched(&house, Purge::prefix(prefix), paths).await, expected, "{prefix}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_front_page_is_purged_like_any_other() {
    let house = House::new();
    warm(&house, &["/", A]).await;
    house.stage.publish("/", 2);

    let receipt = house.receipt(Purge::path("/")).await;

    assert_eq!(receipt.status(), Status::Regenerated);
    assert_eq!(version(&house.get("/").await), Some(2));
    assert!(is_hit(&house.get(A).await));
}

#[tokio::test(start_paused = true)]
async fn a_path_is_purged_in_any_spelling() {
    for (cached, spellings) in [
        ("/posts/caf%C3%A9", &["/posts/café", "/posts/caf%c3%a9", "/posts/caf%C3%A9", "/p%6Fsts/café/"][..]),
        ("/posts/a%20b", &["/posts/a b", "/posts/a%20b"]),
        ("/posts/a%2Fb", &["/posts/a%2Fb", "/posts/a%2fb"]),
        (A, &["/posts/a", "/posts/a/", "/posts/%61"]),
    ] {
        for spelling in spellings {
            let house = House::new();
            house.get(cached).await;

            let receipt = house.receipt(Purge::path(*spelling)).await;

            assert_eq!(receipt.status(), Status::Regenerated, "{spelling}");
            assert!(receipt.previous_etag().is_some(), "{spelling} names what was cached as {cached}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_route_ends_in_a_slash_is_purged_with_and_without_it() {
    const DOCS: Page = Page::new("/docs/");
    for spelling in ["/docs/", "/docs"] {
        let house = House::pages([DOCS]);
        house.get("/docs/").await;

        assert_eq!(untouched(&house, Purge::path(spelling), ["/docs/"]).await, [false], "{spelling}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_holds_the_decoded_parameter() {
    let house = House::new();
    warm(&house, &["/posts/caf%C3%A9", "/posts/cafe"]).await;

    let hits = untouched(&house, Purge::tag("post:café"), ["/posts/caf%C3%A9", "/posts/cafe"]).await;

    assert_eq!(hits, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_path_reaches_every_variant_of_its_page() {
    const LIST: Page = Page::new("/list").policy(Policy::new().query(&["page"]));
    let variants = ["/list", "/list?page=1", "/list?page=2"];
    let house = House::pages([LIST]);
    warm(&house, &variants).await;
    house.stage.publish("/list", 2);

    let receipt = house.receipt(Purge::path("/list")).await;

    assert_eq!(receipt.status(), Status::Regenerated);
    assert_eq!(house.stage.renders(), 6, "each cached variant is rendered anew");
    for variant in variants {
        let answer = house.get(variant).await;
        assert_eq!((version(&answer), is_hit(&answer)), (Some(2), true), "{variant}");
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
        Purge::page("/posts/{slug}").param("slug", "b"),
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
async fn a_slow_regeneration_is_reported_as_running_within_two_seconds_and_goes_on() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.stage.publish(A, 2);

    let purging = house.purging(Purge::path(A)).await;
    pass(Duration::from_millis(1_900)).await;
    assert!(!purging.is_finished());
    pass(Duration::from_millis(150)).await;
    assert_eq!(only(&done(purging).await).status(), Status::Running);
    let meanwhile = house.get(A).await;
    assert_eq!((version(&meanwhile), is_marked(&meanwhile)), (Some(1), true));
    house.stage.held()[0].end(End::Page);
    settle().await;

    assert_eq!(version(&house.get(A).await), Some(2));
    assert_eq!(house.stage.renders(), 2);
}
