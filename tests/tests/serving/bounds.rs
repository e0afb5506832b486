//! Tests that memory is bounded by bytes and by entries, and that a flood evicts no hot page.

use std::sync::mpsc;

use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Page, Purge};
use isr_tests::{Act, Reply, Site, ask, get, settle};
use tower::Layer;

use crate::Plain;

const ANY: Page = Page::new("/{*path}");
const FLOOD: usize = 20_000;

/// Makes a builder without a limit for new keys, so that the flood reaches memory.
fn open() -> IsrLayerBuilder {
    IsrLayer::builder()
        .without_registered()
        .new_keys_per_second(u32::MAX)
}

fn site(builder: IsrLayer) -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    site.script(|_, _| Reply::page().chunk(vec![b'x'; 2_000]).into());
    let service = builder.layer(site.clone());
    (site, builder, service)
}

async fn flood(service: &Isr<Site>, paths: std::ops::Range<usize>) {
    for n in paths {
        ask(service, get::<Plain>(&format!("/unknown/{n}"))).await;
    }
}

#[tokio::test]
async fn the_bytes_of_all_entries_stay_within_the_limit() {
    for limit in [1 << 20, 16 << 20] {
        let (_, isr, service) = site(open().pages([ANY]).max_memory_bytes(limit).build().unwrap());

        flood(&service, 0..FLOOD).await;
        let stats = isr.cache().metrics();

        assert!(stats.bytes() <= limit, "{stats:?}");
        assert!(stats.bytes() > limit / 2, "the room is used: {stats:?}");
        assert!(
            stats.bytes() >= stats.entries() as u64 * 2_000,
            "bodies are counted: {stats:?}"
        );
    }
}

#[tokio::test]
async fn the_number_of_entries_stays_within_the_limit() {
    for limit in [1000, 100, 10, 1] {
        let (_, isr, service) = site(open().pages([ANY]).max_entries(limit).build().unwrap());

        flood(&service, 0..FLOOD / 4).await;
        let stats = isr.cache().metrics();

        assert!(stats.entries() as u64 <= limit, "{stats:?} for {limit}");
        assert!(
            stats.entries() as u64 >= limit.div_ceil(2),
            "{stats:?} for {limit}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_unknown_paths_leaves_hot_pages_where_they_are() {
    let builder = open().pages([ANY]).max_entries(1000);
    let (_, _, service) = site(builder.build().unwrap());
    let hot = (0..100).map(|n| format!("/hot/{n}")).collect::<Vec<_>>();
    for _ in 0..3 {
        for path in &hot {
            ask(&service, get::<Plain>(path)).await;
        }
    }

    let (mut hits, mut asked) = (0, 0);
    for round in 0..FLOOD / 100 {
        flood(&service, round * 100..(round + 1) * 100).await;
        for path in hot.iter().skip(round % 10).step_by(10) {
            asked += 1;
            hits +=
                usize::from(ask(&service, get::<Plain>(path)).await.cache_status() == "isr; hit");
        }
    }

    assert!(hits * 100 >= asked * 99, "{hits} hits of {asked}");
}

#[tokio::test]
async fn a_flood_of_404s_leaves_hot_pages_where_they_are() {
    let builder = open().pages([ANY]).max_memory_bytes(4 << 20);
    let (site, isr, service) = site(builder.build().unwrap());
    site.script(|seen, _| match seen.uri.path().starts_with("/hot/") {
        true => Reply::page().chunk(vec![b'x'; 2_000]).into(),
        false => Act::from(Reply::status(404)),
    });
    for round in 0..FLOOD / 100 {
        for n in 0..100 {
            ask(&service, get::<Plain>(&format!("/hot/{n}"))).await;
        }
        flood(&service, round * 100..(round + 1) * 100).await;
    }
    let hot = site
        .seen()
        .iter()
        .filter(|seen| seen.uri.path().starts_with("/hot/"))
        .count();

    assert!(
        hot <= 100 + FLOOD / 100,
        "{hot} renders of 100 hot pages in {FLOOD} requests for them"
    );
    assert!(isr.cache().metrics().bytes() <= 4 << 20);
}

#[tokio::test]
async fn a_flood_of_failing_paths_takes_no_entry() {
    let (site, isr, service) = site(open().pages([ANY]).build().unwrap());
    site.act(Reply::status(500).chunk(vec![b'x'; 2_000]));

    flood(&service, 0..FLOOD / 4).await;

    assert_eq!(isr.cache().metrics().entries(), 0);
    assert_eq!(isr.cache().metrics().flights(), 0);
}

#[tokio::test]
async fn a_page_larger_than_the_whole_memory_is_served_all_the_same() {
    let (_, isr, service) = site(open().pages([ANY]).max_memory_bytes(2048).build().unwrap());

    for _ in 0..3 {
        let answer = ask(&service, get::<Plain>("/large")).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 2_000));
    }

    assert!(isr.cache().metrics().bytes() <= 2048);
}

