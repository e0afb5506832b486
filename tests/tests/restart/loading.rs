//! Loading: the first step of a flight for something absent, and nothing else.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use isr_layer::purge::SelectorStatus;
use isr_layer::{Mode, Page, Policy, Purge};
use isr_tests::{Call, MemoryStore, Reply, Trouble, request};

use crate::{A, B, POST, Process, age, assert_is, kept, secs, small};

fn with_header(name: &str, value: &str) -> Request<Full<Bytes>> {
    request(Method::GET, A, &[(name, value)])
}

#[tokio::test(start_paused = true)]
async fn a_hit_in_memory_asks_the_store_nothing() {
    let store = kept().await;
    let process = Process::start(&store);
    process.get(A).await;
    let asked = store.calls().gets;

    for _ in 0..10 {
        process.get(A).await;
    }

    assert_eq!(store.calls().gets, asked);
}

#[tokio::test(start_paused = true)]
async fn a_herd_after_a_restart_is_one_question() {
    let store = kept().await;
    let asked = store.calls().gets;
    let process = Process::start(&store);

    let herd = (0..50).map(|_| {
        let service = process.service.clone();
        tokio::spawn(async move { isr_tests::ask(&service, crate::get(A)).await })
    });
    for visitor in herd.collect::<Vec<_>>() {
        let answer = visitor.await.expect("a visitor does not panic");
        assert_eq!(answer.text(), "/posts/a v1");
    }

    assert_eq!(store.calls().gets - asked, 1);
    assert_eq!(process.site.renders(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stale_page_is_served_at_once_and_refreshed_once() {
    let store = kept().await;
    tokio::time::sleep(secs(100)).await;
    let process = Process::start(&store);
    process.site.publish(2);

    let stale = process.get(A).await;

    assert_is(
        &stale,
        1,
        "isr; hit; ttl=-41; isr-from=store; detail=stale-time",
    );
    assert_eq!(age(&stale), Some(101));
    assert_is(&process.get(A).await, 2, "isr; hit; ttl=60");
    assert_eq!(process.site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_past_its_expire_is_as_good_as_none() {
    let store = kept().await;
    tokio::time::sleep(secs(3700)).await;
    let process = Process::start(&store);

    process.site.act(Reply::status(500));
    let failed = process.get(A).await;

    assert_eq!(failed.status, 500);
    assert_eq!(
        failed.cache_status(),
        "isr; fwd=uri-miss; detail=failed-status"
    );
}

/// A refresh that loaded again would never render where the store is larger than memory.
#[tokio::test(start_paused = true)]
async fn a_refresh_renders_though_memory_has_dropped_the_page_meanwhile() {
    let store = kept().await;
    let process = small(&store);
    process.get(B).await;
    process.written().await;
    process.purge(Purge::path(A).mode(Mode::Stale)).await;
    process.site.publish(2);

    for _ in 0..3 {
        process.get(A).await;
        process.get(B).await;
        process.written().await;
    }

    assert_eq!(process.get(A).await.text(), "/posts/a v2");
}

/// What is only in the store comes back when memory has dropped it.
#[tokio::test(start_paused = true)]
async fn a_page_that_memory_dropped_is_loaded_and_not_rendered() {
    let store = MemoryStore::new();
    let process = small(&store);
    for path in [A, B] {
        process.get(path).await;
        process.written().await;
    }

    for path in [A, B, A, B] {
        let answer = process.get(path).await;
        assert!(answer.cache_status().contains("; hit; "), "{answer:?}");
    }

    assert_eq!(process.site.renders(), 2);
}

/// Rule *queue*: what waits to be written is taken back as it is, with its own number.
#[tokio::test(start_paused = true)]
async fn a_page_that_waits_to_be_written_is_judged_by_the_purges_since_its_render() {
    let store = MemoryStore::new();
    let process = small(&store);
    store.fail_at(Call::Write, Trouble::Hang);
    process.site.after().close();
    let visitor = process.visit(A);
    process.site.after().reached(1).await;
    process.purge(Purge::path(A).mode(Mode::Stale)).await;
    process.site.after().open();
    visitor.await.expect("a visitor does not panic");
    // Memory drops it while it waits, so that the next request finds it there.
    process.get(B).await;

    let answer = process.get(A).await;

    assert_eq!(store.len(), 0, "it waits");
    assert!(
        answer
            .cache_status()
            .ends_with("isr-from=store; detail=stale-mark"),
        "{}",
        answer.cache_status()
    );
}

/// Rule *ondemand*: a render on demand does not ask the store for what it renders.
#[tokio::test(start_paused = true)]
async fn a_purge_of_a_path_asks_for_the_page_before_it_and_renders() {
    let store = kept().await;
    let process = Process::start(&store);
    process.get(B).await;
    process.site.publish(2);
    let asked = store.calls().gets;

    let receipt = process.purge(Purge::path(A)).await;

    let receipt = &receipt.receipts()[0];
    assert_eq!(receipt.status(), SelectorStatus::Regenerated);
    assert!(receipt.previous_etag().is_some() && receipt.previous_etag() != receipt.etag());
    assert_eq!(store.calls().gets - asked, 1);
    assert_is(&process.get(A).await, 2, "isr; hit; ttl=60");
}

/// A deleted post whose page is only in the store was known.
#[tokio::test(start_paused = true)]
async fn a_page_that_became_a_404_is_regenerated_though_memory_lacked_it() {
    let store = kept().await;
    let process = Process::start(&store);
    process.get(B).await;
    process.site.act(Reply::status(404));

    let known = process.purge(Purge::path(A)).await;
    let unknown = process.purge(Purge::path("/posts/none")).await;

    assert_eq!(known.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(unknown.receipts()[0].status(), SelectorStatus::UnknownPath);
}

/// Rule *drop*: a page that is not written takes the older one with it.
#[tokio::test(start_paused = true)]
async fn a_page_that_could_not_be_written_leaves_no_older_one_behind() {
    let store = kept().await;
    let process = Process::start(&store);
    process.get(A).await;
    process.site.publish(2);
    store.fail_at(
        isr_tests::Call::Write,
        isr_tests::Trouble::Error(isr_layer::store::StoreErrorKind::Full),
    );
    let receipt = process.purge(Purge::path(A)).await;
    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
    process.written().await;
    store.heal();
    tokio::time::sleep(secs(3)).await;
    process.end().await;

    let after = Process::start(&store);
    after.site.publish(2);
    let answer = after.get(A).await;

    assert_is(&answer, 2, "isr; fwd=uri-miss; stored");
}

/// Rule *list first*: a path that is no longer listed does not come back.
#[tokio::test(start_paused = true)]
async fn a_page_that_is_no_longer_listed_is_not_found_after_a_restart() {
    const LISTED: Page = POST.with_policy(
        Policy::new()
            .revalidate(secs(60))
            .fallback(isr_layer::Fallback::NotFound),
    );
    let start = |store: &MemoryStore, slugs: &'static [&'static str]| {
        Process::with(store.clone(), "build 1", |builder| {
            let list = move || async move { slugs.to_vec() };
            builder.pages([LISTED]).params(LISTED.path(), list)
        })
    };
    let store = MemoryStore::new();
    let before = start(&store, &["a", "b"]);
    assert_eq!(before.get(A).await.status, 200);
    before.end().await;

    let after = start(&store, &["b"]);

    assert_eq!(after.get(A).await.status, 404);
    assert_eq!(after.site.renders(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_only_cached_purge_of_a_path_asks_the_store_too() {
    let store = kept().await;
    let process = Process::start(&store);
    process.site.publish(2);

    // Until its first request a layer knows no application to render through.
    process.get(B).await;

    let kept = process.purge(Purge::path(A).only_cached(true)).await;
    let unknown = process
        .purge(Purge::path("/posts/c").only_cached(true))
        .await;

    assert_eq!(kept.receipts()[0].status(), SelectorStatus::Regenerated);
    assert_eq!(unknown.receipts()[0].status(), SelectorStatus::NotCached);
    assert_eq!(process.get(A).await.text(), "/posts/a v2");
    assert_eq!(
        process.site.renders(),
        2,
        "/posts/b, and what the purge rendered"
    );
}

/// A regeneration of many renders those in memory; the others are marked, and judged when they are
/// loaded.
#[tokio::test(start_paused = true)]
async fn what_is_only_in_the_store_is_marked_by_a_purge_of_many() {
    let store = kept().await;
    let process = Process::start(&store);
    process.get(B).await;
    process.site.publish(2);

    let purge = Purge::tag("posts").mode(Mode::Regenerate);
    let receipt = process.purge(purge).await;

    assert_eq!(
        receipt.receipts()[0].status(),
        SelectorStatus::Regenerated,
        "{receipt:?}"
    );
    assert_eq!(receipt.receipts()[0].matched(), Some(1), "what memory has");
    assert_eq!(receipt.receipts()[0].regenerated(), Some(1));
    assert_is(&process.get(B).await, 2, "isr; hit; ttl=60");
    assert!(
        process
            .get(A)
            .await
            .cache_status()
            .ends_with("isr-from=store; detail=stale-mark")
    );
    assert_eq!(process.get(A).await.text(), "/posts/a v2");
}

#[tokio::test(start_paused = true)]
async fn head_and_conditional_requests_are_served_from_what_was_loaded() {
    let store = kept().await;
    let etag = {
        let process = Process::start(&store);
        process.get(A).await.header("etag").to_owned()
    };

    let process = Process::start(&store);
    let conditional = with_header("if-none-match", &etag);
    let unchanged = isr_tests::ask(&process.service, conditional).await;
    assert_eq!(unchanged.status, 304);

    let process = Process::start(&store);
    let answer = isr_tests::ask(&process.service, isr_tests::head::<Full<Bytes>>(A)).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
    assert_eq!(answer.header("content-length"), "11");
    assert_eq!(process.site.renders(), 0);
}

/// Everything of a response comes back: a page in all its encodings, its trailers, its own age.
#[tokio::test(start_paused = true)]
async fn a_loaded_page_is_what_it_was() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    let text = "a page that is worth encoding ".repeat(200);
    before.site.act(
        Reply::page()
            .header("content-type", "text/html; charset=utf-8")
            .header("x-own", "1")
            .header("x-own", "2")
            .header("age", "7")
            .header("cache-status", "origin; hit")
            .chunk(text),
    );
    let encoded = |answer: &isr_tests::Answer| {
        let lines = answer.headers.get_all("x-own").iter().count();
        (answer.headers.len(), lines, answer.body.clone())
    };
    let br = || with_header("accept-encoding", "br");
    before.get(A).await;
    before.written().await;
    let first = isr_tests::ask(&before.service, br()).await;
    assert_eq!(first.header("content-encoding"), "br");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    before.end().await;

    let after = Process::start(&store);
    let second = isr_tests::ask(&after.service, br()).await;

    assert_eq!(second.header("content-encoding"), "br");
    assert_eq!(encoded(&second), encoded(&first));
    assert_eq!(second.header("etag"), first.header("etag"));
    assert_eq!(age(&second), Some(7 + 3));
    assert!(second.cache_status().starts_with("origin; hit, isr; hit"));
    assert_eq!(after.site.renders(), 0);
}
