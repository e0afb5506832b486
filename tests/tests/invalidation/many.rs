//! Tests purges that regenerate many pages: renders are counted, limited and reported.

use std::time::Duration;

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Purge};
use isr_tests::settle;

use crate::house::{A, B, House, POST, done, is_hit, only, pass, version, warm};
use crate::stage::{End, When};

#[tokio::test(start_paused = true)]
async fn regenerating_many_counts_what_was_rendered() {
    for (purge, count) in [
        (Purge::page("/posts/{slug}"), 3),
        (Purge::tag("posts"), 4),
        (Purge::tag("post:a"), 1),
        (Purge::prefix("/posts"), 3),
        (Purge::all(), 5),
    ] {
        let house = House::new();
        let paths = [A, B, "/posts/c", "/", "/about"];
        warm(&house, &paths).await;

        let receipt = house.receipt(purge.clone().mode(Mode::Regenerate)).await;

        assert_eq!(
            (receipt.status(), receipt.regenerated()),
            (SelectorStatus::Regenerated, Some(count)),
            "{purge:?}"
        );
        assert_eq!(house.stage.renders() as u64, 5 + count, "{purge:?}");
        for path in paths {
            assert!(is_hit(&house.get(path).await), "{purge:?}: {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn regenerating_many_tells_how_many_failed() {
    let house = House::new();
    warm(&house, &[A, B]).await;
    house.stage.hold();

    let purging = house
        .purging(Purge::tag("posts").mode(Mode::Regenerate))
        .await;
    house.stage.held()[0].end(End::Status(500));
    house.stage.held()[1].end(End::Page);
    let receipt = done(purging).await;

    assert!(!receipt.is_revalidated());
    let one = only(&receipt);
    assert_eq!(
        (one.status(), one.regenerated(), one.failed()),
        (SelectorStatus::Failed, Some(1), Some(1))
    );
}

#[tokio::test(start_paused = true)]
async fn regenerating_many_keeps_to_the_limit_of_renders() {
    let house = House::with(|builder| builder.background_renders(2));
    for number in 0..10 {
        house.get(&format!("/posts/{number}")).await;
    }
    house.stage.hold();

    let purging = house
        .purging(Purge::tag("posts").mode(Mode::Regenerate))
        .await;
    for _ in 0..5 {
        let held = house.stage.held();
        assert_eq!(held.len(), 2);
        held.iter().for_each(|held| held.end(End::Page));
        settle().await;
    }

    assert_eq!(only(&done(purging).await).regenerated(), Some(10));
}

#[tokio::test(start_paused = true)]
async fn regenerating_many_slowly_is_running_and_goes_on() {
    let house = House::new();
    warm(&house, &[A, B]).await;
    house.stage.hold();

    let purging = house
        .purging(Purge::tag("posts").mode(Mode::Regenerate))
        .await;
    pass(Duration::from_millis(2_001)).await;
    assert_eq!(only(&done(purging).await).status(), SelectorStatus::Running);
    house.stage.open();
    settle().await;

    assert!(is_hit(&house.get(A).await) && is_hit(&house.get(B).await));
    assert_eq!(house.stage.renders(), 4);
}

/// A running render may still add the tag until it ends. This one fails, and the receipt must not
/// count that.
#[tokio::test(start_paused = true)]
async fn regenerating_a_tag_counts_no_failure_of_a_page_that_does_not_carry_it() {
    let house = House::new();
    warm(&house, &[A]).await;
    house.stage.hold();
    drop(house.visit("/about").await);

    let purging = house
        .purging(Purge::tag("post:a").mode(Mode::Regenerate))
        .await;
    for held in house.stage.held() {
        held.end(if held.path == "/about" {
            End::Status(500)
        } else {
            End::Page
        });
    }
    let receipt = done(purging).await;

    assert!(receipt.is_revalidated(), "{receipt:?}");
    assert_eq!(
        (only(&receipt).regenerated(), only(&receipt).failed()),
        (Some(1), Some(0))
    );
}

/// The slow render may still add the tag, so the receipt is `marked` and not `regenerated`. It
/// counts no failure either.
#[tokio::test(start_paused = true)]
async fn regenerating_a_tag_does_not_wait_long_for_a_render_that_may_not_carry_it() {
    let house = House::new();
    warm(&house, &[A]).await;
    house.stage.hold();
    let slow = house.visit("/about").await;

    let purging = house
        .purging(Purge::tag("post:a").mode(Mode::Regenerate))
        .await;
    house
        .stage
        .held()
        .iter()
        .filter(|held| held.path == A)
        .for_each(|held| held.end(End::Page));
    pass(Duration::from_millis(251)).await;
    let receipt = done(purging).await;

    assert!(receipt.is_revalidated());
    assert_eq!(
        (only(&receipt).status(), only(&receipt).regenerated()),
        (SelectorStatus::Marked, Some(1))
    );
    assert!(is_hit(&house.get(A).await));
    house.stage.open();
    done(slow).await;
}

#[tokio::test(start_paused = true)]
async fn regenerating_a_tag_renders_what_said_it_in_a_render_that_began_before() {
    let house = House::new();
    house.stage.tag("/about", When::Late, "late");
    house.stage.hold();
    let early = house.visit("/about").await;
    house.stage.held()[0].read();
    settle().await;
    house.stage.publish("/about", 2);

    let purging = house
        .purging(Purge::tag("late").mode(Mode::Regenerate))
        .await;
    house.stage.open();
    done(early).await;
    let receipt = done(purging).await;

    assert_eq!(
        (only(&receipt).status(), only(&receipt).regenerated()),
        (SelectorStatus::Regenerated, Some(1))
    );
    let next = house.get("/about").await;
    assert_eq!((version(&next), is_hit(&next)), (Some(2), true));
}

/// Requests a path twice in each of `seconds` seconds.
async fn use_for(house: &House, path: &str, seconds: usize) {
    for _ in 0..seconds {
        house.get(path).await;
        house.get(path).await;
        pass(Duration::from_secs(1)).await;
    }
}

/// Regenerates all posts one after the other. Returns their paths in the order of the renders.
async fn order(house: &House) -> Vec<String> {
    house.stage.hold();
    let purging = house
        .purging(Purge::page(POST.path()).mode(Mode::Regenerate))
        .await;
    let mut order = Vec::new();
    while let Some(held) = house.stage.held().pop() {
        held.end(End::Page);
        order.push(held.path);
        settle().await;
    }
    done(purging).await;
    house.stage.open();
    order
}

const C: &str = "/posts/c";

#[tokio::test(start_paused = true)]
async fn regenerating_many_begins_with_the_most_used() {
    let house = House::with(|builder| builder.background_renders(1));
    warm(&house, &[A, B, C]).await;
    use_for(&house, C, 1).await;
    use_for(&house, A, 2).await;
    use_for(&house, B, 6).await;

    assert_eq!(order(&house).await, [B, A, C]);
}

#[tokio::test(start_paused = true)]
async fn use_counts_on_for_the_next_page_of_a_path_and_fades() {
    let house = House::with(|builder| builder.background_renders(1));
    warm(&house, &[A, B, C]).await;
    use_for(&house, A, 16).await;
    use_for(&house, B, 2).await;
    assert_eq!(order(&house).await, [A, B, C]);

    // By now the counts are 8 for A and 1 for B.
    use_for(&house, B, 3).await;
    assert_eq!(order(&house).await, [A, B, C]);

    // By now the counts are 4 for A and 2 for B.
    use_for(&house, B, 4).await;
    assert_eq!(order(&house).await, [B, A, C]);
}

#[tokio::test(start_paused = true)]
async fn a_second_full_of_hits_counts_as_much_as_a_second_with_one() {
    let house = House::with(|builder| builder.background_renders(1));
    warm(&house, &[A, B]).await;
    for _ in 0..100 {
        house.get(B).await;
    }
    use_for(&house, A, 2).await;

    assert_eq!(order(&house).await, [A, B]);
}
