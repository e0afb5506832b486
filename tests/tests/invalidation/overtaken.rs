//! Tests renders that a purge overtakes: which requests may join them, whose result is kept, and
//! the claims that a receipt may make.

use std::time::Duration;

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Page, Policy, Purge};
use isr_tests::settle;

use crate::house::{A, House, done, is_hit, is_marked, only, pass, version};
use crate::stage::{End, When};

#[tokio::test(start_paused = true)]
async fn a_flight_that_a_purge_has_overtaken_takes_no_new_joiners() {
    let house = House::new();
    house.stage.hold();
    let early = [house.visit(A).await, house.visit(A).await];
    house.stage.held()[0].read();
    settle().await;

    house.stage.publish(A, 2);
    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    let late = [house.visit(A).await, house.visit(A).await];
    assert_eq!(
        house.stage.renders(),
        2,
        "one successor for all who came after the purge"
    );
    house.stage.open();

    for visit in late {
        assert_eq!(version(&done(visit).await), Some(2));
    }
    for visit in early {
        assert!(done(visit).await.status.is_success());
    }
    assert_eq!(house.stage.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn those_who_came_before_a_purge_are_not_made_to_wait_for_its_successor() {
    let house = House::new();
    house.stage.hold();
    let early = house.visit(A).await;

    house.purge(Purge::path(A).mode(Mode::Expire)).await;
    let late = house.visit(A).await;
    house.stage.held()[0].end(End::Page);

    assert_eq!(version(&done(early).await), Some(1));
    assert!(!late.is_finished());
    house.stage.open();
    done(late).await;
}

#[tokio::test(start_paused = true)]
async fn an_older_render_that_ends_last_does_not_replace_the_newer_page() {
    for mode in [Mode::Stale, Mode::Expire] {
        let house = House::new();
        house.stage.hold();
        let early = house.visit(A).await;
        house.stage.held()[0].read();
        settle().await;
        house.stage.publish(A, 2);
        house.purge(Purge::path(A).mode(mode)).await;
        let late = house.visit(A).await;

        house.stage.held()[1].end(End::Page);
        done(late).await;
        house.stage.held()[0].end(End::Page);
        assert_eq!(version(&done(early).await), Some(1));

        let next = house.get(A).await;
        assert_eq!(version(&next), Some(2), "{mode:?}");
        assert!(is_hit(&next), "{mode:?}: {}", next.cache_status());
    }
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_result_is_stored_as_stale_and_not_rendered_again_until_somebody_asks() {
    let house = House::new();
    house.stage.hold();
    let early = house.visit(A).await;
    house.stage.held()[0].read();
    settle().await;
    house.stage.publish(A, 2);
    house.purge(Purge::tag("posts")).await;
    house.stage.open();
    done(early).await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(house.stage.renders(), 1, "nobody has asked");

    let next = house.get(A).await;
    settle().await;

    assert_eq!((version(&next), is_marked(&next)), (Some(1), true));
    assert_eq!(version(&house.get(A).await), Some(2));
    assert_eq!(house.stage.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_overtaken_by_another_gives_each_its_own_render() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.stage.publish(A, 2);
    let first = house.purging(Purge::path(A)).await;
    house.stage.held()[0].read();
    settle().await;

    house.stage.publish(A, 3);
    let second = house.purging(Purge::path(A)).await;
    assert_eq!(house.stage.held().len(), 2);
    house.stage.held()[1].end(End::Page);
    assert_eq!(
        only(&done(second).await).status(),
        SelectorStatus::Regenerated
    );
    assert_eq!(version(&house.get(A).await), Some(3));
    house.stage.open();

    assert_eq!(
        only(&done(first).await).status(),
        SelectorStatus::Regenerated
    );
    assert_eq!(version(&house.get(A).await), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_and_readers_share_one_render_that_began_after_the_purge() {
    let house = House::new();
    house.get(A).await;
    house.stage.hold();
    house.stage.publish(A, 2);

    let purging = house.purging(Purge::path(A)).await;
    for _ in 0..10 {
        let reader = house.get(A).await;
        assert_eq!((version(&reader), is_marked(&reader)), (Some(1), true));
    }
    house.stage.open();

    assert_eq!(
        only(&done(purging).await).status(),
        SelectorStatus::Regenerated
    );
    assert_eq!(version(&house.get(A).await), Some(2));
    assert_eq!(house.stage.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_waits_for_its_turn_knows_the_purges_that_come_meanwhile() {
    let house = House::with(|builder| builder.background_renders(1));
    house.get("/").await;
    house.get(A).await;
    house.stage.hold();
    house.purge(Purge::all()).await;
    house.get("/").await;
    house.get(A).await;
    settle().await;
    assert_eq!(
        house.stage.held().len(),
        1,
        "the refresh of the post waits for its turn"
    );

    house.stage.publish(A, 2);
    house.purge(Purge::path(A).mode(Mode::Stale)).await;
    house.stage.open();
    settle().await;

    let next = house.get(A).await;
    assert_eq!(version(&next), Some(2));
    assert!(is_hit(&next), "{}", next.cache_status());
    assert_eq!(house.stage.renders(), 4);
}

#[tokio::test(start_paused = true)]
async fn frequent_purges_of_a_page_nobody_asks_for_render_nothing() {
    let house = House::new();
    house.get(A).await;

    for _ in 0..100 {
        house.purge(Purge::tag("posts")).await;
        house.purge(Purge::path(A).mode(Mode::Expire)).await;
    }
    pass(Duration::from_secs(100)).await;

    assert_eq!(house.stage.renders(), 1);
}

/// The handler adds the tag only at the end of the render that the purge overtakes, so no flight
/// can know of the tag when the waiter joins.
#[tokio::test(start_paused = true)]
async fn a_waiter_looks_again_when_its_render_turns_out_to_carry_the_purged_tag() {
    let house = House::new();
    house.stage.tag(A, When::Late, "late");
    house.stage.hold();
    let early = house.visit(A).await;
    house.stage.held()[0].read();
    settle().await;
    house.stage.publish(A, 2);
    house.purge(Purge::tag("late").mode(Mode::Expire)).await;
    let late = house.visit(A).await;
    assert_eq!(
        house.stage.renders(),
        1,
        "nothing says yet that the render carries the tag"
    );

    house.stage.held()[0].end(End::Page);

    assert_eq!(version(&done(early).await), Some(1));
    assert!(!late.is_finished());
    house.stage.open();
    assert_eq!(version(&done(late).await), Some(2));
}

/// Purges of the added tag that come after the waiter must not make the waiter retry again and
/// again.
#[tokio::test(start_paused = true)]
async fn purges_that_come_after_a_waiter_do_not_make_its_result_unacceptable() {
    let house = House::new();
    house.stage.tag(A, When::Late, "late");
    house.stage.hold();
    drop(house.visit(A).await);
    house.purge(Purge::tag("late").mode(Mode::Expire)).await;
    let waiter = house.visit(A).await;
    house.stage.held()[0].end(End::Page);
    settle().await;
    house.stage.held()[0].read();
    settle().await;

    house.purge(Purge::tag("late").mode(Mode::Expire)).await;
    house.stage.held()[0].end(End::Page);

    assert!(
        done(waiter).await.status.is_success(),
        "the second render began after the waiter came"
    );
}

/// Regenerates many pages while one of them is cold and being rendered, then requests that page
/// after the receipt.
async fn regenerate_during_a_cold_render(purge: Purge) {
    let house = House::new();
    house.stage.tag(A, When::Early, "early");
    house.stage.tag(A, When::Late, "late");
    house.stage.hold();
    let early = house.visit(A).await;
    house.stage.held()[0].read();
    settle().await;
    house.stage.publish(A, 2);

    let what = format!("{:?}", purge.selectors().next());
    let purging = house.purging(purge.mode(Mode::Regenerate)).await;
    house.stage.open();
    done(early).await;
    let status = only(&done(purging).await).status();
    let next = house.get(A).await;

    let is_new = version(&next) == Some(2);
    assert!(is_new || is_marked(&next), "{what}: an unmarked old page");
    assert!(
        is_new || status != SelectorStatus::Regenerated,
        "{what}: the receipt says `regenerated`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_of_a_page_that_says_regenerated_has_not_missed_a_cold_render() {
    regenerate_during_a_cold_render(Purge::page("/posts/{slug}")).await;
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_of_a_prefix_that_says_regenerated_has_not_missed_a_cold_render() {
    regenerate_during_a_cold_render(Purge::prefix("/posts")).await;
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_of_a_declared_tag_that_says_regenerated_has_not_missed_a_cold_render() {
    regenerate_during_a_cold_render(Purge::tag("posts")).await;
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_of_a_learnt_tag_that_says_regenerated_has_not_missed_a_cold_render() {
    regenerate_during_a_cold_render(Purge::tag("early")).await;
    regenerate_during_a_cold_render(Purge::tag("late")).await;
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_of_all_that_says_regenerated_has_not_missed_a_cold_render() {
    regenerate_during_a_cold_render(Purge::all()).await;
}

#[tokio::test(start_paused = true)]
async fn a_regenerate_of_a_path_that_says_regenerated_has_not_missed_a_cold_variant() {
    const LIST: Page = Page::new("/list").with_policy(Policy::new().query(&["page"]));
    let house = House::pages([LIST]);
    house.get("/list").await;
    house.stage.hold();
    let early = house.visit("/list?page=2").await;
    house.stage.held()[0].read();
    settle().await;
    house.stage.publish("/list", 2);

    let purging = house.purging(Purge::path("/list")).await;
    house.stage.open();
    done(early).await;
    let status = only(&done(purging).await).status();
    let next = house.get("/list?page=2").await;

    assert!(
        version(&next) == Some(2) || status != SelectorStatus::Regenerated,
        "the receipt says `regenerated`"
    );
}

#[tokio::test(start_paused = true)]
async fn an_older_render_that_may_not_be_stored_and_ends_last_does_not_drop_the_newer_page() {
    for end in [End::Cookie, End::Status(500), End::Panic] {
        let house = House::new();
        house.stage.hold();
        drop(house.visit(A).await);
        house.stage.publish(A, 2);
        house.purge(Purge::path(A).mode(Mode::Expire)).await;
        let late = house.visit(A).await;

        house.stage.held()[1].end(End::Page);
        done(late).await;
        house.stage.held()[0].end(end);
        settle().await;

        let next = house.get(A).await;
        assert_eq!(
            (version(&next), is_hit(&next)),
            (Some(2), true),
            "{end:?}: {}",
            next.cache_status()
        );
    }
}

/// After the successor failed, the key of the older, running render is neither in memory nor in a
/// flight that can be joined.
#[tokio::test(start_paused = true)]
async fn a_regenerate_of_many_has_not_missed_an_overtaken_render_whose_successor_failed() {
    let house = House::new();
    house.stage.hold();
    let early = house.visit(A).await;
    house.stage.held()[0].read();
    settle().await;
    house.purge(Purge::path(A).mode(Mode::Stale)).await;
    drop(house.visit(A).await);
    house.stage.held()[1].end(End::Status(500));
    settle().await;
    house.stage.publish(A, 2);

    let purging = house
        .purging(Purge::tag("posts").mode(Mode::Regenerate))
        .await;
    house.stage.open();
    let status = only(&done(purging).await).status();
    done(early).await;
    let next = house.get(A).await;

    assert!(
        version(&next) != Some(1) || status != SelectorStatus::Regenerated,
        "the receipt says `regenerated`"
    );
}
