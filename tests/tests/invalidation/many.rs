//! Regenerating many pages at once: counted, limited, and told.

use std::time::Duration;

use isr_layer::{Mode, Purge, Status};
use isr_tests::settle;

use crate::house::{A, B, House, done, is_hit, only, pass, warm};
use crate::stage::End;

#[tokio::test(start_paused = true)]
async fn regenerating_many_counts_what_was_rendered() {
    for (purge, count) in [
        (Purge::page("/posts/{slug}"), 3),
        (Purge::tag("posts"), 4),
        (Purge::tag("post:a"), 1),
        (Purge::prefix("/posts"), 3),
        (Purge::all(), 5),
        (Purge::tag("nobody"), 0),
    ] {
        let house = House::new();
        let paths = [A, B, "/posts/c", "/", "/about"];
        warm(&house, &paths).await;

        let receipt = house.receipt(purge.clone().mode(Mode::Regenerate)).await;

        assert_eq!(
            (receipt.status(), receipt.regenerated()),
            (Status::Regenerated, Some(count)),
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

    let purging = house.purging(Purge::tag("posts").mode(Mode::Regenerate)).await;
    house.stage.held()[0].end(End::Status(500));
    house.stage.held()[1].end(End::Page);
    let receipt = done(purging).await;

    assert!(!receipt.is_revalidated());
    let one = only(&receipt);
    assert_eq!((one.status(), one.regenerated(), one.failed()), (Status::Failed, Some(1), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn regenerating_many_keeps_to_the_limit_of_renders() {
    let house = House::with(|builder| builder.background_renders(2));
    for number in 0..10 {
        house.get(&format!("/posts/{number}")).await;
    }
    house.stage.hold();

    let purging = house.purging(Purge::tag("posts").mode(Mode::Regenerate)).await;
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

    let purging = house.purging(Purge::tag("posts").mode(Mode::Regenerate)).await;
    pass(Duration::from_millis(2_001)).await;
    assert_eq!(only(&done(purging).await).status(), Status::Running);
    house.stage.open();
    settle().await;

    assert!(is_hit(&house.get(A).await) && is_hit(&house.get(B).await));
    assert_eq!(house.stage.renders(), 4);
}

/// Nothing tells beforehand that the render in progress will not say the tag.
#[tokio::test(start_paused = true)]
async fn regenerating_a_tag_counts_no_failure_of_a_page_that_does_not_carry_it() {
    let house = House::new();
    warm(&house, &[A]).await;
    house.stage.hold();
    drop(house.visit("/about").await);

    let purging = house.purging(Purge::tag("post:a").mode(Mode::Regenerate)).await;
    for held in house.stage.held() {
        held.end(if held.path == "/about" { End::Status(500) } else { End::Page });
    }
    let receipt = done(purging).await;

    assert!(receipt.is_revalidated(), "{receipt:?}");
    assert_eq!((only(&receipt).regenerated(), only(&receipt).failed()), (Some(1), Some(0)));
}
