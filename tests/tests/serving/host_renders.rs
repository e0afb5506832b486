//! Tests renders for listed hosts that no client waits for: purges, regenerations, refreshes and
//! prerendering.

use isr_layer::inspect::Freshness;
use isr_layer::purge::SelectorStatus;
use isr_layer::{IsrLayer, Mode, Purge};
use isr_tests::{Reply, settle};

use crate::hosts::{ONE, POST, STORED, Stand, TWO, host, place};
use crate::{A, pass, ten_seconds};

fn both_hits(path: &str, version: u64) -> [(String, bool); 2] {
    [ONE, TWO].map(|host| (format!("{path} at {host} v{version}"), true))
}

#[tokio::test(start_paused = true)]
async fn a_refresh_in_the_background_is_for_the_host_that_was_asked_for() {
    let stand = Stand::new(ten_seconds());
    stand.both("/a").await;
    pass(10).await;
    stand.site.publish(2);

    let stale = stand.get(TWO, "/a").await;
    settle().await;

    assert_eq!(stale.text(), "/a at two.example:8080 v1");
    assert_eq!(stand.told(), [ONE, TWO, TWO]);
    assert_eq!(
        stand.get(TWO, "/a").await.text(),
        "/a at two.example:8080 v2"
    );
}

#[tokio::test(start_paused = true)]
async fn one_purge_of_whatever_kind_reaches_the_pages_of_all_hosts() {
    let purges = || {
        [
            Purge::path("/posts/a"),
            Purge::page("/posts/{slug}"),
            Purge::instance("/posts/{slug}", [("slug", "a")]),
            Purge::prefix("/posts"),
            Purge::tag("posts"),
            Purge::all(),
        ]
    };
    for (at, mode) in
        (0..purges().len()).flat_map(|at| [Mode::Expire, Mode::Regenerate].map(|mode| (at, mode)))
    {
        let stand = Stand::new(POST);
        let purge = purges()[at].clone().mode(mode);
        stand.both("/posts/a").await;
        stand.site.publish(2);

        let receipt = stand.revalidate(purge.clone()).await;
        settle().await;

        let status = if mode == Mode::Expire {
            SelectorStatus::Marked
        } else {
            SelectorStatus::Regenerated
        };
        assert_eq!(receipt.receipts()[0].status(), status, "{purge:?}");
        let is_hit = mode == Mode::Regenerate;
        assert_eq!(
            stand.both("/posts/a").await,
            both_hits("/posts/a", 2).map(|(text, _)| (text, is_hit))
        );
        assert_eq!(stand.told(), [ONE, ONE, TWO, TWO], "{purge:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_is_regenerated_where_it_is_kept_and_for_each_host_where_it_is_nowhere() {
    let stand = Stand::new(POST);

    stand.get(ONE, "/posts/b").await;
    let nowhere = stand.revalidate(Purge::path("/posts/a")).await;
    let at_one = stand.revalidate(Purge::path("/posts/b")).await;

    assert_eq!(nowhere.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(at_one.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(stand.told(), [ONE, ONE, ONE, TWO]);
    assert_eq!(stand.both("/posts/a").await, both_hits("/posts/a", 1));
}

#[tokio::test(start_paused = true)]
async fn a_path_is_unknown_only_where_no_host_has_it() {
    let stand = Stand::new(POST);
    stand.get(ONE, "/posts/warm").await;
    stand.site.script(
        |seen, version| match (seen.uri.path(), host(seen).as_str()) {
            ("/posts/nowhere", _) | (_, ONE) => Reply::status(404).into(),
            _ => Reply::page().chunk(place(seen, version)).into(),
        },
    );

    let at_two = stand.revalidate(Purge::path("/posts/a")).await;
    let nowhere = stand.revalidate(Purge::path("/posts/nowhere")).await;

    assert_eq!(at_two.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(nowhere.receipts()[0].status(), SelectorStatus::UnknownPath);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_names_the_host_whose_render_failed() {
    let stand = Stand::new(POST);
    stand.both("/posts/a").await;
    stand
        .site
        .script(|seen, version| match host(seen).as_str() {
            TWO => Reply::status(500).into(),
            _ => Reply::page().chunk(place(seen, version)).into(),
        });

    let receipt = stand.revalidate(Purge::path("/posts/a")).await;

    let one = &receipt.receipts()[0];
    assert_eq!(one.status(), SelectorStatus::Failed);
    assert!(
        one.error()
            .is_some_and(|error| error.to_string().contains("at `two.example:8080`")),
        "{one:?}"
    );
    assert_eq!(stand.get(ONE, "/posts/a").await.cache_status(), "isr; hit");
}

#[tokio::test(start_paused = true)]
async fn prerendering_renders_every_page_for_each_host() {
    let list = || async { vec!["a", "b"] };
    let stand = Stand::with(
        IsrLayer::builder()
            .without_registered()
            .pages([A, POST])
            .params(POST.path(), list),
    );
    // Without `wrap`, the layer can render for no client only after its first request.
    stand.get(ONE, "/a").await;
    stand.site.script(
        |seen, version| match (seen.uri.path(), host(seen).as_str()) {
            ("/posts/b", TWO) => Reply::status(500).into(),
            _ => Reply::page().chunk(place(seen, version)).into(),
        },
    );

    let report = stand.isr.cache().prerender().await;

    assert_eq!((report.rendered(), report.failed()), (4, 1), "{report:?}");
    assert!(
        report.errors()[0]
            .to_string()
            .contains("`two.example:8080/posts/b`"),
        "{report:?}"
    );
    assert_eq!(stand.both("/posts/a").await, both_hits("/posts/a", 1));
    assert_eq!(stand.told(), [ONE, ONE, ONE, TWO, TWO, TWO]);
}

#[tokio::test(start_paused = true)]
async fn hosts_are_no_new_keys_that_strangers_choose() {
    let list = || async { vec!["a"] };
    let builder = IsrLayer::builder()
        .without_registered()
        .pages([A, POST])
        .params(POST.path(), list)
        .new_keys_per_second(1);
    let stand = Stand::with(builder);

    for host in [ONE, TWO] {
        assert_eq!(
            stand.get(host, "/a").await.cache_status(),
            STORED,
            "a path of one page"
        );
    }
    let _ = stand.isr.cache().prerender().await;
    stand.revalidate(Purge::all().mode(Mode::Expire)).await;
    assert_eq!(
        stand.get(ONE, "/posts/new").await.cache_status(),
        STORED,
        "the one new key"
    );

    for host in [ONE, TWO] {
        assert_eq!(
            stand.get(host, "/posts/a").await.cache_status(),
            "isr; fwd=stale; stored",
            "listed"
        );
        let limited = stand.get(host, "/posts/b").await;
        assert_eq!(
            limited.cache_status(),
            "isr; fwd=uri-miss; detail=new-key-limit"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_is_explained_for_each_host() {
    let stand = Stand::new(ten_seconds());
    stand.get(TWO, "/a").await;
    pass(3).await;

    let explained = stand.isr.cache().explain("/a").await.expect("it is a page");

    assert_eq!(
        (explained.freshness(), explained.age()),
        (None, None),
        "no key is without a host"
    );
    let hosts = explained
        .hosts()
        .iter()
        .map(|at| (at.host(), at.freshness(), at.age().map(|age| age.as_secs())));
    assert_eq!(
        hosts.collect::<Vec<_>>(),
        [(ONE, None, None), (TWO, Some(Freshness::Fresh), Some(3))]
    );
    assert!(
        crate::isr([A])
            .cache()
            .explain("/a")
            .await
            .expect("it is a page")
            .hosts()
            .is_empty()
    );
}
