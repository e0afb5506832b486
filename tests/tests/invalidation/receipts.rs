//! Tests that each selector has a receipt of its own, and that no receipt claims more than was
//! done.

use std::time::Duration;

use axum::body::Body;
use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Page, ParamSet, Policy, Purge};
use isr_tests::{ask, get, settle};
use tower::Layer;

use crate::house::{A, ABOUT, House, POST, done, is_hit, only, pass, version};
use crate::stage::{End, Stage};

#[tokio::test(start_paused = true)]
async fn a_regenerated_path_is_told_with_status_tags_and_time() {
    let house = House::new();
    let old = house.get(A).await;
    house.stage.hold();
    house.stage.publish(A, 2);

    let purging = house.purging(Purge::path(A)).await;
    pass(Duration::from_millis(120)).await;
    house.stage.open();
    let receipt = done(purging).await;
    let new = house.get(A).await;

    assert!(receipt.is_revalidated());
    assert_eq!(receipt.sequence(), Some(1));
    let one = only(&receipt);
    assert_eq!(
        (one.status(), one.page()),
        (SelectorStatus::Regenerated, Some("/posts/{slug}"))
    );
    assert_eq!(one.http().map(|status| status.as_u16()), Some(200));
    assert_eq!(
        (one.previous_etag(), one.etag()),
        (Some(old.header("etag")), Some(new.header("etag")))
    );
    assert_ne!(one.previous_etag(), one.etag());
    assert_eq!(one.render(), Some(Duration::from_millis(120)));
}

#[tokio::test(start_paused = true)]
async fn equal_content_keeps_its_tag_over_a_regeneration() {
    let house = House::new();
    house.get(A).await;

    let receipt = house.receipt(Purge::path(A)).await;

    assert_eq!(receipt.status(), SelectorStatus::Regenerated);
    assert_eq!(receipt.etag(), receipt.previous_etag());
}

#[tokio::test(start_paused = true)]
async fn a_path_that_was_never_asked_for_is_rendered() {
    let house = House::new();

    let receipt = house.receipt(Purge::path(A)).await;

    assert_eq!(
        (receipt.status(), receipt.previous_etag()),
        (SelectorStatus::Regenerated, None)
    );
    assert!(is_hit(&house.get(A).await));
}

#[tokio::test(start_paused = true)]
async fn a_path_the_handler_does_not_know_is_an_unknown_path() {
    let house = House::new();
    house.stage.publish(A, 0);

    let receipt = house.purge(Purge::path(A)).await;
    let again = house.receipt(Purge::path(A)).await;

    assert!(!receipt.is_revalidated());
    assert_eq!(only(&receipt).status(), SelectorStatus::UnknownPath);
    assert_eq!(
        only(&receipt).http().map(|status| status.as_u16()),
        Some(404)
    );
    assert_eq!(
        again.status(),
        SelectorStatus::UnknownPath,
        "a remembered 404 is no good page"
    );
}

