//! Prerendering uses what the store has.

use isr_layer::{Mode, Purge};
use isr_tests::MemoryStore;

use crate::{A, POST, Process, secs};

fn start(store: &MemoryStore) -> Process {
    Process::with(store.clone(), "build 1", |builder| {
        let slugs = || async { vec!["a", "b", "c"] };
        builder.pages([POST]).params(POST.path(), slugs)
    })
}

#[tokio::test(start_paused = true)]
async fn only_what_the_store_lacks_or_has_stale_is_prerendered() {
    let store = MemoryStore::new();
    let before = start(&store);
    for path in [A, "/posts/b"] {
        before.get(path).await;
    }
    before.written().await;
    before.purge(Purge::path(A).mode(Mode::Stale)).await;
    before.end().await;

    let after = start(&store);
    // Until its first request a layer knows no application to render through.
    after.get("/posts/x").await;
    let rendered = after.site.renders();
    let report = after.isr.cache().prerender().await;

    assert_eq!((report.rendered(), report.failed()), (2, 0), "{report:?}");
    assert_eq!(report.loaded(), 1, "/posts/b");
    assert_eq!(after.site.renders() - rendered, 2, "/posts/a and /posts/c");
    for path in [A, "/posts/b", "/posts/c"] {
        assert!(
            after
                .get(path)
                .await
                .cache_status()
                .starts_with("isr; hit; ttl=")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_prerendering_after_a_restart_renders_nothing_that_is_fresh() {
    let store = MemoryStore::new();
    let before = start(&store);
    before.get(A).await;
    let first = before.isr.cache().prerender().await;
    assert_eq!(first.rendered(), 2, "{first:?}");
    before.end().await;
    tokio::time::sleep(secs(10)).await;

    let after = start(&store);
    after.get(A).await;
    let report = after.isr.cache().prerender().await;

    assert_eq!((report.rendered(), report.failed()), (0, 0), "{report:?}");
    assert_eq!(report.loaded(), 2, "those that memory does not have yet");
    assert_eq!(after.site.renders(), 0);
}
