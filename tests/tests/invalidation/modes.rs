//! Tests the three modes: which requests wait, and which are served the old page.

use std::time::Duration;

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Purge};
use isr_tests::settle;

use crate::house::{A, B, House, done, is_hit, is_marked, only, pass, version, warm};
use crate::stage::End;

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

    assert_eq!(
        (version(&meanwhile), is_marked(&meanwhile)),
        (Some(1), true)
    );
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
    for second in [
        Purge::path(A).mode(Mode::Stale),
        Purge::tag("posts"),
        Purge::all(),
        Purge::prefix("/posts"),
    ] {
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

    for stale in [
        Purge::page("/posts/{slug}"),
        Purge::prefix("/"),
        Purge::tag("posts"),
        Purge::all(),
    ] {
        assert_eq!(house.receipt(stale).await.status(), SelectorStatus::Marked);
        assert_eq!(house.stage.renders(), before);
    }
    let one = house.receipt(Purge::path(A)).await;
    let other = house
        .receipt(Purge::instance("/posts/{slug}", [("slug", "b")]))
        .await;

    assert_eq!(
        (one.status(), other.status()),
        (SelectorStatus::Regenerated, SelectorStatus::Regenerated)
    );
    assert_eq!(house.stage.renders(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_one_number_and_changes_everything_it_names() {
    let house = House::new();
    warm(&house, &[A, B, "/about", "/"]).await;
    let before = house.cache.metrics().sequence();
    let batch = [Purge::path(A), Purge::tag("post:b"), Purge::path("/about")];

    let receipt = house.purge(Purge::batch(batch).mode(Mode::Expire)).await;

    assert_eq!(receipt.sequence(), Some(before + 1));
    assert_eq!(house.cache.metrics().sequence(), before + 1);
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

    house
        .purge(Purge::batch([
            Purge::path(A).mode(Mode::Stale),
            Purge::path(B).mode(Mode::Expire),
        ]))
        .await;

    assert_eq!(version(&house.get(A).await), Some(1));
    assert_eq!(version(&house.get(B).await), Some(2));
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
    assert_eq!(only(&done(purging).await).status(), SelectorStatus::Running);
    let meanwhile = house.get(A).await;
    assert_eq!(
        (version(&meanwhile), is_marked(&meanwhile)),
        (Some(1), true)
    );
    house.stage.held()[0].end(End::Page);
    settle().await;

    assert_eq!(version(&house.get(A).await), Some(2));
    assert_eq!(house.stage.renders(), 2);
}
