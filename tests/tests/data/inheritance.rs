//! D3: a page takes over the tags and the absolute ends of the values that it was made of.

use std::time::Duration;

use isr_layer::data::Data;
use isr_layer::{Mode, Policy, Purge};
use isr_tests::{ask, get, settle};

use super::source::{ITEM, Site, item};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_page_and_a_plain_route_share_one_value() {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);

    let page = ask(&site.app, get("/page/a")).await;
    let plain = ask(&site.app, get("/plain/a")).await;

    assert_eq!((page.text(), plain.text()), ("version 1", "version 1"));
    assert_eq!(site.source.loads("a"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_loaded_fifty_seconds_ago_makes_its_page_stale_in_ten() {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    let value = item(&site.cache, &site.source, "a").await;
    assert_eq!(value, Ok(Some(1)));

    tokio::time::advance(50 * SECOND).await;
    ask(&site.app, get("/page/a")).await;
    site.source.publish("a", 2);
    tokio::time::advance(9 * SECOND).await;
    let fresh = ask(&site.app, get("/page/a")).await;
    tokio::time::advance(2 * SECOND).await;
    let stale = ask(&site.app, get("/page/a")).await;
    settle().await;
    let new = ask(&site.app, get("/page/a")).await;

    assert_eq!(fresh.cache_status(), "isr; hit; ttl=1");
    assert_eq!(stale.cache_status(), "isr; hit; ttl=-1; detail=stale-time");
    assert_eq!(new.text(), "version 2");
}

#[tokio::test(start_paused = true)]
async fn one_purge_reaches_value_page_and_plain_route() {
    const OTHER: Data = Data::new("other");
    for (name, purge, is_reached) in [
        ("a tag of the load", Purge::tag("item:a"), true),
        ("a tag of the policy", Purge::tag("items"), true),
        ("all values", Purge::data(ITEM), true),
        ("the value", Purge::value(ITEM, ("a",)), true),
        ("the value, alone", Purge::value(ITEM, "a"), true),
        ("everything", Purge::all(), true),
        ("another value", Purge::value(ITEM, ("b",)), false),
        ("other data", Purge::data(OTHER), false),
        ("another tag", Purge::tag("item:b"), false),
    ] {
        let site = Site::new(Policy::new());
        site.source.publish("a", 1);
        ask(&site.app, get("/page/a")).await;
        ask(&site.app, get("/plain/a")).await;
        site.source.publish("a", 2);

        let receipt = site.cache.revalidate(purge.mode(Mode::Expire)).await;
        let page = ask(&site.app, get("/page/a")).await;
        let plain = ask(&site.app, get("/plain/a")).await;

        let expected = if is_reached { "version 2" } else { "version 1" };
        assert!(receipt.is_revalidated(), "{name}");
        assert_eq!(page.text(), expected, "{name}");
        assert_eq!(plain.text(), expected, "{name}");
        assert_eq!(
            site.source.loads("a"),
            1 + usize::from(is_reached),
            "{name}"
        );
    }
}
