//! D6 and D7: the last value stays, the next try waits, and an error goes to who can take it.

use std::time::Duration;

use isr_layer::data::Data;
use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Policy, Purge};
use isr_tests::{ask, get, settle};
use tokio::task::JoinSet;

use super::source::{Down, Site, Source, item};

const SECOND: Duration = Duration::from_secs(1);

async fn site_that_is_down() -> Site {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    assert_eq!(ask(&site.app, get("/page/a")).await.text(), "version 1");
    site.source.set_down(true);
    site
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_is_down_for_a_minute_costs_ten_loads_and_every_page_stays() {
    // A thousand requests a second in one of the cases, and twenty in the others.
    for (mode, at_once) in [(None, 1), (Some(Mode::Stale), 1), (Some(Mode::Expire), 50)] {
        let site = site_that_is_down().await;
        let before = site.source.loads("a");
        match mode {
            None => tokio::time::advance(61 * SECOND).await,
            Some(mode) => {
                let purge = Purge::tag("item:a").mode(mode);
                assert!(site.cache.revalidate(purge).await.is_revalidated());
            }
        }

        for _ in 0..600 {
            for path in ["/page/a", "/plain/a"].repeat(at_once) {
                let answer = ask(&site.app, get(path)).await;
                assert_eq!(answer.text(), "version 1", "{path}, {mode:?}");
            }
            tokio::time::advance(SECOND / 10).await;
            settle().await;
        }

        let loads = site.source.loads("a") - before;
        assert!((3..=10).contains(&loads), "{loads} loads, {mode:?}");
        site.source.set_down(false);
        site.source.publish("a", 2);
        tokio::time::advance(61 * SECOND).await;
        for path in ["/page/a", "/plain/a"] {
            ask(&site.app, get(path)).await;
            settle().await;
            assert_eq!(
                ask(&site.app, get(path)).await.text(),
                "version 2",
                "{path}, {mode:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_made_of_a_value_that_failed_says_so_and_rests() {
    let site = site_that_is_down().await;
    let purge = Purge::tag("item:a").mode(Mode::Expire);
    assert!(site.cache.revalidate(purge).await.is_revalidated());

    let rendered = ask(&site.app, get("/page/a")).await;
    let rests = ask(&site.app, get("/page/a")).await;

    assert_eq!(rendered.text(), "version 1");
    assert_eq!(
        rendered.cache_status(),
        "isr; fwd=stale; stored; detail=data-failed"
    );
    assert_eq!(rests.text(), "version 1");
    assert_eq!(rests.cache_status(), "isr; hit; ttl=0; detail=backoff");
    assert_eq!(
        rests.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );
}

#[tokio::test(start_paused = true)]
async fn a_purge_ends_the_rest() {
    let site = site_that_is_down().await;
    let purge = || Purge::tag("item:a").mode(Mode::Expire);
    assert!(site.cache.revalidate(purge()).await.is_revalidated());
    ask(&site.app, get("/page/a")).await;
    site.source.set_down(false);
    site.source.publish("a", 2);

    assert!(site.cache.revalidate(purge()).await.is_revalidated());

    assert_eq!(ask(&site.app, get("/page/a")).await.text(), "version 2");
    assert_eq!(ask(&site.app, get("/plain/a")).await.text(), "version 2");
}

#[tokio::test(start_paused = true)]
async fn the_leader_of_a_cold_load_gets_its_own_error_and_followers_load_eight_at_once() {
    let site = Site::new(Policy::new());
    site.source.set_down(true);
    site.source.takes(SECOND);
    let began = tokio::time::Instant::now();

    let mut readers = JoinSet::new();
    for _ in 0..17 {
        let (cache, source) = (site.cache.clone(), site.source.clone());
        readers.spawn(async move { item(&cache, &source, "a").await });
    }
    let read = readers.join_all().await;

    assert!(read.iter().all(|read| *read == Err(Down)));
    assert_eq!(site.source.loads("a"), 17);
    // The flight, and twice eight.
    assert_eq!(began.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_can_be_copied_is_shared_and_the_next_try_waits() {
    const SHARED: Data = Data::new("shared");
    async fn load(source: Source, name: String) -> Result<Option<u64>, String> {
        source.load(name).await.map_err(|Down| "down".to_owned())
    }
    let site = Site::new(Policy::new());
    site.source.set_down(true);
    site.source.takes(SECOND / 2);
    let read = || {
        let (cache, source) = (site.cache.clone(), site.source.clone());
        async move {
            let item = cache.data(&SHARED).key("a".to_owned()).with_unkeyed(source);
            item.load_shared(load).await
        }
    };

    let mut readers = JoinSet::new();
    for _ in 0..100 {
        readers.spawn(read());
    }
    let read_at_once = readers.join_all().await;
    let read_then = read().await;

    assert!(
        read_at_once
            .iter()
            .all(|read| *read == Err("down".to_owned()))
    );
    assert_eq!(read_then, Err("down".to_owned()));
    assert_eq!(site.source.loads("a"), 1);
    tokio::time::advance(SECOND).await;
    assert_eq!(read().await, Err("down".to_owned()));
    assert_eq!(site.source.loads("a"), 2);
}

#[tokio::test(start_paused = true)]
async fn none_lives_for_ten_seconds() {
    let site = Site::new(Policy::new());

    let missing = ask(&site.app, get("/plain/a")).await;
    site.source.publish("a", 1);
    tokio::time::advance(9 * SECOND).await;
    let still = ask(&site.app, get("/plain/a")).await;
    tokio::time::advance(2 * SECOND).await;
    let found = ask(&site.app, get("/plain/a")).await;

    assert_eq!((missing.status.as_u16(), still.status.as_u16()), (404, 404));
    assert_eq!(found.text(), "version 1");
    assert_eq!(site.source.loads("a"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_load_that_hangs_are_failures() {
    const ODD: Data = Data::new("odd")
        .revalidate(SECOND)
        .timeout(Duration::from_secs(5));
    async fn load(source: Source, name: String) -> Result<u64, Down> {
        let version = source.load(name).await?.unwrap_or(0);
        match version {
            2 => panic!("the load panics"),
            3 => std::future::pending().await,
            version => Ok(version),
        }
    }
    let isr = IsrLayer::builder().build().unwrap();
    let (cache, source) = (isr.cache(), Source::default());
    let read = || {
        let (cache, source) = (cache.clone(), source.clone());
        async move {
            let item = cache.data(&ODD).key("a".to_owned()).with_unkeyed(source);
            item.load(load).await
        }
    };
    source.publish("a", 1);
    assert_eq!(read().await, Ok(1));

    for version in [2, 3] {
        source.publish("a", version);
        let purge = Purge::data(ODD).mode(Mode::Expire);
        assert!(cache.revalidate(purge).await.is_revalidated());
        assert_eq!(read().await, Ok(1), "version {version}");
    }

    // Without an earlier value there is nothing to hand out.
    for version in [2, 3] {
        let isr = IsrLayer::builder().build().unwrap();
        let (cache, source) = (isr.cache(), source.clone());
        source.publish("b", version);
        let item = async move {
            let item = cache.data(&ODD).key("b".to_owned()).with_unkeyed(source);
            item.load(load).await
        };
        let end = tokio::time::timeout(6 * SECOND, tokio::spawn(item)).await;
        assert!(
            end.expect("it ends").unwrap_err().is_panic(),
            "version {version}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_says_regenerated_only_of_pages_made_of_new_values() {
    let site = site_that_is_down().await;
    for purge in [Purge::tag("item:a"), Purge::path("/page/a")] {
        // The path alone does not reach the value.
        let purge = Purge::batch([Purge::tag("item:a").mode(Mode::Stale), purge]);

        let receipt = site.cache.revalidate(purge.mode(Mode::Regenerate)).await;

        assert!(!receipt.is_revalidated(), "{receipt:?}");
        let last = receipt.receipts().last().unwrap();
        assert_eq!(last.status(), SelectorStatus::Failed, "{last:?}");
    }
    site.source.set_down(false);
    site.source.publish("a", 2);
    let purge = Purge::tag("item:a").mode(Mode::Regenerate);

    let receipt = site.cache.revalidate(purge).await;

    assert!(receipt.is_revalidated(), "{receipt:?}");
    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_not_found_rests_as_well_while_its_values_fail() {
    let site = Site::new(Policy::new());
    assert_eq!(ask(&site.app, get("/page/a")).await.status, 404);
    site.source.set_down(true);
    let purge = Purge::tag("items").mode(Mode::Stale);
    assert!(site.cache.revalidate(purge).await.is_revalidated());
    let loads = site.source.loads("a");

    for _ in 0..50 {
        let answer = ask(&site.app, get("/page/a")).await;
        assert_eq!(answer.status, 404);
        settle().await;
    }

    assert_eq!(site.source.loads("a"), loads + 1);
    let rests = ask(&site.app, get("/page/a")).await;
    assert_eq!(rests.cache_status(), "isr; hit; ttl=0; detail=backoff");
}

#[tokio::test(start_paused = true)]
async fn a_page_in_its_own_time_limit_takes_the_last_value_of_a_load_that_hangs() {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    item(&site.cache, &site.source, "a").await.unwrap();
    site.source.publish("a", 2);
    site.source.takes(1_000 * SECOND);
    tokio::time::advance(61 * SECOND).await;
    let began = tokio::time::Instant::now();

    let page = ask(&site.app, get("/page/a")).await;

    assert_eq!(page.text(), "version 1");
    assert!(
        page.cache_status().ends_with("detail=data-failed"),
        "{}",
        page.cache_status()
    );
    assert!(began.elapsed() <= 30 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_cold_load_that_panics_is_not_begun_for_each_reader() {
    const PANICS: Data = Data::new("panics");
    async fn load(source: Source, name: String) -> Result<u64, Down> {
        source.load(name).await?;
        panic!("the load panics")
    }
    let site = Site::new(Policy::new());
    let read = || {
        let (cache, source) = (site.cache.clone(), site.source.clone());
        tokio::spawn(async move {
            let item = cache.data(&PANICS).key("a".to_owned()).with_unkeyed(source);
            item.load(load).await
        })
    };

    for _ in 0..100 {
        assert!(read().await.unwrap_err().is_panic());
    }
    assert_eq!(site.source.loads("a"), 1);
    tokio::time::advance(SECOND).await;
    assert!(read().await.unwrap_err().is_panic());
    assert_eq!(site.source.loads("a"), 2);
}

#[tokio::test(start_paused = true)]
async fn who_cannot_copy_an_error_gets_its_own_beside_those_who_can() {
    const BOTH: Data = Data::new("both");
    async fn load(source: Source, name: String) -> Result<Option<u64>, String> {
        source.load(name).await.map_err(|Down| "down".to_owned())
    }
    let site = Site::new(Policy::new());
    site.source.set_down(true);
    let item = || {
        let item = site.cache.data(&BOTH).key("a".to_owned());
        item.with_unkeyed(site.source.clone())
    };

    assert_eq!(item().load_shared(load).await, Err("down".to_owned()));
    assert_eq!(item().load(load).await, Err("down".to_owned()));
    assert_eq!(
        item().load_option_shared(load).await,
        Err("down".to_owned())
    );
}
