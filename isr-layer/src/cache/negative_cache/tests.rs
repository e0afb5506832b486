//! Back-off doubles, and the table stays bounded whatever clients make fail.

use bytes::Bytes;
use http::Response;

use super::*;
use crate::cache::Failure;
use crate::render::Key;
use crate::{IsrLayer, Page};

#[test]
fn the_pause_doubles_up_to_the_longest_of_its_kind() {
    let seconds =
        |backoff: Backoff| (1..=9).map(move |failures| backoff.after(failures, 0.0).as_secs());

    assert!(seconds(Backoff::FAILURE).eq([1, 2, 4, 8, 16, 32, 60, 60, 60]));
    assert!(seconds(Backoff::COLD_FAILURE).eq([1, 2, 4, 5, 5, 5, 5, 5, 5]));
    assert!(seconds(Backoff::REFUSED).eq([120; 9]));
    assert!(seconds(Backoff::OTHER_ROUTE).eq([120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]));
    assert!(seconds(Backoff::FAILING_ROUTE).eq([1, 2, 4, 8, 16, 32, 64, 120, 120]));
    assert_eq!(Backoff::FAILURE.after(u32::MAX, 0.0).as_secs(), 60);
    assert_eq!(Backoff::FAILURE.after(1, 1.0), Duration::from_millis(900));
}

/// Returns the failure of one of many paths, with so many bytes in its head and body.
fn failing(head: usize, body: usize) -> Arc<Failure> {
    let response = Response::builder()
        .status(500)
        .header("x-long", "x".repeat(head));
    let (parts, ()) = response.body(()).unwrap().into_parts();
    Failure::from_response(
        Reason::FailedStatus,
        &parts,
        Bytes::from(vec![0; body]),
        None,
    )
}

/// Returns the bytes of heads, bodies and tags that are remembered after each of many paths has
/// failed, whose page has a tag of so many bytes.
fn remembered(failure: &dyn Fn() -> Arc<Failure>, tag: usize) -> usize {
    let core = IsrLayer::builder()
        .pages([Page::new("/{n}")])
        .build()
        .unwrap()
        .core;
    let page = core.registry.find("/0").unwrap();
    let cache = NegativeCache::new();
    for n in 0..20_000 {
        let key = Key::bare(page, &format!("/{n}")).remove(0);
        let snapshot = RenderSnapshot {
            as_of: Sequence::NO_MARK,
            tags: core.marks.intern([format!("{n:0tag$}")]).into(),
        };
        let now = crate::clock::now();
        cache.failed(&core.marks, &key, &failure(), snapshot, now);
    }

    let bytes = |entry: Arc<NegativeEntry<Arc<Failure>>>| match &entry.kind {
        Kind::Failing(failure) => failure.size() + tag,
        Kind::Uncacheable(_) => 0,
    };
    cache.table.iter().map(|(_, entry)| bytes(entry)).sum()
}

#[test]
fn the_table_is_bounded_whatever_failures_say_in_head_and_body_and_however_long_tags_are() {
    for (head, body, tag) in [
        (0, 16 * 1024, 1),
        (0, 1024 * 1024, 1),
        (8 * 1024, 0, 1),
        (1, 1, 8 * 1024),
        (1, 1, 1),
    ] {
        let bytes = remembered(&|| failing(head, body), tag);

        assert!(
            bytes <= CAPACITY_BYTES as usize,
            "{bytes} bytes of failures with {head}, {body} and {tag}"
        );
    }
}
