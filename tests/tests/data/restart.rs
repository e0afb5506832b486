//! Pages that were made of values, after a restart: the marks of their values are in the store.

use isr_layer::{Mode, Policy, Purge};
use isr_tests::{MemoryStore, ask, get};

use super::source::{ITEM, Site, Source};

/// Starts a process on what the ones before have left.
fn start(store: &MemoryStore, source: &Source) -> Site {
    Site::over(source.clone(), Policy::new(), |builder| {
        builder.build_id("build").store(store.clone())
    })
}

#[tokio::test(start_paused = true)]
async fn a_page_comes_back_and_a_purge_of_its_value_reaches_it() {
    for (purge, is_reached) in [
        (Purge::tag("item:a"), true),
        (Purge::data(ITEM), true),
        (Purge::value(ITEM, "a"), true),
        (Purge::value(ITEM, "b"), false),
    ] {
        let (store, source) = (MemoryStore::new(), Source::default());
        source.publish("a", 1);
        let first = start(&store, &source);
        ask(&first.app, get("/page/a")).await;
        first
            .layer
            .shutdown(std::time::Duration::from_secs(5))
            .await;
        source.publish("a", 2);

        let second = start(&store, &source);
        let purge = purge.mode(Mode::Expire);
        assert!(
            second
                .cache
                .revalidate(purge.clone())
                .await
                .is_revalidated()
        );
        let page = ask(&second.app, get("/page/a")).await;

        let expected = if is_reached { "version 2" } else { "version 1" };
        assert_eq!(page.text(), expected, "{purge:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_was_made_of_an_old_value_does_not_come_back_as_new() {
    let (store, source) = (MemoryStore::new(), Source::default());
    source.publish("a", 1);
    let first = start(&store, &source);
    ask(&first.app, get("/page/a")).await;
    source.set_down(true);
    let purge = Purge::tag("item:a").mode(Mode::Expire);
    assert!(first.cache.revalidate(purge).await.is_revalidated());
    assert_eq!(ask(&first.app, get("/page/a")).await.text(), "version 1");
    first
        .layer
        .shutdown(std::time::Duration::from_secs(5))
        .await;
    source.set_down(false);
    source.publish("a", 2);

    let second = start(&store, &source);

    assert_eq!(ask(&second.app, get("/page/a")).await.text(), "version 2");
}
