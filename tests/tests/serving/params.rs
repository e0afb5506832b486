//! Tests `params` and `fallback = "not_found"`: the paths that a page has, and the moments when its
//! list is read again.

use std::time::Duration;

use axum::body::Body;
use isr_layer::params::ParamsFuture;
use isr_layer::purge::SelectorStatus;
use isr_layer::{ErrorKind, Fallback, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Reply, Site, ask, get, head, settle};

use crate::listed::{ABOUT, House, OPEN, POST, Told, is_unlisted};
use crate::secs;

#[tokio::test(start_paused = true)]
async fn a_path_outside_params_is_404_its_handler_never_runs_and_nothing_is_stored() {
    let house = House::new(&["a"]);

    let outside = house.get("/posts/b").await;
    let again = house.get("/posts/b").await;
    let inside = house.get("/posts/a").await;

    assert!(is_unlisted(&outside) && is_unlisted(&again), "{outside:?}");
    assert_eq!(
        (outside.text(), inside.text()),
        ("not found\n", "/posts/a v1")
    );
    assert_eq!(
        (house.site.renders(), house.isr.cache().metrics().entries()),
        (1, 1)
    );
    assert_eq!(house.slugs.reads(), 1, "the list is read once");
}

#[tokio::test(start_paused = true)]
async fn a_head_outside_params_has_no_body() {
    let house = House::new(&["a"]);

    let answer = ask(&house.app, head::<Body>("/posts/b")).await;

    assert!(is_unlisted(&answer) && answer.body.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_listed_path_is_the_same_in_every_spelling() {
    let house = House::new(&["café", "a/b", "x y"]);

    for path in [
        "/posts/caf%C3%A9",
        "/posts/caf%c3%a9",
        "/posts/a%2Fb",
        "/posts/x%20y",
    ] {
        assert_eq!(house.get(path).await.status, 200, "{path}");
    }
    assert!(is_unlisted(&house.get("/posts/xy").await));
}

#[tokio::test(start_paused = true)]
async fn many_that_need_the_list_at_once_wait_for_one_reading() {
    let house = House::new(&["a"]);
    house.slugs.gate.close();

    let inside = house.visit("/posts/a").await;
    let outside = house.visit("/posts/b").await;
    let other = house.visit("/posts/c").await;
    assert!(!inside.is_finished() && !outside.is_finished());
    house.slugs.gate.open();

    assert_eq!(inside.await.unwrap().status, 200);
    assert!(is_unlisted(&outside.await.unwrap()) && is_unlisted(&other.await.unwrap()));
    assert_eq!(house.slugs.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_without_fallback_and_a_hit_never_read_the_list() {
    let house = House::with(&["a"], POST.with_policy(Policy::new()), |builder| builder);

    house.get("/posts/a").await;
    house.get("/posts/b").await;
    house.get("/about").await;

    assert_eq!((house.site.renders(), house.slugs.reads()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_the_page_reads_the_list_again() {
    for purge in [
        Purge::page("/posts/{slug}"),
        Purge::prefix("/posts"),
        Purge::all(),
    ] {
        for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
            let house = House::new(&["a"]);
            house.get("/posts/a").await;
            assert!(is_unlisted(&house.get("/posts/b").await));
            house.slugs.tell(Told::Slugs(&["b"]));

            house.purge(purge.clone().mode(mode)).await;
            let added = house.get("/posts/b").await;
            settle().await;

            assert_eq!(added.status, 200, "{purge:?} {mode:?}");
            assert!(
                is_unlisted(&house.get("/posts/a").await),
                "{purge:?} {mode:?}"
            );
            assert_eq!(house.slugs.reads(), 2, "{purge:?} {mode:?}");
        }
    }
}

/// Once, a site that publishes by tag never got its new posts: the list was read again only if a
/// purge named the page.
#[tokio::test(start_paused = true)]
async fn a_purge_of_a_tag_that_every_instance_carries_reads_the_list_again_and_another_does_not() {
    const POLICY: Policy = Policy::new()
        .fallback(Fallback::NotFound)
        .tags(&["posts", "post:{slug}"]);
    for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
        for (tag, reads) in [("posts", 2), ("post:a", 1), ("other", 1)] {
            let house = House::with(&["a"], POST.with_policy(POLICY), |builder| builder);
            house.get("/posts/a").await;
            assert!(is_unlisted(&house.get("/posts/b").await));
            house.slugs.tell(Told::Slugs(&["a", "b"]));

            house.purge(Purge::tag(tag).mode(mode)).await;
            let added = house.get("/posts/b").await;

            assert_eq!(
                (is_unlisted(&added), house.slugs.reads()),
                (reads == 1, reads),
                "{tag} {mode:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_entry_of_a_path_that_is_listed_no_more_is_dropped() {
    let house = House::new(&["a", "b"]);
    house.get("/posts/a").await;
    house.get("/posts/b").await;
    house.get("/about").await;
    house.slugs.tell(Told::Slugs(&["a", "c"]));

    // The list does not have this path, so it is read again. Nothing else is marked.
    house.purge(Purge::path("/posts/c")).await;

    assert_eq!(house.isr.cache().metrics().entries(), 3, "a, c and about");
    assert!(is_unlisted(&house.get("/posts/b").await));
    assert_eq!(house.get("/posts/a").await.cache_status(), "isr; hit");
}

#[tokio::test(start_paused = true)]
async fn a_stale_reader_does_not_wait_for_the_list() {
    let house = House::new(&["a"]);
    house.get("/posts/a").await;
    house.slugs.gate.close();

    house
        .purge(Purge::page("/posts/{slug}").mode(Mode::Stale))
        .await;
    let reader = house.get("/posts/a").await;

    assert_eq!(reader.cache_status(), "isr; hit; ttl=0; detail=stale-mark");
    house.slugs.tell(Told::Slugs(&[]));
    house.slugs.gate.open();
    settle().await;
    assert!(is_unlisted(&house.get("/posts/a").await));
    assert_eq!(house.site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_path_purge_reads_the_list_again_only_where_the_list_misses_it() {
    let house = House::new(&["a"]);
    house.get("/posts/a").await;

    house.purge(Purge::path("/posts/a")).await;
    assert_eq!(house.slugs.reads(), 1);
    for mode in [Mode::Stale, Mode::Expire] {
        let before = house.slugs.reads();
        house.purge(Purge::path("/posts/b").mode(mode)).await;
        assert!(is_unlisted(&house.get("/posts/b").await));
        assert!(is_unlisted(&house.get("/posts/b").await));
        assert_eq!(house.slugs.reads(), before + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_regeneration_outside_params_is_an_unknown_path_until_it_is_listed() {
    let house = House::new(&["a"]);

    let before = house.purge(Purge::path("/posts/b")).await;
    house.slugs.tell(Told::Slugs(&["a", "b"]));
    let after = house
        .purge(Purge::instance("/posts/{slug}", [("slug", "b")]).mode(Mode::Regenerate))
        .await;

    let [one] = before.receipts() else {
        panic!("one selector")
    };
    assert_eq!(
        (one.status(), one.http().map(|http| http.as_u16())),
        (SelectorStatus::UnknownPath, Some(404))
    );
    assert!(!before.is_revalidated() && one.error().is_some());
    assert_eq!(after.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!((house.site.renders(), house.slugs.reads()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_leaves_the_last_one() {
    for told in [Told::Error, Told::Panic, Told::Hang] {
        let house = House::new(&["a"]);
        house.get("/posts/a").await;
        house.slugs.tell(told);

        house
            .purge(Purge::page("/posts/{slug}").mode(Mode::Expire))
            .await;

        assert_eq!(house.get("/posts/a").await.status, 200, "{told:?}");
        assert!(is_unlisted(&house.get("/posts/b").await), "{told:?}");
        house.slugs.tell(Told::Slugs(&["b"]));
        pass(secs(2)).await;
        assert_eq!(house.get("/posts/b").await.status, 200, "{told:?}");
        assert!(is_unlisted(&house.get("/posts/a").await), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_list_every_path_is_rendered_and_the_list_is_tried_again() {
    for told in [Told::Error, Told::Panic, Told::Hang] {
        let house = House::new(&[]);
        house.slugs.tell(told);

        assert_eq!(house.get("/posts/b").await.status, 200, "{told:?}");
        assert_eq!(house.get("/posts/c").await.status, 200, "{told:?}");
        assert_eq!(house.slugs.reads(), 1, "{told:?}: not at every request");
        house.slugs.tell(Told::Slugs(&["b"]));
        pass(secs(2)).await;

        assert!(is_unlisted(&house.get("/posts/d").await), "{told:?}");
        assert!(
            is_unlisted(&house.get("/posts/c").await),
            "{told:?}: it was stored meanwhile"
        );
        assert_eq!(
            house.get("/posts/b").await.cache_status(),
            "isr; hit",
            "{told:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_ends_at_the_time_limit_of_the_page() {
    let house = House::with(
        &[],
        POST.with_policy(Policy::new().fallback(Fallback::NotFound).timeout(secs(5))),
        |builder| builder,
    );
    house.slugs.tell(Told::Hang);

    let one = house.visit("/posts/a").await;
    let other = house.visit("/posts/b").await;
    pass(Duration::from_millis(5_001)).await;

    assert_eq!(
        (one.await.unwrap().status, other.await.unwrap().status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn a_render_in_progress_does_not_stay_for_a_path_that_is_listed_no_more() {
    let house = House::new(&["a", "b"]);
    house.site.after().close();
    let early = house.visit("/posts/b").await;
    house.slugs.tell(Told::Slugs(&["a", "c"]));

    let (cache, purge) = (house.isr.cache(), Purge::path("/posts/c"));
    let purging = tokio::spawn(async move { cache.revalidate(purge).await });
    settle().await;
    assert_eq!(house.slugs.reads(), 2);
    house.site.after().open();
    assert!(
        is_unlisted(&early.await.unwrap()),
        "it is a path the page has no more"
    );
    purging.await.unwrap();

    assert!(is_unlisted(&house.get("/posts/b").await));
    assert_eq!(house.isr.cache().metrics().entries(), 1, "c alone");
}

#[tokio::test(start_paused = true)]
async fn an_uncacheable_page_respects_the_list_too() {
    let house = House::new(&["a"]);
    house.site.act(Reply::page().header("set-cookie", "a=b"));
    house.get("/posts/a").await;
    house.slugs.tell(Told::Slugs(&[]));
    // Reads the list again, without a mark on `/posts/a` itself.
    house.purge(Purge::path("/posts/x")).await;

    assert!(is_unlisted(&house.get("/posts/a").await));
    assert_eq!(house.site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_paths_outside_params_costs_no_render_no_read_and_no_entry() {
    let house = House::new(&["a"]);
    house.get("/posts/a").await;

    for number in 0..1000 {
        assert!(is_unlisted(&house.get(&format!("/posts/{number}")).await));
    }

    let stats = house.isr.cache().metrics();
    assert_eq!(
        (
            house.site.renders(),
            house.slugs.reads(),
            stats.entries(),
            stats.flights()
        ),
        (1, 1, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn the_function_given_to_the_builder_overrides_the_page_s_own() {
    fn own() -> ParamsFuture {
        ParamsFuture::new(async { vec!["own"] })
    }
    let declared = POST.with_params(own);
    let house = House::with(&["given"], declared, |builder| builder);
    let site = Site::new();
    let isr = crate::isr([declared]);
    let plain = isr.wrap(site.for_axum());

    assert_eq!(house.get("/posts/given").await.status, 200);
    assert!(is_unlisted(&house.get("/posts/own").await));
    assert_eq!(ask(&plain, get::<Body>("/posts/own")).await.status, 200);
    assert!(is_unlisted(&ask(&plain, get::<Body>("/posts/given")).await));
}

#[tokio::test]
async fn values_may_be_tuples_numbers_and_plain_lists() {
    const DAY: Page =
        Page::new("/{year}/{month}").with_policy(Policy::new().fallback(Fallback::NotFound));
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([DAY])
        .params(DAY.path(), || async { vec![(2026_u32, "may".to_owned())] })
        .build()
        .unwrap();
    let app = isr.wrap(site.for_axum());

    assert_eq!(ask(&app, get::<Body>("/2026/may")).await.status, 200);
    assert!(is_unlisted(&ask(&app, get::<Body>("/2026/june")).await));
}

#[test]
fn a_list_that_fits_no_page_is_refused_when_the_layer_is_made() {
    let refused = |builder: IsrLayerBuilder| builder.build().expect_err("it is refused");
    let list = || async { vec!["a"] };

    let unknown = refused(
        IsrLayer::builder()
            .without_registered()
            .pages([ABOUT])
            .params(OPEN.path(), list),
    );
    let without = refused(
        IsrLayer::builder()
            .without_registered()
            .pages([ABOUT])
            .params(ABOUT.path(), list),
    );
    let twice = refused(
        IsrLayer::builder()
            .without_registered()
            .pages([OPEN])
            .params(OPEN.path(), list)
            .params(OPEN.path(), list),
    );
    let missing = refused(IsrLayer::builder().without_registered().pages([POST]));

    assert_eq!(unknown.kind(), ErrorKind::Configuration);
    assert!(unknown.to_string().contains("/open/{slug}"), "{unknown}");
    assert!(without.to_string().contains("no parameter"), "{without}");
    assert!(twice.to_string().contains("/open/{slug}"), "{twice}");
    assert_eq!(missing.kind(), ErrorKind::Policy);
    assert!(missing.to_string().contains("not_found"), "{missing}");
}

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
    settle().await;
}
