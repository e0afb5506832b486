//! The two faults of Next.js that a restart shows, each by its name.

use isr_layer::{Mode, Purge};
use isr_tests::MemoryStore;

use crate::{A, B, Process, age, assert_is, secs};

/// Every deploy of Next.js with memory alone begins empty, and renders every page anew.
#[tokio::test(start_paused = true)]
async fn storm_after_restart() {
    let store = MemoryStore::new();
    let paths = (0..100)
        .map(|at| format!("/posts/{at}"))
        .collect::<Vec<_>>();
    let before = Process::start(&store);
    let mut first = Vec::new();
    for path in &paths {
        first.push(before.get(path).await);
    }
    before.end().await;
    tokio::time::sleep(secs(9)).await;

    let after = Process::start(&store);
    for (path, first) in paths.iter().zip(&first) {
        let answer = after.get(path).await;

        assert_eq!(answer.body, first.body);
        assert_eq!(answer.cache_status(), "isr; hit; ttl=50; isr-from=store");
        assert_eq!(age(&answer), Some(10));
        for header in ["etag", "cache-control", "content-type", "vary"] {
            assert_eq!(answer.header(header), first.header(header), "{header}");
        }
        let again = after.get(path).await;
        assert_eq!(again.cache_status(), "isr; hit; ttl=50");
    }
    assert_eq!(after.site.renders(), 0, "everything was fresh");

    // One refresh each once they are stale, and nobody waits for it.
    tokio::time::sleep(secs(51)).await;
    for path in &paths {
        after.get(path).await;
        after.get(path).await;
    }
    assert_eq!(after.site.renders(), paths.len());
}

/// A tag that was purged before a restart of Next.js with memory alone is as fresh as before after
/// it, if the pages are still on the disk.
#[tokio::test(start_paused = true)]
async fn purge_forgotten_at_restart() {
    for purge in [
        Purge::path(A),
        Purge::page("/posts/{slug}"),
        Purge::prefix("/posts"),
        Purge::tag("posts"),
        Purge::tag("post:a"),
        Purge::all(),
    ] {
        for mode in [Mode::Stale, Mode::Expire] {
            let store = MemoryStore::new();
            let before = Process::start(&store);
            before.get(A).await;
            before.written().await;
            before.site.publish(2);

            let receipt = before.purge(purge.clone().mode(mode)).await;
            assert!(receipt.is_revalidated(), "{receipt:?}");
            // Not ended, as by `kill -9`: nothing more is written.
            let after = Process::start(&store);
            after.site.publish(2);

            let answer = after.get(A).await;
            match mode {
                Mode::Expire => assert_is(&answer, 2, "isr; fwd=stale; stored"),
                _ => assert_is(
                    &answer,
                    1,
                    "isr; hit; ttl=0; isr-from=store; detail=stale-mark",
                ),
            }
            assert_eq!(after.get(A).await.text(), "/posts/a v2", "{purge:?}");
            assert_eq!(after.site.renders(), 1);
            drop(before);
        }
    }
}

/// A purge of one page leaves the others as they were.
#[tokio::test(start_paused = true)]
async fn a_purge_before_a_restart_reaches_nothing_else() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.get(A).await;
    before.get(B).await;
    before.written().await;
    before.purge(Purge::tag("post:a").mode(Mode::Stale)).await;
    before.end().await;

    let after = Process::start(&store);

    assert!(
        after
            .get(B)
            .await
            .cache_status()
            .starts_with("isr; hit; ttl=5")
    );
    assert!(
        after
            .get(A)
            .await
            .cache_status()
            .ends_with("detail=stale-mark")
    );
}
