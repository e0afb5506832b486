//! Purges and the numbers of a store.

use std::collections::HashSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use isr_layer::purge::{Reach, SelectorStatus};
use isr_layer::store::StoreErrorKind;
use isr_layer::{IsrLayer, Mode, Purge};
use isr_tests::{Call, MemoryStore, Trouble, settle};
use tokio::runtime::{self, Runtime};

use crate::{A, B, Process, assert_is};

#[tokio::test(start_paused = true)]
async fn a_receipt_has_the_stores_number_and_says_that_the_purge_is_recorded() {
    let store = MemoryStore::new();
    for number in 1..4 {
        let process = Process::start(&store);

        let receipt = process.purge(Purge::tag("posts")).await;

        assert_eq!(receipt.sequence(), Some(number));
        assert_eq!(receipt.reach(), Some(Reach::Recorded));
        let json = serde_json::to_value(&receipt).expect("a receipt is JSON");
        assert_eq!(json["reach"], "recorded");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_store_a_receipt_says_nothing_of_its_reach() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([crate::POST])
        .build()
        .expect("one page contradicts nothing");

    let receipt = isr.cache().revalidate(Purge::path(A)).await;

    assert_eq!(receipt.reach(), None);
    let json = serde_json::to_value(&receipt).expect("a receipt is JSON");
    assert_eq!(json.get("reach"), None);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_and_a_purge_with_mistakes_alone_record_nothing() {
    let store = MemoryStore::new();
    let process = Process::start(&store);

    let dry = process.purge(Purge::path(A).dry_run(true)).await;
    let unknown = process.purge(Purge::path("/nothing")).await;

    assert_eq!((dry.reach(), unknown.reach()), (None, None));
    assert_eq!(store.calls().records, 0);
}

/// Purges that come together are one call.
#[tokio::test(start_paused = true)]
async fn purges_that_wait_are_recorded_together_in_their_order() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    let purges = (0..64).map(|at| {
        let cache = process.isr.cache();
        tokio::spawn(async move { cache.revalidate(Purge::tag(format!("tag {at}"))).await })
    });

    let mut sequences = Vec::new();
    for purge in purges.collect::<Vec<_>>() {
        let receipt = purge.await.expect("a purge does not panic");
        sequences.push(receipt.sequence().expect("it was recorded"));
    }

    assert!(sequences.is_sorted(), "{sequences:?}");
    assert!(store.calls().records < 64, "{}", store.calls().records);
    assert_eq!(store.recorded().len(), 64);
}

/// The caller may leave.
#[tokio::test(start_paused = true)]
async fn a_purge_whose_caller_leaves_is_recorded() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    store.fail_at(Call::Record, Trouble::Hang);
    let cache = process.isr.cache();
    let purge = tokio::spawn(async move { cache.revalidate(Purge::tag("posts")).await });
    settle().await;
    purge.abort();
    store.heal();

    tokio::time::sleep(crate::secs(4)).await;

    assert_eq!(store.recorded().len(), 1);
}

/// A page that is rendered while a purge comes leaves with a number below it.
#[tokio::test(start_paused = true)]
async fn a_page_that_a_purge_overtook_is_stale_after_a_restart_too() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.site.after().close();
    let visitor = {
        let service = before.service.clone();
        tokio::spawn(async move { isr_tests::ask(&service, crate::get(A)).await })
    };
    before.site.after().reached(1).await;
    before.purge(Purge::tag("posts").mode(Mode::Expire)).await;
    before.site.after().open();
    visitor.await.expect("a visitor does not panic");
    before.end().await;

    let after = Process::start(&store);
    after.site.publish(2);

    assert_is(&after.get(A).await, 2, "isr; fwd=stale; stored");
}

/// Asked for when its render began, the number of a page would be too low, and the page stale on
/// the disk for ever.
#[tokio::test(start_paused = true)]
async fn a_page_that_a_purge_had_rendered_is_fresh_after_a_restart() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.get(A).await;
    before.site.publish(2);
    let receipt = before.purge(Purge::path(A)).await;
    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
    before.end().await;

    let after = Process::start(&store);

    assert!(
        after
            .get(A)
            .await
            .cache_status()
            .ends_with("isr-from=store")
    );
    assert_eq!(after.site.renders(), 0);
}

