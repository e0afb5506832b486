//! Tests that the faults of Next.js that we reproduced do not occur here, each by its number.

use std::time::Duration;

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Page, Policy, Purge};
use isr_tests::settle;

use crate::house::{A, House, done, is_hit, is_marked, only, pass, version};
use crate::stage::End;

#[tokio::test(start_paused = true)]
async fn nextjs_fault_1_an_on_demand_revalidation_does_not_join_a_render_that_began_before_it() {
    let house = House::new();
    house.stage.hold();
    let visitor = house.visit(A).await;
    house.stage.held()[0].read();
    settle().await;
    house.stage.publish(A, 2);

    let purging = house.purging(Purge::path(A)).await;
    assert_eq!(house.stage.renders(), 2);
    house.stage.open();

    assert_eq!(
        only(&done(purging).await).status(),
        SelectorStatus::Regenerated
    );
    done(visitor).await;
    let next = house.get(A).await;
    assert_eq!((version(&next), is_hit(&next)), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn nextjs_fault_2_a_page_rendered_during_a_purge_by_path_or_tag_is_not_fresh_when_it_is_written()
 {
    for purge in [Purge::path(A).mode(Mode::Stale), Purge::tag("posts")] {
        let house = House::new();
        house.stage.hold();
        let visitor = house.visit(A).await;
        house.stage.held()[0].read();
        settle().await;
        house.stage.publish(A, 2);

        house.purge(purge.clone()).await;
        house.stage.open();
        done(visitor).await;

        let next = house.get(A).await;
        settle().await;
        assert!(
            version(&next) == Some(2) || is_marked(&next),
            "{purge:?}: {}",
            next.cache_status()
        );
        assert_eq!(version(&house.get(A).await), Some(2), "{purge:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nextjs_fault_3_a_purge_before_a_failing_upstream_keeps_the_last_good_page() {
    for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
        let house = House::new();
        house.get(A).await;
        house.stage.end_with(End::Status(500));
        house.purge(Purge::path(A).mode(mode)).await;

        for _ in 0..10 {
            let answer = house.get(A).await;
            settle().await;
            assert_eq!(
                (answer.status.as_u16(), version(&answer)),
                (200, Some(1)),
                "{mode:?}"
            );
        }

        assert_eq!(
            house.stage.renders(),
            2,
            "{mode:?}: ten requests are one attempt"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nextjs_fault_4_what_purges_nothing_is_not_called_a_success() {
    let house = House::new();
    house.stage.publish("/posts/unknown", 0);

    for (purge, status) in [
        (Purge::path("/no-page"), SelectorStatus::NotAPage),
        (Purge::path("/posts/unknown"), SelectorStatus::UnknownPath),
        (Purge::path("/posts/{slug}"), SelectorStatus::NotAPage),
    ] {
        let receipt = house.purge(purge.clone()).await;

        assert!(!receipt.is_revalidated(), "{purge:?}");
        assert_eq!(only(&receipt).status(), status, "{purge:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nextjs_fault_6_an_answer_says_its_age_and_a_stale_page_is_not_handed_on_as_fresh() {
    let house = House::new();
    let rendered = house.get(A).await;
    assert_eq!(rendered.header("age"), "", "it was made for its request");
    pass(Duration::from_secs(42)).await;
    assert_eq!(house.get(A).await.header("age"), "42");
    house.stage.hold();
    pass(Duration::from_secs(42)).await;

    let stale = house.get(A).await;

    assert_eq!(stale.header("age"), "84");
    assert!(is_marked(&stale));
    assert_eq!(
        stale.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );
    house.purge(Purge::path(A).mode(Mode::Stale)).await;
    let purged = house.get(A).await;
    assert_eq!(
        purged.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );
}

#[tokio::test(start_paused = true)]
async fn nextjs_fault_7_a_page_that_grows_past_its_limit_is_not_pinned_at_its_old_version() {
    const SMALL: Page = Page::new("/small").with_policy(Policy::new().max_body(1_000));
    for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
        let house = House::pages([SMALL]);
        house.get("/small").await;
        house.stage.publish("/small", 2);
        house.stage.end_with(End::Large(10_000));

        house.purge(Purge::path("/small").mode(mode)).await;
        if mode == Mode::Stale {
            house.get("/small").await;
            settle().await;
        }
        let first = house.get("/small").await;
        house.stage.publish("/small", 3);
        let second = house.get("/small").await;

        assert_eq!(
            (version(&first), version(&second)),
            (Some(2), Some(3)),
            "{mode:?}"
        );
        assert!(second.body.len() > 1_000, "{mode:?}: the whole page leaves");
        house.stage.end_with(End::Page);
        house.purge(Purge::path("/small")).await;
        assert!(
            is_hit(&house.get("/small").await),
            "{mode:?}: a page that fits again is kept again"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nextjs_fault_7_a_page_that_grows_past_all_memory_is_not_pinned_either() {
    let house = House::with(|builder| builder.max_memory_bytes(64 * 1024));
    house.get(A).await;
    house.stage.publish(A, 2);
    house.stage.end_with(End::Large(200_000));

    house.purge(Purge::path(A)).await;

    assert_eq!(version(&house.get(A).await), Some(2));
}
