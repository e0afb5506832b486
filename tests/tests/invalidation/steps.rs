//! Tests that no purge keeps its runtime's thread, however much is stored and whatever it names, and
//! that its work grows with what is stored and not with its selectors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Page, Policy, Purge};

use crate::house::{A, House, POST, only, pass};
use crate::stage::When;

/// Entries that a purge may look at before it lets other tasks run.
const STEP: usize = 1_024;
const ENTRIES: usize = 20 * STEP;
/// A page with variants: its purge by path has to look for them.
const LIST: Page = Page::new("/list/{n}").with_policy(Policy::new().query(&["q"]));

/// Makes a house with many cached pages. One of them carries the tag `one`.
async fn full_house(entries: usize) -> House {
    let house = House::of(
        IsrLayer::builder()
            .pages([POST, LIST])
            .new_keys_per_second(u32::MAX)
            .background_renders(4),
    );
    house.stage.tag("/posts/0", When::Early, "one");
    for number in 0..entries {
        house.get(&format!("/posts/{number}")).await;
    }
    house.get("/list/1?q=a").await;
    house.cache.drained().await;
    house
}

/// Returns the turns that another task of the runtime gets during `work`.
async fn turns(work: impl Future<Output = ()>) -> usize {
    let turns = Arc::new(AtomicUsize::new(0));
    let counter = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    work.await;
    other.abort();
    turns.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn other_tasks_run_while_a_purge_looks_through_memory() {
    let house = full_house(ENTRIES).await;

    for purge in [
        Purge::tag("one").mode(Mode::Regenerate),
        Purge::prefix("/posts/0").mode(Mode::Regenerate),
        Purge::path("/list/1"),
        Purge::batch([Purge::tag("one"), Purge::prefix("/posts/0")]).mode(Mode::Regenerate),
    ] {
        let turns = turns(async {
            let receipt = house.purge(purge.clone()).await;
            let first = receipt.receipts()[0].status();
            assert_eq!(first, SelectorStatus::Regenerated, "{purge:?}");
        })
        .await;

        assert!(
            turns >= ENTRIES / STEP,
            "{purge:?}: {turns} turns while {ENTRIES} entries were looked at"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn other_tasks_run_while_a_purge_of_many_selectors_is_planned_and_marked() {
    let house = House::new();
    let tags = (0..20_000).map(|tag| Purge::tag(format!("nobody:{tag}")));
    let purge = tags.collect::<Purge>();

    let turns = turns(async {
        let receipt = house.purge(purge).await;
        assert!(receipt.is_revalidated());
    })
    .await;

    assert!(turns >= 20_000 / STEP, "{turns} turns");
}

#[tokio::test]
async fn a_purge_of_many_tags_looks_through_memory_once() {
    let house = full_house(5_000).await;
    for tag in 0..1_000 {
        house.stage.tag(A, When::Early, &format!("tag:{tag}"));
    }
    house.get(A).await;
    let mut took = [Duration::MAX; 2];

    for (tags, took) in [10, 1_000].into_iter().zip(&mut took) {
        for _ in 0..3 {
            let tags = (0..tags).map(|tag| Purge::tag(format!("tag:{tag}")));
            let batch = Purge::batch(tags).mode(Mode::Regenerate);
            let began = Instant::now();
            house.purge(batch).await;
            *took = began.elapsed().min(*took);
        }
    }

    assert!(
        took[1] < 30 * took[0],
        "ten tags took {:?}, a thousand {:?}",
        took[0],
        took[1]
    );
}

#[tokio::test(start_paused = true)]
async fn whatever_waits_to_be_rendered_is_not_queued_again_by_the_next_purge() {
    let house = full_house(200).await;
    house.stage.hold();
    let mut tasks = Vec::new();

    for _ in 0..5 {
        let purging = house.purging(Purge::all().mode(Mode::Regenerate)).await;
        pass(Duration::from_secs(2)).await;
        let receipt = purging.await.expect("the purge does not panic");
        assert_eq!(only(&receipt).status(), SelectorStatus::Running);
        tasks.push(house.cache.metrics().tasks());
    }

    // The first four renders began before the later purges, so their pages are rendered once more.
    assert!(tasks.iter().all(|tasks| *tasks <= 8), "{tasks:?}");
    house.stage.open();
    house.cache.drained().await;
    assert!(house.stage.renders() <= 201 + 201 + 4 * 5);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_several_selectors_reach_is_rendered_once_and_counts_for_each() {
    let house = full_house(3).await;
    let before = house.stage.renders();
    let named = [
        (Purge::tag("one"), 1),
        (Purge::prefix("/posts/0"), 1),
        (Purge::page("/posts/{slug}"), 3),
        (Purge::tag("posts"), 3),
        (Purge::all(), 4),
        (Purge::tag("one"), 1),
        (Purge::tag("nobody"), 0),
    ];

    let purges = named.clone().map(|(purge, _)| purge.mode(Mode::Regenerate));
    let receipt = house.purge(Purge::batch(purges)).await;

    for (one, (purge, count)) in receipt.receipts().iter().zip(named) {
        let status = match count {
            0 => SelectorStatus::Marked,
            _ => SelectorStatus::Regenerated,
        };
        assert_eq!(
            (one.status(), one.regenerated(), one.failed()),
            (status, Some(count), Some(0)),
            "{purge:?}"
        );
    }
    assert_eq!(house.stage.renders() - before, 4);
}
