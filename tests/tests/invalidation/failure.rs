//! Tests purges and failing renders: the last good page stays and is marked, retries back off, and
//! a new purge ends the back-off.

use std::time::Duration;

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Page, Policy, Purge};
use isr_tests::settle;

use crate::house::{A, House, done, is_hit, is_marked, only, pass, version};
use crate::stage::{End, When};

/// Makes a house with a good page whose renders fail from now on.
async fn failing() -> House {
    let house = House::new();
    house.stage.tag(A, When::Late, "late");
    house.get(A).await;
    house.stage.end_with(End::Status(503));
    house.stage.publish(A, 2);
    house
}

#[tokio::test(start_paused = true)]
async fn after_a_purge_a_failing_render_leaves_the_last_good_page_marked_and_is_not_repeated_at_once()
 {
    for mode in [Mode::Stale, Mode::Expire, Mode::Regenerate] {
        let house = failing().await;

        house.purge(Purge::path(A).mode(mode)).await;

        for _ in 0..10 {
            let answer = house.get(A).await;
            settle().await;
            assert_eq!(
                (answer.status.as_u16(), version(&answer)),
                (200, Some(1)),
                "{mode:?}"
            );
            assert!(is_marked(&answer), "{mode:?}: {}", answer.cache_status());
        }
        assert_eq!(house.stage.renders(), 2, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_doubles_from_one_second_to_sixty_while_renders_fail() {
    let house = failing().await;
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    house.get(A).await;

    for (failures, seconds) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
        assert_eq!(house.stage.failures(A), failures + 1);
        // A pause may be up to a tenth shorter, by chance.
        pass(Duration::from_millis(seconds * 900 - 1)).await;
        house.get(A).await;
        assert_eq!(
            house.stage.failures(A),
            failures + 1,
            "{seconds} s have not passed"
        );
        pass(Duration::from_millis(seconds * 100 + 1)).await;
        let answer = house.get(A).await;
        assert_eq!(version(&answer), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_after_failures_shows_the_new_page_and_ends_the_count() {
    let house = failing().await;
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    house.get(A).await;
    house.stage.end_with(End::Page);
    pass(Duration::from_secs(1)).await;

    let answer = house.get(A).await;

    assert_eq!((version(&answer), is_marked(&answer)), (Some(2), false));
    assert!(is_hit(&house.get(A).await));
}

#[tokio::test(start_paused = true)]
async fn a_new_matching_purge_ends_the_back_off() {
    for purge in [
        Purge::path(A),
        Purge::page("/posts/{slug}"),
        Purge::prefix("/posts"),
        Purge::tag("posts"),
        Purge::tag("late"),
        Purge::all(),
    ] {
        for mode in [Mode::Stale, Mode::Expire] {
            let house = failing().await;
            house.purge(Purge::path(A).mode(Mode::Expire)).await;
            house.get(A).await;
            house.stage.end_with(End::Page);

            house.purge(purge.clone().mode(mode)).await;
            let answer = house.get(A).await;

            assert_eq!(
                version(&answer),
                Some(2),
                "{purge:?}, {mode:?}: {}",
                answer.cache_status()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_something_else_does_not_end_the_back_off() {
    let house = failing().await;
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    house.get(A).await;
    let before = house.stage.renders();

    for other in [
        Purge::path("/about").mode(Mode::Stale),
        Purge::tag("other"),
        Purge::prefix("/post"),
    ] {
        house.purge(other).await;
        house.get(A).await;
    }

    assert_eq!(house.stage.renders(), before);
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_ignores_the_back_off() {
    let house = failing().await;
    for _ in 0..5 {
        assert_eq!(
            house.receipt(Purge::path(A)).await.status(),
            SelectorStatus::Failed
        );
    }
    assert_eq!(house.stage.failures(A), 5);
    house.stage.end_with(End::Page);

    assert_eq!(
        house.receipt(Purge::path(A)).await.status(),
        SelectorStatus::Regenerated
    );
    let answer = house.get(A).await;
    assert_eq!((version(&answer), is_hit(&answer)), (Some(2), true));
}

#[tokio::test(start_paused = true)]
async fn a_cold_failure_is_remembered_and_a_purge_ends_that() {
    let house = House::new();
    house.stage.end_with(End::Status(500));
    assert_eq!(house.get(A).await.status, 500);
    let again = house.get(A).await;
    assert_eq!((again.status.as_u16(), house.stage.renders()), (500, 1));
    assert!(!again.header("retry-after").is_empty());
    house.stage.end_with(End::Page);

    house.purge(Purge::tag("posts")).await;

    assert_eq!(version(&house.get(A).await), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_purge_ends_the_memory_that_a_page_may_not_be_stored() {
    for purge in [
        Purge::path(A),
        Purge::tag("posts"),
        Purge::tag("late"),
        Purge::page("/posts/{slug}"),
        Purge::all(),
    ] {
        let house = House::new();
        house.stage.tag(A, When::Late, "late");
        house.stage.end_with(End::Cookie);
        house.get(A).await;
        house.stage.end_with(End::Page);
        house.get(A).await;
        assert!(
            !is_hit(&house.get(A).await),
            "its answers are remembered as not to be stored"
        );

        house.purge(purge.clone().mode(Mode::Stale)).await;
        house.get(A).await;

        assert!(is_hit(&house.get(A).await), "{purge:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_during_a_render_that_fails_leaves_no_back_off_behind() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    let early = house.visit(A).await;
    house.stage.publish(A, 2);
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    house.stage.held()[0].end(End::Status(500));
    let kept = done(early).await;
    assert_eq!((version(&kept), is_marked(&kept)), (Some(1), true));

    house.stage.open();

    assert_eq!(version(&house.get(A).await), Some(2));
}

#[tokio::test(start_paused = true)]
async fn an_older_failure_that_ends_last_does_not_end_the_back_off_of_the_newer() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    drop(house.visit(A).await);
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    drop(house.visit(A).await);

    house.stage.held()[1].end(End::Status(500));
    settle().await;
    house.stage.held()[0].end(End::Status(500));
    settle().await;
    let next = done(house.visit(A).await).await;

    assert_eq!((version(&next), is_marked(&next)), (Some(1), true));
    assert_eq!(
        house.stage.renders(),
        3,
        "the newer render failed a moment ago"
    );
}

#[tokio::test(start_paused = true)]
async fn an_older_success_that_ends_last_does_not_undo_that_the_newer_may_not_be_stored() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.purge(Purge::path(A).mode(Mode::Stale)).await;
    house.get(A).await;
    settle().await;
    house.stage.held()[0].read();
    settle().await;
    house.stage.publish(A, 2);
    house.purge(Purge::path(A).mode(Mode::Stale)).await;
    house.get(A).await;
    settle().await;

    house.stage.held()[1].end(End::Cookie);
    settle().await;
    house.stage.held()[0].end(End::Page);
    settle().await;
    house.stage.open();

    assert_eq!(
        version(&house.get(A).await),
        Some(2),
        "the old entry was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_waited_for_an_overtaken_render_that_fails_get_the_good_page_of_its_successor() {
    let house = House::new();
    house.stage.hold();
    let early = [house.visit(A).await, house.visit(A).await];
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    let late = house.visit(A).await;
    house.stage.held()[1].end(End::Page);
    done(late).await;

    house.stage.held()[0].end(End::Panic);

    for visit in early {
        assert_eq!(done(visit).await.status, 200, "there is a good page");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_past_its_end_is_not_kept_for_a_render_that_took_so_long_to_fail() {
    const SHORT: Page = Page::new("/short").with_policy(
        Policy::new()
            .revalidate(Duration::from_secs(5))
            .expire(Duration::from_secs(10)),
    );
    let house = House::pages([SHORT]);
    house.get("/short").await;
    house.stage.hold();
    pass(Duration::from_secs(2)).await;
    house.purge(Purge::path("/short").mode(Mode::Expire)).await;
    let waiter = house.visit("/short").await;
    pass(Duration::from_secs(20)).await;

    house.stage.held()[0].end(End::Status(500));

    let answer = done(waiter).await;
    assert_eq!(
        answer.status,
        500,
        "never served past `expire`: {}",
        answer.cache_status()
    );
}

#[tokio::test(start_paused = true)]
async fn a_regeneration_that_takes_too_long_fails_and_the_last_good_page_stays() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();

    let purging = house.purging(Purge::path(A)).await;
    pass(Duration::from_millis(2_001)).await;
    assert_eq!(only(&done(purging).await).status(), SelectorStatus::Running);
    pass(Duration::from_secs(30)).await;
    assert!(
        house.stage.held().is_empty(),
        "the render has ended by its time limit"
    );

    let answer = house.get(A).await;
    assert_eq!((version(&answer), is_marked(&answer)), (Some(1), true));
}

#[tokio::test(start_paused = true)]
async fn those_who_waited_with_an_old_page_in_hand_get_the_newer_one_that_was_stored_meanwhile() {
    let house = House::new();
    house.get(A).await;
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    house.stage.hold();
    let early = house.visit(A).await;
    house.stage.publish(A, 2);
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    let late = house.visit(A).await;

    house.stage.held()[1].end(End::Page);
    done(late).await;
    house.stage.held()[0].end(End::Panic);

    assert_eq!(version(&done(early).await), Some(2));
}