/// An `Expire` is an `Expire` after a `Stale`, and after a restart between them.
#[tokio::test(start_paused = true)]
async fn a_strict_purge_stays_strict_through_restarts() {
    let store = MemoryStore::new();
    let first = Process::start(&store);
    first.get(A).await;
    first.written().await;
    first.purge(Purge::path(A).mode(Mode::Expire)).await;
    first.end().await;
    let second = Process::start(&store);
    second.purge(Purge::path(A).mode(Mode::Stale)).await;
    second.end().await;

    let third = Process::start(&store);
    third.site.publish(2);

    assert_is(&third.get(A).await, 2, "isr; fwd=stale; stored");
}

/// A purge that came while the store was being asked is not in its judgement.
#[tokio::test(start_paused = true)]
async fn a_purge_that_comes_while_a_page_is_loaded_reaches_it() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.get(A).await;
    before.get(B).await;
    before.end().await;
    let held = crate::held::Held::new(&store);
    let process = Process::with(held.clone(), "build 1", |builder| {
        builder.pages([crate::POST])
    });
    held.gate.close();
    let visitor = {
        let service = process.service.clone();
        tokio::spawn(async move { isr_tests::ask(&service, crate::get(A)).await })
    };
    held.gate.reached(1).await;

    process.purge(Purge::tag("posts").mode(Mode::Stale)).await;
    held.gate.open();
    let answer = visitor.await.expect("a visitor does not panic");

    assert!(
        answer.cache_status().ends_with("detail=stale-mark"),
        "{}",
        answer.cache_status()
    );
}

fn runtime() -> Runtime {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
}

/// A job on a runtime of its own that stands still afterwards keeps no other purge from the store.
#[test]
fn a_purge_is_recorded_though_a_runtime_that_recorded_before_stands_still() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    let (parked, other) = (runtime(), runtime());
    let cache = process.isr.cache();
    store.fail_at(Call::Record, Trouble::Error(StoreErrorKind::Other));
    let refused = parked.block_on(cache.revalidate(Purge::tag("one")));
    assert_eq!(refused.reach(), Some(Reach::Local));
    store.heal();

    let receipt = other.block_on(cache.revalidate(Purge::tag("two")));

    assert_eq!(receipt.reach(), Some(Reach::Recorded));
    assert_eq!(store.recorded().len(), 2, "the one that was refused, too");
}

/// A call of the store on a runtime that stands still is made again on another one.
#[test]
fn a_purge_is_recorded_though_a_call_of_the_store_stands_still() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    let (parked, other) = (runtime(), runtime());
    let cache = process.isr.cache();
    store.fail_at(Call::Record, Trouble::Hang);
    parked.block_on(async {
        let purge = cache.revalidate(Purge::tag("one"));
        let _ = tokio::time::timeout(Duration::from_millis(10), purge).await;
    });
    store.heal();

    let receipt = other.block_on(cache.revalidate(Purge::tag("two")));

    assert_eq!(receipt.reach(), Some(Reach::Recorded));
    drop(parked);
}

/// Without any runtime a purge is recorded by its caller.
#[test]
fn purges_without_a_runtime_are_recorded_from_many_threads() {
    let store = MemoryStore::new();
    let process = Process::start(&store);

    std::thread::scope(|scope| {
        for at in 0..8 {
            let cache = process.isr.cache();
            scope.spawn(move || {
                let receipt = drive(cache.revalidate(Purge::tag(format!("tag {at}"))));
                assert_eq!(receipt.reach(), Some(Reach::Recorded));
            });
        }
    });

    let tags = store.recorded().into_iter().map(|(_, mark)| mark.selector);
    assert_eq!(tags.collect::<HashSet<_>>().len(), 8);
}

/// Drives a future on a thread without a runtime.
fn drive<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}
