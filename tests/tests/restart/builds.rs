//! Builds: each has its own pages, and purges are everybody's.

use std::error::Error;

use http::HeaderName;
use isr_layer::{ErrorKind, IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::MemoryStore;

use crate::{A, POST, Process, assert_is, secs};

#[tokio::test(start_paused = true)]
async fn a_deploy_shows_no_other_builds_page_and_a_rollback_finds_its_own() {
    let store = MemoryStore::new();
    let first = Process::of_build(&store, "1");
    first.get(A).await;
    first.end().await;

    let second = Process::of_build(&store, "2");
    second.site.publish(2);
    assert_is(&second.get(A).await, 2, "isr; fwd=uri-miss; stored");
    second.end().await;

    let again = Process::of_build(&store, "1");
    assert_eq!(again.get(A).await.text(), "/posts/a v1");
    assert_eq!(again.site.renders(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_purge_sent_to_one_build_is_seen_by_the_other_after_a_rollback() {
    let store = MemoryStore::new();
    let first = Process::of_build(&store, "A");
    first.get(A).await;
    first.end().await;
    let second = Process::of_build(&store, "B");
    second.purge(Purge::tag("posts").mode(Mode::Expire)).await;
    second.end().await;

    let again = Process::of_build(&store, "A");
    again.site.publish(2);

    assert_is(&again.get(A).await, 2, "isr; fwd=stale; stored");
}

/// With one name for two programs, what a page means is still a part of its key.
#[tokio::test(start_paused = true)]
async fn a_page_that_means_something_else_does_not_find_the_old_ones() {
    let store = MemoryStore::new();
    let before = Process::start(&store);
    before.get(A).await;
    before.end().await;
    let with_query = POST.with_policy(Policy::new().revalidate(secs(60)).query(&["page"]));
    let with_vary = POST.with_policy(Policy::new().revalidate(secs(60)).vary(&["x-shop"]));
    let header = HeaderName::from_static("x-trace");

    let others = [
        Process::with(store.clone(), "build 1", |builder| {
            builder.pages([with_query])
        }),
        Process::with(store.clone(), "build 1", |builder| {
            builder.pages([with_vary])
        }),
        Process::with(store.clone(), "build 1", |builder| {
            builder.pages([POST]).keep_header(header)
        }),
        Process::with(store.clone(), "build 1", |builder| {
            builder.pages([POST]).hosts(["localhost"])
        }),
    ];

    for other in others {
        let request = isr_tests::request(http::Method::GET, A, &[("host", "localhost")]);
        let answer =
            isr_tests::ask::<_, http_body_util::Full<bytes::Bytes>, _>(&other.service, request)
                .await;
        assert_eq!(answer.cache_status(), "isr; fwd=uri-miss; stored");
    }
}

/// The numbers of pages are not stable over builds, nor over the order of registration.
#[tokio::test(start_paused = true)]
async fn pages_are_found_again_whatever_their_order() {
    const OTHER: Page = Page::new("/other");
    let store = MemoryStore::new();
    let before = Process::with(store.clone(), "1", |builder| builder.pages([OTHER, POST]));
    before.get(A).await;
    before.end().await;

    let after = Process::with(store.clone(), "1", |builder| builder.pages([POST, OTHER]));

    assert_eq!(after.get(A).await.text(), "/posts/a v1");
    assert_eq!(after.site.renders(), 0);
}

#[test]
fn the_executable_is_the_build_if_none_is_named() {
    let build = || {
        let store = MemoryStore::new();
        let isr = IsrLayer::builder()
            .without_registered()
            .store(store.clone())
            .build();
        isr.expect("the executable can be read");
        store.joined()
    };

    let (first, second) = (build(), build());

    assert_eq!(first, second);
    assert_eq!(first.len(), 64, "{first}");
}

#[test]
fn a_build_without_a_name_or_with_a_strange_one_is_refused() {
    let too_long = "x".repeat(257);
    for build in ["", "a\nb", too_long.as_str()] {
        let error = IsrLayer::builder()
            .without_registered()
            .store(MemoryStore::new())
            .build_id(build)
            .build()
            .expect_err("no such build");

        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("`build_id`"), "{error}");
    }

    let error = IsrLayer::builder()
        .without_registered()
        .build_id("1")
        .build()
        .expect_err("nothing would use it");
    assert!(error.to_string().contains("`store`"), "{error}");
    assert!(error.source().is_none());
}
