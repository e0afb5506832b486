//! Tests that the number of marks is bounded however many selectors are purged, and that dropping
//! marks loses no purge.

use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::settle;

use crate::house::{A, House, is_hit, is_marked, version};
use crate::stage::When;

const DISTINCT: usize = 200_000;

/// Purges `count` tags that no page carries, and lets the layer prune marks in between.
async fn purge_distinct_tags(house: &House, count: usize) {
    for number in 0..count {
        house.purge(Purge::tag(format!("nobody:{number}"))).await;
        if number % 100 == 99 {
            tokio::task::yield_now().await;
        }
    }
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn marks_stay_bounded_however_many_tags_are_purged() {
    let house = House::new();
    house.get(A).await;
    let mut most = 0;

    for _ in 0..20 {
        purge_distinct_tags(&house, DISTINCT / 20).await;
        most = most.max(house.cache.metrics().marks());
    }

    assert_eq!(house.cache.metrics().sequence(), 200_000);
    assert!(most <= 2 * 65_536 + 2, "{most}");
}

#[tokio::test(start_paused = true)]
async fn marks_stay_bounded_however_many_paths_and_prefixes_are_purged() {
    let house = House::with(|builder| builder.max_marks(1_000));
    for number in 0..10_000 {
        let path = Purge::path(format!("/posts/{number}")).mode(Mode::Stale);
        house
            .purge(Purge::batch([
                path,
                Purge::prefix(format!("/other/{number}")),
            ]))
            .await;
    }
    settle().await;

    assert!(
        house.cache.metrics().marks() <= 2_002,
        "{:?}",
        house.cache.metrics()
    );
}

#[tokio::test(start_paused = true)]
async fn pruning_keeps_pages_fresh_that_were_not_purged() {
    let house = House::with(|builder| builder.max_marks(100));
    for path in ["/about", A, "/"] {
        house.get(path).await;
    }

    purge_distinct_tags(&house, 10_000).await;

    for path in ["/about", A, "/"] {
        assert!(is_hit(&house.get(path).await), "{path}");
    }
    assert!(house.cache.metrics().marks() <= 202);
    assert_eq!(house.stage.renders(), 3);
}

/// Purges without a yield in between: a caller whose purges are all ready at once must not keep the
/// pruning from running.
#[tokio::test(start_paused = true)]
async fn pruning_keeps_pages_fresh_under_purges_that_follow_each_other_without_a_pause() {
    let house = House::with(|builder| builder.max_marks(100));
    house.get("/about").await;

    for number in 0..10_000 {
        house.purge(Purge::tag(format!("nobody:{number}"))).await;
    }

    assert!(is_hit(&house.get("/about").await));
}

#[tokio::test(start_paused = true)]
async fn pruning_forgets_no_purge_of_a_page_that_is_kept() {
    for mode in [Mode::Stale, Mode::Expire] {
        for purge in [
            Purge::path(A),
            Purge::prefix("/posts"),
            Purge::tag("late"),
            Purge::tag("posts"),
            Purge::all(),
        ] {
            let house = House::with(|builder| builder.max_marks(100));
            house.stage.tag(A, When::Late, "late");
            house.get(A).await;
            house.stage.publish(A, 2);
            house.purge(purge.clone().mode(mode)).await;

            purge_distinct_tags(&house, 1_000).await;
            let answer = house.get(A).await;
            settle().await;

            let is_new = version(&answer) == Some(2);
            assert!(
                is_new || is_marked(&answer) && mode == Mode::Stale,
                "{purge:?}, {mode:?}"
            );
            assert_eq!(version(&house.get(A).await), Some(2), "{purge:?}, {mode:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pruning_during_a_render_forgets_no_purge_that_came_during_it() {
    for when in [When::Early, When::Late] {
        let house = House::with(|builder| builder.max_marks(100));
        house.stage.tag(A, when, "learnt");
        house.stage.hold();
        let early = house.visit(A).await;
        house.stage.held()[0].read();
        settle().await;
        house.stage.publish(A, 2);
        house.purge(Purge::tag("learnt").mode(Mode::Expire)).await;

        purge_distinct_tags(&house, 1_000).await;
        house.stage.open();
        crate::house::done(early).await;

        assert_eq!(version(&house.get(A).await), Some(2), "{when:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tags_of_entries_that_are_gone_are_forgotten() {
    let house = House::with(|builder| builder.max_marks(100).max_entries(50));
    for number in 0..2_000 {
        house.get(&format!("/posts/{number}")).await;
    }
    settle().await;

    let stats = house.cache.metrics();
    assert!(stats.entries() <= 50, "{stats:?}");
    assert!(stats.marks() <= 2 * (100 + 51), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_more_selectors_than_are_kept_reaches_only_those_that_carry_them() {
    type Named = fn(usize) -> Purge;
    let selectors: [Named; 3] = [
        |number| Purge::tag(format!("nobody:{number}")),
        |number| Purge::path(format!("/posts/{number}")),
        |number| Purge::prefix(format!("/posts/{number}")),
    ];
    for (max_marks, count) in [(65_536, 40_000), (100, 1_000)] {
        for selector in selectors {
            for mode in [Mode::Expire, Mode::Stale] {
                let house = House::with(|builder| builder.max_marks(max_marks));
                house.get("/about").await;
                let batch = (0..count).map(selector).collect::<Purge>().mode(mode);

                house.purge(batch).await;
                let first = house.get("/about").await;
                settle().await;

                assert!(
                    is_hit(&first),
                    "{count}, {mode:?}: {}",
                    first.cache_status()
                );
                assert!(is_hit(&house.get("/about").await), "{count}, {mode:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn marks_stay_bounded_by_the_bytes_of_their_names() {
    type Named = fn(String) -> Purge;
    let selectors: [Named; 2] = [Purge::tag, |name| Purge::prefix(format!("/{name}"))];
    for selector in selectors {
        let house = House::new();
        house.get("/about").await;
        let long = "x".repeat(16 * 1024 - 8);

        for number in 0..8_000 {
            house.purge(selector(format!("{long}{number}"))).await;
        }
        settle().await;

        let marks = house.cache.metrics().marks();
        assert!(marks <= 4_000, "{marks} marks of 16 KiB");
        assert!(is_hit(&house.get("/about").await));
    }
}

/// True if the purge ends without waiting for anything.
fn ends_at_once(house: &House, purge: Purge) -> bool {
    let purging = std::pin::pin!(house.cache.revalidate(purge));
    let mut context = Context::from_waker(Waker::noop());
    purging.poll(&mut context).is_ready()
}

#[tokio::test(start_paused = true)]
async fn the_purge_that_makes_the_layer_sweep_its_marks_does_not_wait_for_the_sweep() {
    let house = House::with(|builder| builder.max_marks(100).new_keys_per_second(u32::MAX));
    for number in 0..3_000 {
        house.get(&format!("/posts/{number}")).await;
    }
    settle().await;
    let carried = house.cache.metrics().marks();

    for number in 0..4 * carried {
        let purge = Purge::tag(format!("nobody:{number}"));
        assert!(ends_at_once(&house, purge), "purge {number} waits");
        assert!(house.cache.metrics().tasks() <= 1, "one sweep at a time");
        if number % 4 == 0 {
            settle().await;
        }
    }

    assert!(house.cache.metrics().marks() < 4 * carried, "it swept");
    assert!(is_hit(&house.get("/posts/0").await));
}

#[test]
fn purges_that_only_mark_need_no_runtime_however_many_there_are() {
    let house = House::with(|builder| builder.max_marks(100));

    for number in 0..1_000 {
        let purge = Purge::tag(format!("nobody:{number}"));
        let mut purging = std::pin::pin!(house.cache.revalidate(purge));
        let mut context = Context::from_waker(Waker::noop());
        while purging.as_mut().poll(&mut context).is_pending() {}
    }

    assert!(house.cache.metrics().marks() <= 202);
}

/// Returns the shortest of a hundred purges of `tag`.
async fn time_to_purge(house: &House, tag: &str) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..100 {
        let started = Instant::now();
        house.purge(Purge::tag(tag)).await;
        best = best.min(started.elapsed());
    }
    best
}

#[tokio::test]
#[ignore = "needs a quiet machine; run by .ci/run"]
async fn purging_a_tag_takes_as_long_whether_fifty_thousand_entries_carry_it_or_none() {
    let house = House::with(|builder| builder.new_keys_per_second(u32::MAX));
    for number in 0..50_000 {
        house.get(&format!("/posts/{number}")).await;
    }
    assert_eq!(
        house.receipt(Purge::tag("posts")).await.matched(),
        Some(50_000)
    );

    let carried = time_to_purge(&house, "posts").await;
    let unknown = time_to_purge(&house, "nobody").await;

    println!("carried by 50,000: {carried:?}, by none: {unknown:?}");
    assert!(
        carried < 5 * unknown + Duration::from_micros(20),
        "{carried:?} against {unknown:?}"
    );
}

/// Makes a house with `count` cached variants of one path.
async fn house_of_variants(count: usize) -> House {
    const LIST: Page = Page::new("/list/{n}").with_policy(Policy::new().query(&["q"]));
    let house = House::of(
        IsrLayer::builder()
            .pages([LIST])
            .new_keys_per_second(u32::MAX)
            .background_renders(4),
    );
    for n in 0..count {
        house.get(&format!("/list/1?q={n}")).await;
    }
    house.cache.drained().await;
    house
}

#[tokio::test(start_paused = true)]
async fn however_many_variants_strangers_made_of_a_path_its_purge_starts_few_tasks() {
    let house = house_of_variants(2_000).await;
    house.stage.hold();

    let purging = house.purging(Purge::path("/list/1")).await;
    let tasks = house.cache.metrics().tasks();
    house.stage.open();
    let receipt = purging.await.expect("the purge does not panic");

    assert!(tasks <= 8, "{tasks} tasks for four renders at once");
    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(house.stage.renders(), 4_000);
}

#[tokio::test]
async fn a_purge_of_many_paths_looks_through_memory_once() {
    let house = house_of_variants(10_000).await;
    let mut took = [Duration::MAX; 2];

    for (paths, took) in [10, 1_000].into_iter().zip(&mut took) {
        for _ in 0..3 {
            let batch = Purge::batch((0..paths).map(|n| Purge::path(format!("/list/{}", n + 10))))
                .only_cached(true);
            let began = Instant::now();
            house.purge(batch).await;
            *took = began.elapsed().min(*took);
        }
    }

    assert!(
        took[1] < 30 * took[0],
        "ten paths took {:?}, a thousand {:?}",
        took[0],
        took[1]
    );
}