#[tokio::test(start_paused = true)]
async fn a_good_page_that_became_a_404_is_regenerated() {
    let house = House::new();
    house.get(A).await;
    house.stage.publish(A, 0);

    let receipt = house.purge(Purge::path(A)).await;

    assert!(receipt.is_revalidated());
    assert_eq!(only(&receipt).status(), SelectorStatus::Regenerated);
    assert_eq!(
        only(&receipt).http().map(|status| status.as_u16()),
        Some(404)
    );
    assert_eq!(house.get(A).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn what_no_pattern_matches_is_not_a_page_and_marks_nothing() {
    let house = House::new();
    for purge in [
        Purge::path("/nothing"),
        Purge::path("posts/a"),
        Purge::path("/posts/../about"),
        Purge::path("//posts/a"),
        Purge::path("/posts/a?b=c"),
        Purge::path("https://example.com/posts/a"),
        Purge::path(""),
        Purge::path("/posts/{slug}"),
        Purge::page("/nothing"),
        Purge::instance("/posts/{slug}", [("id", "a")]),
        Purge::instance("/posts/{slug}", [("slug", "a"), ("more", "b")]),
        Purge::instance("/posts/{slug}", [("slug", "a"), ("slug", "b")]),
        Purge::instance("/about", [("slug", "a")]),
        Purge::prefix("posts"),
    ] {
        let receipt = house.purge(purge.clone()).await;

        assert_eq!(
            only(&receipt).status(),
            SelectorStatus::NotAPage,
            "{purge:?}"
        );
        assert!(only(&receipt).error().is_some(), "{purge:?} says why");
        assert!(!receipt.is_revalidated());
        assert_eq!(receipt.sequence(), None, "{purge:?}");
    }
    assert_eq!(house.stage.renders(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_instance_says_what_is_wrong() {
    const NEW: Page = Page::new("/posts/new");
    let house = House::pages([POST, NEW]);
    let post = |params: &[(&str, &str)]| {
        Purge::instance(
            "/posts/{slug}",
            params.iter().copied().collect::<ParamSet>(),
        )
    };

    for (purge, error) in [
        (
            post(&[("slug", "a"), ("slug", "b")]),
            "the page `/posts/{slug}`: the parameter `slug` is given twice",
        ),
        (
            post(&[("id", "a")]),
            "the page `/posts/{slug}`: `id` is not a parameter of the path",
        ),
        (
            post(&[("slug", "new")]),
            "`params` give the path `/posts/new`, which belongs to the page `/posts/new`",
        ),
        (
            post(&[]),
            "`Purge::instance` without parameters: `Purge::page` purges every instance",
        ),
    ] {
        let receipt = house.purge(purge.mode(Mode::Expire)).await;

        let said = only(&receipt).error().map(ToString::to_string);
        assert_eq!(said.as_deref(), Some(error));
        assert_eq!(receipt.sequence(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_option_on_a_part_of_a_batch_is_refused_and_not_widened() {
    let house = House::new();
    for option in ["dry_run", "only_cached", "settle"] {
        house.get(A).await;
        let misplaced = match option {
            "dry_run" => Purge::path(A).dry_run(true),
            "only_cached" => Purge::path(A).only_cached(true),
            _ => Purge::path(A).settle(std::time::Duration::from_secs(1)),
        };
        let before = house.get(A).await;

        let receipt = house
            .purge(Purge::batch([misplaced, Purge::path("/about")]))
            .await;

        let [first, second] = receipt.receipts() else {
            panic!("one receipt for each selector: {receipt:?}")
        };
        assert!(!receipt.is_revalidated() && !receipt.is_dry_run());
        assert_eq!(first.status(), SelectorStatus::Refused);
        assert!(
            first.error().unwrap().to_string().contains(option),
            "{first:?}"
        );
        assert_eq!(second.status(), SelectorStatus::Regenerated);
        assert!(is_hit(&house.get(A).await) && is_hit(&before), "{option}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_selectors_of_a_purge_make_a_purge_again() {
    let house = House::new();
    house.get(A).await;
    let purge = Purge::batch([Purge::path(A), Purge::tag("posts")]);

    let again = purge
        .selectors()
        .cloned()
        .map(Purge::from)
        .collect::<Purge>();

    assert_eq!(again, purge);
    assert!(house.purge(again).await.is_revalidated());
}

#[tokio::test(start_paused = true)]
async fn a_pattern_as_next_js_writes_it_is_refused_as_a_path() {
    let house = House::new();

    let receipt = house.receipt(Purge::path("/posts/[slug]")).await;

    assert_eq!(
        receipt.status(),
        SelectorStatus::NotAPage,
        "it was rendered as the post called `[slug]`"
    );
}

#[tokio::test(start_paused = true)]
async fn in_a_batch_what_is_unknown_does_not_keep_the_rest_from_its_purge() {
    let house = House::new();
    house.get(A).await;
    house.stage.publish(A, 2);

    let receipt = house
        .purge(Purge::batch([Purge::path("/nothing"), Purge::path(A)]))
        .await;

    let statuses = receipt
        .receipts()
        .iter()
        .map(|one| one.status())
        .collect::<Vec<_>>();
    assert_eq!(
        statuses,
        [SelectorStatus::NotAPage, SelectorStatus::Regenerated]
    );
    assert!(!receipt.is_revalidated());
    assert_eq!(version(&house.get(A).await), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_nothing_does_not_pass_for_one_that_worked() {
    let house = House::new();

    for purge in [Purge::batch([]), Purge::batch([]).dry_run(true)] {
        let receipt = house.purge(purge).await;

        assert!(!receipt.is_revalidated() && receipt.receipts().is_empty());
        assert!(receipt.into_result().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_regeneration_is_told_and_the_last_good_page_stays() {
    for end in [End::Status(500), End::Status(429), End::Panic] {
        let house = House::new();
        house.get(A).await;
        house.stage.end_with(end);

        let receipt = house.purge(Purge::path(A)).await;

        assert!(!receipt.is_revalidated(), "{end:?}");
        assert_eq!(only(&receipt).status(), SelectorStatus::Failed, "{end:?}");
        assert!(only(&receipt).error().is_some(), "{end:?}");
        let kept = house.get(A).await;
        assert_eq!(
            (kept.status.as_u16(), version(&kept)),
            (200, Some(1)),
            "{end:?}"
        );
        assert!(!is_hit(&kept), "{end:?}: {}", kept.cache_status());
    }
}

#[tokio::test(start_paused = true)]
async fn only_cached_leaves_alone_what_is_not_cached() {
    let house = House::new();
    house.get(A).await;

    let cached = house.receipt(Purge::path(A).only_cached(true)).await;
    let other = house.purge(Purge::path("/posts/b").only_cached(true)).await;

    assert_eq!(cached.status(), SelectorStatus::Regenerated);
    assert_eq!(only(&other).status(), SelectorStatus::NotCached);
    assert!(other.is_revalidated());
    assert_eq!(house.stage.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_changes_nothing() {
    let house = House::new();
    house.get(A).await;
    let before = format!("{:?}", house.cache.metrics());

    for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
        for purge in [
            Purge::path(A),
            Purge::tag("posts"),
            Purge::all(),
            Purge::prefix("/posts"),
            Purge::tag("new"),
        ] {
            let receipt = house.purge(purge.mode(mode).dry_run(true)).await;
            assert_eq!(receipt.sequence(), None);
        }
    }
    settle().await;

    assert_eq!(format!("{:?}", house.cache.metrics()), before);
    assert!(is_hit(&house.get(A).await));
    assert_eq!(house.stage.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tag_and_a_page_say_how_many_entries_they_match() {
    let house = House::new();
    for path in [A, "/posts/b", "/", "/about"] {
        house.get(path).await;
    }

    for (purge, matched) in [
        (Purge::tag("posts"), Some(3)),
        (Purge::tag("post:a"), Some(1)),
        (Purge::tag("nobody"), Some(0)),
        (Purge::page("/posts/{slug}"), Some(2)),
        (Purge::page("/about"), Some(1)),
        (Purge::prefix("/posts"), None),
        (Purge::all(), None),
    ] {
        assert_eq!(
            house.receipt(purge.clone()).await.matched(),
            matched,
            "{purge:?}"
        );
    }
}

/// A receipt that says `regenerated` sends the editor who made a typing error away content.
#[tokio::test(start_paused = true)]
async fn what_matched_nothing_is_marked_and_never_told_as_regenerated() {
    for purge in [
        Purge::tag("nobody"),
        Purge::page("/about"),
        Purge::prefix("/nothing"),
    ] {
        let house = House::new();
        house.get(A).await;

        let receipt = house.purge(purge.clone().mode(Mode::Regenerate)).await;

        let one = only(&receipt);
        assert_eq!(
            (one.status(), one.regenerated()),
            (SelectorStatus::Marked, Some(0)),
            "{purge:?}"
        );
        let is_counted = !matches!(one.selector(), isr_layer::purge::Selector::Prefix(_));
        assert_eq!(one.matched(), is_counted.then_some(0), "{purge:?}");
        assert!(receipt.is_revalidated(), "a purge of nothing is no mistake");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_matched_is_counted_once_however_often_it_was_rendered() {
    let house = House::new();
    for _ in 0..5 {
        house.receipt(Purge::path(A)).await;
    }
    house.purge(Purge::tag("nobody")).await;

    assert_eq!(house.receipt(Purge::tag("posts")).await.matched(), Some(1));
    house.stage.end_with(End::Cookie);
    house.receipt(Purge::path(A)).await;
    assert_eq!(
        house.receipt(Purge::tag("posts")).await.matched(),
        Some(0),
        "the entry is gone"
    );
}

#[tokio::test(start_paused = true)]
async fn an_entry_whose_declared_tags_come_out_equal_is_matched_once() {
    const PAIR: Page = Page::new("/pair/{a}/{b}").with_policy(Policy::new().tags(&["{a}", "{b}"]));
    let house = House::pages([PAIR]);
    house.get("/pair/x/x").await;

    assert_eq!(house.receipt(Purge::tag("x")).await.matched(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_has_served_nothing_yet_says_that_it_could_only_mark() {
    let isr = IsrLayer::builder()
        .pages([POST, ABOUT])
        .build()
        .expect("the pages fit together");
    let stage = Stage::default();
    let service = isr.layer(stage.clone());

    let before = isr.cache().revalidate(Purge::path(A)).await;
    ask(&service, get::<Body>("/about")).await;
    let after = isr.cache().revalidate(Purge::path(A)).await;

    assert_eq!(only(&before).status(), SelectorStatus::Marked);
    assert!(before.is_revalidated());
    assert_eq!(only(&after).status(), SelectorStatus::Regenerated);
}

#[tokio::test(start_paused = true)]
async fn behind_a_router_a_page_is_marked_whether_a_request_has_shown_it_or_not() {
    let isr = IsrLayer::builder()
        .pages([POST, ABOUT])
        .trust_extensions()
        .build()
        .expect("the pages fit together");
    let stage = Stage::default();
    let router = axum::Router::new()
        .route_service("/posts/{slug}", stage.clone())
        .route_service("/about", stage.clone())
        .layer(isr.clone());
    ask(&router, get::<Body>(A)).await;
    stage.publish(A, 2);

    let shown = isr.cache().revalidate(Purge::path(A)).await;
    let unseen = isr.cache().revalidate(Purge::path("/about")).await;

    let stale = ask(&router, get::<Body>(A)).await;
    settle().await;
    let refreshed = ask(&router, get::<Body>(A)).await;

    assert_eq!(only(&shown).status(), SelectorStatus::Marked);
    assert_eq!(only(&unseen).status(), SelectorStatus::Marked);
    assert_eq!((version(&stale), version(&refreshed)), (Some(1), Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_receipt_does_not_say_that_a_page_stays_which_an_answer_for_one_client_has_replaced() {
    for purge in [Purge::path(A), Purge::page("/posts/{slug}")] {
        let house = House::new();
        house.get(A).await;
        house.stage.end_with(End::Cookie);

        let receipt = house.receipt(purge.mode(Mode::Regenerate)).await;

        assert_eq!(house.cache.metrics().entries(), 0);
        assert_eq!(receipt.error(), None, "the purge took effect");
        assert_eq!(receipt.status(), SelectorStatus::Uncacheable);
    }
}

/// A render that may yet fail, or a mark, tells more than a variant that is not kept.
#[tokio::test(start_paused = true)]
async fn of_the_variants_of_a_path_the_one_that_failed_is_told() {
    const LIST: Page = Page::new("/list").with_policy(Policy::new().query(&["page"]));
    for (ends, status) in [
        ([End::Cookie, End::Status(500)], SelectorStatus::Failed),
        ([End::Status(500), End::Cookie], SelectorStatus::Failed),
        ([End::Cookie, End::Page], SelectorStatus::Uncacheable),
        ([End::Page, End::Cookie], SelectorStatus::Uncacheable),
    ] {
        let house = House::pages([LIST]);
        house.get("/list?page=1").await;
        house.get("/list?page=2").await;
        house.stage.hold();

        let purging = house.purging(Purge::path("/list")).await;
        let held = house.stage.held();
        held.iter().zip(ends).for_each(|(held, end)| held.end(end));
        let receipt = done(purging).await;

        assert_eq!(only(&receipt).status(), status, "{ends:?}");
    }
}
