//! D2 and D5: who reads decides who waits, and all who wait share one load.

use std::time::Duration;

use isr_layer::{Mode, Policy, Purge};
use isr_tests::{ask, get, settle};
use tokio::task::JoinSet;

use super::source::{Site, item};

const SECOND: Duration = Duration::from_secs(1);

/// A site whose value of `a` is stale by time or by a mark, and newer in the database.
async fn stale_site(by_mark: bool) -> Site {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    item(&site.cache, &site.source, "a")
        .await
        .expect("it loads");
    site.source.publish("a", 2);
    if by_mark {
        let purge = Purge::tag("item:a").mode(Mode::Stale);
        assert!(site.cache.revalidate(purge).await.is_revalidated());
    } else {
        tokio::time::advance(61 * SECOND).await;
    }
    site
}

#[tokio::test(start_paused = true)]
async fn a_plain_handler_gets_a_stale_value_at_once_and_one_load_refreshes_it() {
    for by_mark in [false, true] {
        let site = stale_site(by_mark).await;

        let stale = ask(&site.app, get("/plain/a")).await;
        settle().await;
        let new = ask(&site.app, get("/plain/a")).await;

        assert_eq!(stale.text(), "version 1", "by a mark: {by_mark}");
        assert_eq!(new.text(), "version 2", "by a mark: {by_mark}");
        assert_eq!(site.source.loads("a"), 2, "by a mark: {by_mark}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_waits_for_what_is_stale_by_time_or_by_a_mark() {
    for by_mark in [false, true] {
        let site = stale_site(by_mark).await;

        let page = ask(&site.app, get("/page/a")).await;
        let again = ask(&site.app, get("/page/a")).await;

        assert_eq!(page.text(), "version 2", "by a mark: {by_mark}");
        assert_eq!(
            again.cache_status(),
            "isr; hit; ttl=60",
            "by a mark: {by_mark}"
        );
        assert_eq!(site.source.loads("a"), 2, "by a mark: {by_mark}");
    }
}

#[tokio::test(start_paused = true)]
async fn everybody_waits_for_a_value_that_is_absent_or_expired() {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    assert_eq!(ask(&site.app, get("/plain/a")).await.text(), "version 1");
    site.source.publish("a", 2);

    let purge = Purge::tag("item:a").mode(Mode::Expire);
    assert!(site.cache.revalidate(purge).await.is_revalidated());

    assert_eq!(ask(&site.app, get("/plain/a")).await.text(), "version 2");
    assert_eq!(site.source.loads("a"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_a_cold_value_are_one_load() {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    site.source.takes(SECOND);

    let mut readers = JoinSet::new();
    for _ in 0..1_000 {
        let (cache, source) = (site.cache.clone(), site.source.clone());
        readers.spawn(async move { item(&cache, &source, "a").await });
    }

    assert!(
        readers
            .join_all()
            .await
            .iter()
            .all(|read| *read == Ok(Some(1)))
    );
    assert_eq!(site.source.loads("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_plain_readers_of_a_stale_value_are_one_load_and_none_of_them_waits() {
    let site = stale_site(false).await;
    site.source.takes(SECOND);
    let began = tokio::time::Instant::now();

    let mut readers = JoinSet::new();
    for _ in 0..1_000 {
        let (cache, source) = (site.cache.clone(), site.source.clone());
        readers.spawn(async move { item(&cache, &source, "a").await });
    }
    let read = readers.join_all().await;

    assert!(read.iter().all(|read| *read == Ok(Some(1))));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(site.source.loads("a"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_does_not_end_the_load() {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    site.source.takes(SECOND);

    let left = item(&site.cache, &site.source, "a");
    assert!(tokio::time::timeout(SECOND / 2, left).await.is_err());
    let stays = item(&site.cache, &site.source, "a").await;

    assert_eq!(stays, Ok(Some(1)));
    assert_eq!(site.source.loads("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn nextjs_fault_a_late_joiner_takes_what_was_loaded_before_its_purge() {
    for mode in [Mode::Stale, Mode::Expire] {
        let site = Site::new(Policy::new());
        site.source.publish("a", 1);
        site.source.takes(SECOND);
        let (cache, source) = (site.cache.clone(), site.source.clone());
        let early = tokio::spawn(async move { item(&cache, &source, "a").await });
        settle().await;

        site.source.publish("a", 2);
        let purge = Purge::tag("item:a").mode(mode);
        assert!(site.cache.revalidate(purge).await.is_revalidated());
        let late = ask(&site.app, get("/page/a")).await;

        assert_eq!(early.await.unwrap(), Ok(Some(1)), "{mode:?}");
        assert_eq!(late.text(), "version 2", "{mode:?}");
        assert_eq!(
            ask(&site.app, get("/plain/a")).await.text(),
            "version 2",
            "{mode:?}"
        );
        let kept = ask(&site.app, get("/page/a")).await;
        assert_eq!(kept.text(), "version 2", "{mode:?}");
        assert!(kept.cache_status().starts_with("isr; hit"), "{mode:?}");
    }
}
