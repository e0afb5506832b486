//! D3: a page takes over the tags and the absolute ends of the values that it was made of.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use isr_layer::data::Data;
use isr_layer::{Downstream, IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{ask, get, settle};
use tower::{Layer, service_fn};

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

#[tokio::test(start_paused = true)]
async fn a_page_that_is_made_of_too_many_values_is_not_kept_and_says_why() {
    const MANY: Data = Data::new("many");
    let pages = [Page::new("/{count}").with_policy(Policy::new())];
    let isr = IsrLayer::builder().pages(pages).build().unwrap();
    let cache = isr.cache();
    let app = isr.layer(service_fn(move |request: Request<Body>| {
        let cache = cache.clone();
        async move {
            let count: u32 = request.uri().path()[1..].parse().unwrap();
            for key in 0..count {
                let value = cache.data(&MANY).key(key);
                let Ok(()) = value.load(|(), _| async { Ok::<_, Infallible>(()) }).await;
            }
            Ok::<_, Infallible>(Response::new(Body::from("a page")))
        }
    }));

    // The mark of the name is one of 1,024.
    for (count, expected) in [
        (1_023, "isr; fwd=uri-miss; stored"),
        (1_024, "isr; fwd=uri-miss; detail=too-many-tags"),
    ] {
        let answer = ask(&app, get(&format!("/{count}"))).await;
        assert_eq!(answer.cache_status(), expected, "{count}");
        assert_eq!(answer.text(), "a page", "{count}");
    }
    assert_eq!(isr.cache().metrics().entries(), 1);
}

#[tokio::test(start_paused = true)]
async fn explain_names_the_values_that_a_page_was_made_of() {
    let site = Site::new(Policy::new());
    site.source.publish("a", 1);
    ask(&site.app, get("/page/a")).await;

    let explanation = site.cache.explain("/page/a").await.unwrap();
    let values = explanation.values().iter();
    let values = values.map(|value| (value.name(), value.arguments()));

    assert_eq!(values.collect::<Vec<_>>(), [("item", r#"["a"]"#)]);
}

#[tokio::test(start_paused = true)]
async fn caches_in_front_get_the_tags_of_values_and_no_other_marks() {
    let site = Site::with(Policy::new(), |builder| {
        builder.downstream(Downstream::cdn().surrogate_keys("Surrogate-Key"))
    });
    site.source.publish("a", 1);

    let page = ask(&site.app, get("/page/a")).await;

    assert_eq!(page.header("surrogate-key"), "item:a items");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_purged_is_made_of_values_that_know_the_purge() {
    const OWN: &[&str] = &["own"];
    for (purge, mode) in [
        (Purge::path("/page/a"), Mode::Regenerate),
        (Purge::path("/page/a"), Mode::Stale),
        (Purge::path("/page/a"), Mode::Expire),
        (Purge::page("/page/{name}"), Mode::Expire),
        (
            Purge::instance("/page/{name}", [("name", "a")]),
            Mode::Regenerate,
        ),
        (Purge::prefix("/page"), Mode::Expire),
        (Purge::tag("own"), Mode::Expire),
        (Purge::tag("own"), Mode::Regenerate),
    ] {
        let site = Site::new(Policy::new().tags(OWN));
        site.source.publish("a", 1);
        ask(&site.app, get("/page/a")).await;
        site.source.publish("a", 2);

        let receipt = site.cache.revalidate(purge.clone().mode(mode)).await;
        ask(&site.app, get("/page/a")).await;
        settle().await;
        let page = ask(&site.app, get("/page/a")).await;
        let again = ask(&site.app, get("/page/a")).await;

        assert!(receipt.is_revalidated(), "{purge:?}, {mode:?}");
        assert_eq!(page.text(), "version 2", "{purge:?}, {mode:?}");
        assert_eq!(
            again.cache_status(),
            "isr; hit; ttl=60",
            "{purge:?}, {mode:?}"
        );
        // It comes to rest: the value is loaded once for the purge.
        assert_eq!(site.source.loads("a"), 2, "{purge:?}, {mode:?}");
    }
}
