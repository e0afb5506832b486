//! Remembered failures and stores: the last good page may be in the store.

use isr_layer::store::StoreErrorKind;
use isr_layer::{Mode, Purge};
use isr_tests::{Call, MemoryStore, Reply, Trouble};

use crate::{A, B, Process, assert_is, secs, small};

#[tokio::test(start_paused = true)]
async fn a_failure_is_remembered_and_the_store_is_asked_for_it_once() {
    let store = MemoryStore::new();
    let process = Process::start(&store);
    process.site.act(Reply::status(500));
    process.get(A).await;
    let asked = store.calls().gets;

    for _ in 0..10 {
        let answer = process.get(A).await;
        assert_eq!(answer.cache_status(), "isr; hit; detail=backoff");
    }

    assert_eq!(store.calls().gets, asked);
    assert_eq!(process.site.renders(), 1);
}

/// A failure is remembered, and memory has dropped the page that it would stand back for.
#[tokio::test(start_paused = true)]
async fn the_last_good_page_comes_from_the_store_while_renders_fail() {
    let store = MemoryStore::new();
    let process = small(&store);
    process.get(A).await;
    process.written().await;
    process.site.act(Reply::status(500));
    process.purge(Purge::path(A).mode(Mode::Stale)).await;
    process.get(A).await;
    let failed = process.site.renders();
    process.site.act(Reply::page());
    process.get(B).await;
    process.site.act(Reply::status(500));

    let answer = process.get(A).await;

    assert_is(
        &answer,
        1,
        "isr; hit; ttl=0; isr-from=store; detail=backoff",
    );
    assert_eq!(process.site.renders(), failed + 1, "/posts/b");
}

/// A restart with a backend that is down: every page that was kept is served.
#[tokio::test(start_paused = true)]
async fn a_page_outlives_a_restart_while_its_backend_is_down() {
    for (mode, status) in [
        (
            Mode::Stale,
            "isr; hit; ttl=0; isr-from=store; detail=stale-mark",
        ),
        (Mode::Expire, "isr; fwd=stale; detail=failed-status"),
    ] {
        let store = MemoryStore::new();
        let before = Process::start(&store);
        before.get(A).await;
        before.written().await;
        before.purge(Purge::path(A).mode(mode)).await;
        before.end().await;

        let after = Process::start(&store);
        after.site.act(Reply::status(500));

        assert_is(&after.get(A).await, 1, status);
        tokio::time::sleep(secs(1)).await;
        let later = after.get(A).await;
        assert_eq!((later.status.as_u16(), later.text()), (200, "/posts/a v1"));
    }
}

/// A response that may not be stored takes what the store has with it.
#[tokio::test(start_paused = true)]
async fn a_page_that_may_not_be_stored_any_more_is_gone_from_the_store() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.get(A).await;
    before.written().await;
    before.site.act(Reply::page().header("set-cookie", "a=b"));
    before.purge(Purge::path(A)).await;
    before.end().await;
    assert!(store.is_empty());

    let after = Process::start(&store);
    assert_is(&after.get(A).await, 1, "isr; fwd=uri-miss; stored");
}

/// A 404 is kept like any page, and is no fallback.
#[tokio::test(start_paused = true)]
async fn a_404_is_kept_for_its_own_lifetime() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.site.act(Reply::status(404));
    assert_eq!(before.get(A).await.status, 404);
    before.end().await;

    let after = Process::start(&store);
    assert_eq!(after.get(A).await.status, 404);
    assert_eq!(after.site.renders(), 0);
    after.purge(Purge::path(A).mode(Mode::Stale)).await;
    assert_eq!(after.get(A).await.status, 200);
}

/// A store that cannot be asked, a middleware that fails before the page's function runs: when both
/// work again, the page is there.
#[tokio::test(start_paused = true)]
async fn a_page_is_not_forgotten_for_a_failure_while_the_store_could_not_be_asked() {
    for trouble in [Trouble::Hang, Trouble::Error(StoreErrorKind::Other)] {
        let store = MemoryStore::new();
        let before = Process::start(&store);
        before.get(A).await;
        before.end().await;
        let after = Process::start(&store);
        store.fail_at(Call::Get, trouble);
        after.site.act(Reply::status(503));
        assert_eq!(after.get(A).await.status, 503);

        store.heal();
        let answer = after.get(A).await;

        assert_eq!(answer.text(), "/posts/a v1", "{trouble:?}: {answer:?}");
        after.end().await;
        assert_eq!(store.len(), 1);
    }
}
