//! Purges by path, by prefix and of everything reach entries of header mode, which are fetched anew
//! only when a client asks.

use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Purge};
use isr_tests::{Reply, ask, get, settle};

use crate::{Plain, pass, says, site_and_layer, visit};

#[tokio::test]
async fn path_prefix_and_all_reach_it_with_every_query() {
    for (purge, status) in [
        (Purge::path("/a/b"), SelectorStatus::Marked),
        (Purge::path("/a/b/"), SelectorStatus::Marked),
        (Purge::path("/a/%62"), SelectorStatus::Marked),
        (
            Purge::path("/a/b").mode(Mode::Expire),
            SelectorStatus::Marked,
        ),
        (Purge::prefix("/a"), SelectorStatus::Marked),
        (Purge::all(), SelectorStatus::Marked),
    ] {
        let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
        for path in ["/a/b", "/a/b?x", "/a/%62"] {
            ask(&service, get::<Plain>(path)).await;
        }
        site.publish(2);

        let receipt = isr.cache().revalidate(purge.clone()).await;

        assert_eq!(receipt.receipts()[0].status(), status, "{purge:?}");
        for path in ["/a/b", "/a/b?x", "/a/%62"] {
            let answer = ask(&service, get::<Plain>(path)).await;
            assert_eq!(
                answer.cache_status(),
                "isr; fwd=stale; stored",
                "{purge:?} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_path_is_purged_with_and_without_its_trailing_slash() {
    for purged in ["/a/b", "/a/b/"] {
        let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
        for path in ["/a/b", "/a/b/"] {
            ask(&service, get::<Plain>(path)).await;
        }
        site.publish(2);

        let purge = Purge::path(purged).mode(Mode::Expire);
        let receipt = isr.cache().revalidate(purge).await;

        assert_eq!(receipt.receipts().len(), 1);
        for path in ["/a/b", "/a/b/"] {
            let answer = ask(&service, get::<Plain>(path)).await;
            assert_eq!(answer.text(), format!("{path} v2"), "{purged}");
        }
    }
}

/// Only what a purge can name is stored.
#[tokio::test]
async fn a_path_is_stored_up_to_the_length_that_a_purge_can_name() {
    for (letter, longest) in [("a", 1_023), ("%E3%81%82", 341)] {
        for (length, is_stored) in [(longest, true), (longest + 1, false)] {
            let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
            let path = format!("/{}", letter.repeat(length));
            for _ in 0..2 {
                ask(&service, get::<Plain>(&path)).await;
            }
            assert_eq!(
                site.renders(),
                if is_stored { 1 } else { 2 },
                "{letter} {length}"
            );

            let purge = Purge::path(&path).mode(Mode::Expire);
            let receipt = isr.cache().revalidate(purge).await;

            let status = match is_stored {
                true => SelectorStatus::Marked,
                false => SelectorStatus::Refused,
            };
            assert_eq!(receipt.receipts()[0].status(), status, "{letter} {length}");
        }
    }
}

/// No page can have such a path, but a response at it may be stored by its headers.
#[tokio::test]
async fn a_path_that_could_be_no_page_is_purged_as_it_was_sent() {
    for path in ["/a//b", "/a/../b", "/a/./b", "/a%FFb", "/a%00b"] {
        let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
        ask(&service, get::<Plain>(path)).await;
        site.publish(2);

        let purge = Purge::path(path).mode(Mode::Expire);
        let receipt = isr.cache().revalidate(purge).await;

        assert_eq!(
            receipt.receipts()[0].status(),
            SelectorStatus::Marked,
            "{path}"
        );
        let answer = ask(&service, get::<Plain>(path)).await;
        assert_eq!(answer.text(), format!("{path} v2"));
    }
}

#[tokio::test]
async fn another_path_and_an_unknown_one_are_left_alone_and_reported() {
    let (_, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
    visit(&service).await;

    let receipt = isr
        .cache()
        .revalidate(Purge::batch([Purge::path("/b"), Purge::prefix("/b")]))
        .await;

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::NotAPage);
    assert!(visit(&service).await.cache_status().starts_with("isr; hit"));
}

#[tokio::test(start_paused = true)]
async fn a_soft_purge_is_staleness_and_a_hard_one_lets_clients_wait() {
    for (mode, text) in [(Mode::Stale, "/a v1"), (Mode::Expire, "/a v2")] {
        let (site, isr, service) = site_and_layer(&[(
            "cache-control",
            "max-age=60, stale-while-revalidate=60, stale-if-error=60",
        )]);
        visit(&service).await;
        site.publish(2);
        let _ = isr.cache().revalidate(Purge::path("/a").mode(mode)).await;

        assert_eq!(visit(&service).await.text(), text, "{mode:?}");
        settle().await;
        assert_eq!(visit(&service).await.text(), "/a v2");

        let _ = isr
            .cache()
            .revalidate(Purge::path("/a").mode(Mode::Expire))
            .await;
        site.act(Reply::status(503));
        assert_eq!(
            visit(&service).await.text(),
            "/a v2",
            "in place of an error"
        );
    }
}

#[tokio::test]
async fn a_purge_reaches_what_is_on_its_way() {
    let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
    site.after().close();
    let first = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.after().reached(1).await;
    let _ = isr.cache().revalidate(Purge::path("/a")).await;
    site.publish(2);
    let second = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.after().reached(2).await;
    site.after().open();

    assert_eq!(first.await.unwrap().text(), "/a v1");
    assert_eq!(second.await.unwrap().text(), "/a v2");
    assert_eq!(visit(&service).await.text(), "/a v2");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn marks_are_forgotten_without_touching_what_is_valid() {
    let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
    visit(&service).await;
    for at in 0..200_000 {
        let _ = isr.cache().revalidate(Purge::tag(at.to_string())).await;
    }
    pass(1).await;
    site.act(says("max-age=60"));

    assert!(visit(&service).await.cache_status().starts_with("isr; hit"));
}

/// A batch of paths without pages once scanned all entries for each path, on a thread that other
/// tasks wait for.
#[tokio::test(start_paused = true)]
async fn a_batch_of_paths_looks_through_what_is_stored_once() {
    let (_, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
    for n in 0..10_000 {
        ask(&service, get::<Plain>(&format!("/{n}"))).await;
    }
    let paths = (0..1_000).map(|n| Purge::path(format!("/unknown/{n}")));
    let batch = Purge::batch(paths.chain([Purge::path("/1"), Purge::path("/2/")]));

    let begun = std::time::Instant::now();
    let receipt = isr.cache().revalidate(batch).await;

    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
    let statuses = receipt
        .receipts()
        .iter()
        .map(|receipt| receipt.status())
        .collect::<Vec<_>>();
    assert_eq!(
        statuses[998..],
        [
            SelectorStatus::NotAPage,
            SelectorStatus::NotAPage,
            SelectorStatus::Marked,
            SelectorStatus::Marked
        ]
    );
}

#[tokio::test]
async fn a_path_counts_as_stored_exactly_as_long_as_a_response_is_stored_or_on_its_way() {
    let (site, isr, service) = site_and_layer(&[("cache-control", "max-age=60")]);
    let status = async || {
        let purge = Purge::path("/a").dry_run(true);
        isr.cache().revalidate(purge).await.receipts()[0].status()
    };
    assert_eq!(status().await, SelectorStatus::NotAPage, "before");

    site.after().close();
    let first = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.after().reached(1).await;
    assert_eq!(status().await, SelectorStatus::Marked, "on its way");

    site.after().open();
    first.await.expect("the request does not panic");
    ask(&service, get::<Plain>("/a?x")).await;
    assert_eq!(status().await, SelectorStatus::Marked, "stored twice");

    for path in ["/a", "/a?x"] {
        let change = isr_tests::request::<Plain>(http::Method::POST, path, &[]);
        ask(&service, change).await;
    }
    settle().await;
    assert_eq!(status().await, SelectorStatus::NotAPage, "dropped");
}