#[tokio::test]
async fn a_page_that_outgrows_the_whole_memory_does_not_stay_in_its_old_version() {
    let page = ANY.with_policy(isr_layer::Policy::new());
    let (site, isr, service) = site(
        open()
            .pages([page])
            .max_memory_bytes(6_000)
            .build()
            .unwrap(),
    );
    ask(&service, get::<Plain>("/grows")).await;
    site.act(Reply::page().chunk(vec![b'y'; 9_000]));

    let _ = isr
        .cache()
        .revalidate(isr_layer::Purge::path("/grows"))
        .await;

    assert_eq!(
        ask(&service, get::<Plain>("/grows")).await.body.len(),
        9_000
    );
}

#[tokio::test]
async fn after_a_flood_nothing_is_left_running() {
    let (_, isr, service) = site(open().pages([ANY]).max_entries(100).build().unwrap());

    flood(&service, 0..2000).await;
    isr.cache().drained().await;
    let stats = isr.cache().metrics();

    assert_eq!((stats.flights(), stats.tasks()), (0, 0));
}

#[tokio::test]
async fn a_page_that_memory_has_no_room_for_is_not_said_to_be_stored() {
    let site = Site::new();
    site.script(|_, _| {
        Reply::page()
            .header("content-type", "text/html")
            .chunk(vec![b'x'; 700_000])
            .into()
    });
    let isr = open()
        .pages([ANY])
        .max_memory_bytes(1 << 20)
        .build()
        .unwrap();
    let service = isr.layer(site.clone());

    let first = ask(&service, get::<Plain>("/large")).await;
    let receipt = isr.cache().revalidate(Purge::path("/large")).await;

    assert_eq!(first.body.len(), 700_000);
    assert_eq!(first.cache_status(), "isr; fwd=uri-miss; detail=too-large");
    assert_eq!(
        receipt.receipts()[0].status(),
        isr_layer::purge::SelectorStatus::Uncacheable,
        "{receipt:?}"
    );
    assert_eq!(isr.cache().metrics().entries(), 0);
}

/// A large buffer, as an HTTP client has after it read head and body into one piece of memory.
struct Buffer {
    _held: std::sync::Arc<()>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &[b'x'; 64 * 1024]
    }
}

#[tokio::test]
async fn a_stored_header_keeps_no_buffer_that_it_was_a_part_of() {
    let buffer = std::sync::Arc::new(());
    let value = bytes::Bytes::from_owner(Buffer {
        _held: buffer.clone(),
    })
    .slice(..10);
    let value = http::HeaderValue::from_maybe_shared(value).unwrap();
    let isr = open().pages([ANY]).build().unwrap();
    let service = isr.layer(tower::service_fn(move |_: http::Request<Plain>| {
        let mut response = http::Response::new(Plain::from("a page"));
        response.headers_mut().insert("x-origin", value.clone());
        async { Ok::<_, std::convert::Infallible>(response) }
    }));

    ask(&service, get::<Plain>("/a")).await;
    drop(service);

    assert_eq!(isr.cache().metrics().entries(), 1);
    assert_eq!(
        std::sync::Arc::strong_count(&buffer),
        1,
        "ten bytes keep a buffer of 64 KiB"
    );
}

/// Encoding waits for a free thread. Once, a flood was rendered faster than its pages were encoded,
/// and each page stayed in memory until then, though evicted long before.
#[test]
fn a_page_that_was_evicted_is_not_kept_for_its_encodings() {
    let (site, isr, service) = site(open().pages([ANY]).max_entries(10).build().unwrap());
    site.script(|_, _| {
        Reply::page()
            .header("content-type", "text/plain")
            .chunk(vec![b'x'; 2_000])
            .into()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build();

    runtime.expect("a runtime starts").block_on(async {
        // Keeps the only thread busy that could encode.
        let (go_on, until) = mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || until.recv());
        flood(&service, 0..100).await;
        settle().await;
        let stats = isr.cache().metrics();
        // Counts all entries that still exist, in memory or elsewhere.
        let receipt = isr
            .cache()
            .revalidate(Purge::page("/{*path}").dry_run(true))
            .await;
        let alive = receipt.receipts()[0].matched();
        drop(go_on);
        let _ = busy.await;
        isr.cache().drained().await;

        assert!(
            stats.tasks() > stats.entries(),
            "pages wait for their encodings: {stats:?}"
        );
        assert_eq!(
            alive,
            Some(stats.entries() as u64),
            "what is kept is what memory keeps: {stats:?}"
        );
    });
}
