//! A store that fails: pages are served and rendered as without one, and no purge is acknowledged
//! that was not recorded.

use std::time::Duration;

use isr_layer::purge::Reach;
use isr_layer::store::StoreErrorKind;
use isr_layer::{Mode, Purge};
use isr_tests::{Call, Trouble};

use crate::{A, B, Process, assert_is, kept, secs};

const TROUBLES: [Trouble; 4] = [
    Trouble::Hang,
    Trouble::Panic,
    Trouble::Garbage,
    Trouble::Error(StoreErrorKind::Other),
];

#[tokio::test(start_paused = true)]
async fn a_page_is_rendered_if_the_store_cannot_be_read_and_the_response_says_why() {
    for (trouble, detail) in [
        (Trouble::Hang, "; detail=store-slow"),
        (Trouble::Panic, "; detail=store-error"),
        (
            Trouble::Error(StoreErrorKind::Denied),
            "; detail=store-error",
        ),
        // Octets that nobody wrote are no page, and no failure of the store.
        (Trouble::Garbage, ""),
    ] {
        let store = kept().await;
        store.fail(trouble);
        let process = Process::start(&store);
        let begun = tokio::time::Instant::now();

        let answer = process.get(A).await;

        assert_is(&answer, 1, &format!("isr; fwd=uri-miss; stored{detail}"));
        assert!(
            begun.elapsed() <= Duration::from_millis(51),
            "{trouble:?}: {:?}",
            begun.elapsed()
        );
        assert_is(&process.get(A).await, 1, "isr; hit; ttl=60");
    }
}

/// Five failures in a row, and the store is asked once a second.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_makes_requests_wait_five_times_and_once_a_second_from_then_on() {
    let store = kept().await;
    store.fail_at(Call::Get, Trouble::Hang);
    let process = Process::start(&store);
    let asked = store.calls().gets;

    for at in 0..100 {
        process.get(&format!("/posts/{at}")).await;
    }
    assert_eq!(store.calls().gets - asked, 5);

    for at in 100..103 {
        tokio::time::sleep(secs(1)).await;
        for more in 0..10 {
            process.get(&format!("/posts/{at}-{more}")).await;
        }
    }
    assert_eq!(store.calls().gets - asked, 5 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_works_again_is_used_again() {
    for trouble in TROUBLES {
        let store = kept().await;
        let process = Process::start(&store);
        store.fail(trouble);
        for at in 0..20 {
            process.get(&format!("/posts/{at}")).await;
        }

        store.heal();
        tokio::time::sleep(secs(30)).await;
        let loaded = process.get(A).await;
        process.get(B).await;
        process.end().await;

        assert!(
            loaded.cache_status().contains("isr-from=store"),
            "{trouble:?}"
        );
        let after = Process::start(&store);
        after.get(B).await;
        assert_eq!(after.site.renders(), 0, "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_that_is_not_recorded_is_not_acknowledged_and_holds_all_the_same() {
    for trouble in TROUBLES {
        let store = kept().await;
        let process = Process::start(&store);
        process.get(A).await;
        process.site.publish(2);
        store.fail_at(Call::Record, trouble);
        let begun = tokio::time::Instant::now();

        let receipt = process.purge(Purge::path(A)).await;

        assert!(
            begun.elapsed() <= Duration::from_millis(1501),
            "{trouble:?}"
        );
        assert!(!receipt.is_revalidated(), "{trouble:?}: {receipt:?}");
        assert_eq!(receipt.reach(), Some(Reach::Local));
        assert_eq!(receipt.sequence(), None);
        assert_eq!(process.site.renders(), 0, "nothing is rendered for it");
        // The mark stays: visits go on refreshing.
        assert!(process.get(A).await.cache_status().ends_with("stale-mark"));
        assert_is(&process.get(A).await, 2, "isr; hit; ttl=60");
    }
}

/// A purge that was refused is recorded with the next one, or as soon as the store works again.
#[tokio::test(start_paused = true)]
async fn a_purge_that_was_refused_is_recorded_later() {
    for trouble in TROUBLES {
        let store = kept().await;
        let process = Process::start(&store);
        process.get(A).await;
        store.fail_at(Call::Record, trouble);
        let refused = process.purge(Purge::path(A).mode(Mode::Expire)).await;
        assert_eq!(refused.reach(), Some(Reach::Local), "{trouble:?}");

        store.heal();
        tokio::time::sleep(secs(4)).await;

        let marks = store.recorded();
        assert_eq!(marks.len(), 1, "{trouble:?}: {marks:?}");
        let next = process.purge(Purge::path(B)).await;
        assert_eq!(next.reach(), Some(Reach::Recorded));
        assert!(next.sequence() > Some(marks[0].0));
    }
}

/// Rule *failpass*: a purge that waits to be recorded is above what counts as recorded, so a page
/// that is loaded meanwhile does not pass for one that knows it.
#[tokio::test(start_paused = true)]
async fn a_page_that_is_loaded_before_a_purge_is_recorded_does_not_know_it() {
    let store = kept().await;
    let process = Process::start(&store);
    process.get(B).await;
    process.site.publish(2);
    store.fail_at(Call::Record, Trouble::Error(StoreErrorKind::Other));
    let refused = process.purge(Purge::path(A).mode(Mode::Expire)).await;
    assert_eq!(refused.reach(), Some(Reach::Local));

    let answer = process.get(A).await;

    assert_is(&answer, 2, "isr; fwd=stale; stored");
}

/// More than a thousand marks that wait become one on everything, as strict as the strictest.
#[tokio::test(start_paused = true)]
async fn many_purges_that_were_refused_are_recorded_as_one_of_everything() {
    let store = kept().await;
    let process = Process::start(&store);
    store.fail_at(Call::Record, Trouble::Error(StoreErrorKind::Other));
    let tags = (0..1500).map(|at| Purge::tag(format!("tag {at}")).mode(Mode::Expire));
    let refused = process.purge(Purge::batch(tags)).await;
    assert_eq!(refused.reach(), Some(Reach::Local));

    store.heal();
    tokio::time::sleep(secs(2)).await;

    let marks = store.recorded();
    assert_eq!(marks.len(), 1, "{} marks", marks.len());
    assert!(marks[0].1.is_hard);
    drop(process);
    let after = Process::start(&store);
    after.site.publish(2);
    assert_is(&after.get(A).await, 2, "isr; fwd=stale; stored");
}

/// An hour of errors: every page is served, and what was rendered meanwhile is kept afterwards.
#[tokio::test(start_paused = true)]
async fn an_hour_of_errors_costs_a_site_with_pages_in_memory_nothing() {
    let store = kept().await;
    let process = Process::start(&store);
    process.get(A).await;
    store.fail(Trouble::Error(StoreErrorKind::Other));

    for minute in 0..60 {
        tokio::time::sleep(secs(61)).await;
        process.site.publish(minute);
        let answer = process.get(A).await;
        assert!(answer.cache_status().starts_with("isr; hit"), "{answer:?}");
    }
    store.heal();
    tokio::time::sleep(secs(61)).await;
    process.get(A).await;
    process.end().await;

    let after = Process::start(&store);
    let answer = after.get(A).await;
    assert!(answer.text().ends_with(" v59"), "{answer:?}");
    assert_eq!(after.site.renders(), 0);
}
