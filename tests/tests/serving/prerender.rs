//! Tests that pages whose paths are known are rendered when `prerender` is called, and only then.

use isr_layer::{Fallback, Policy};
use isr_tests::{Reply, settle};

use crate::listed::{ABOUT, House, POST, Told};

#[tokio::test(start_paused = true)]
async fn prerendering_renders_what_is_listed_and_what_has_no_parameters() {
    let house = House::new(&["a", "b", "", "c/d"]);
    house.get("/posts/a").await;
    assert_eq!(house.site.renders(), 1, "nothing is prerendered unasked");

    let report = house.prerender().await;

    // Leaves out the page that is fresh already, and the empty value, which makes no path.
    assert_eq!((report.rendered(), report.failed()), (3, 0), "{report:?}");
    for path in ["/posts/a", "/posts/b", "/posts/c%2Fd", "/about"] {
        assert_eq!(house.get(path).await.cache_status(), "isr; hit", "{path}");
    }
    assert_eq!((house.site.renders(), house.slugs.reads()), (4, 1));
    assert_eq!(house.prerender().await.rendered(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_not_to_be_prerendered_is_left_out() {
    let policy = Policy::new().fallback(Fallback::NotFound).prerender(false);
    let house = House::with(&["a"], POST.with_policy(policy), |builder| builder);

    let report = house.prerender().await;

    assert_eq!(
        (report.rendered(), house.site.renders(), house.slugs.reads()),
        (1, 1, 0),
        "about alone"
    );
}

#[tokio::test(start_paused = true)]
async fn prerendering_keeps_to_the_limit_of_renders() {
    const SLUGS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8"];
    let house = House::with(SLUGS, POST, |builder| builder.background_renders(3));
    house.site.before().close();

    let cache = house.isr.cache();
    let prerendering = tokio::spawn(async move { cache.prerender().await });
    house.site.before().reached(3).await;
    settle().await;
    assert_eq!(house.site.running(), 3);
    house.site.before().open();

    assert_eq!(prerendering.await.unwrap().rendered(), SLUGS.len() + 1);
    assert_eq!(house.site.peak(), 3);
}

#[tokio::test(start_paused = true)]
async fn prerendering_begins_no_more_once_nobody_waits_for_it() {
    let house = House::with(&["1", "2", "3", "4"], POST, |builder| {
        builder.background_renders(1)
    });
    house.site.before().close();
    let cache = house.isr.cache();
    let prerendering = tokio::spawn(async move { cache.prerender().await });
    house.site.before().reached(1).await;

    prerendering.abort();
    settle().await;
    house.site.before().open();
    settle().await;

    assert!(house.site.renders() <= 2, "{}", house.site.renders());
}

#[tokio::test(start_paused = true)]
async fn prerendering_tells_what_failed_each_by_name() {
    let house = House::new(&["good", "bad", "gone"]);
    house.site.script(|seen, _| match seen.uri.path() {
        "/posts/bad" => Reply::status(500).into(),
        "/posts/gone" => Reply::status(404).into(),
        _ => Reply::page().into(),
    });

    let report = house.prerender().await;

    assert_eq!((report.rendered(), report.failed()), (2, 2), "{report:?}");
    let errors = report.errors().iter().map(ToString::to_string);
    let mut errors = errors.collect::<Vec<_>>();
    errors.sort();
    assert!(
        errors[0].contains("/posts/bad") && errors[0].contains("failed-status"),
        "{errors:?}"
    );
    assert!(
        errors[1].contains("/posts/gone") && errors[1].contains("404"),
        "{errors:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn prerendering_tells_that_a_list_could_not_be_read_or_that_nothing_can_render() {
    let house = House::new(&["a"]);
    house.slugs.tell(Told::Error);
    let unread = house.prerender().await;
    assert_eq!((unread.rendered(), unread.failed()), (1, 1));
    assert!(
        unread.errors()[0].to_string().contains("no database"),
        "{unread:?}"
    );

    let alone = crate::isr([ABOUT]).cache().prerender().await;
    assert_eq!((alone.rendered(), alone.failed()), (0, 1));
}
