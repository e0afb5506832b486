//! Tests that the client that started a render may leave at any moment.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use isr_tests::{Site, settle};
use tower::Service;

use crate::{A, a, pass, site_with, ten_seconds, visit};

/// Sends a request for `/a`, polls the response `polls` times while other tasks run in between, and
/// leaves.
async fn leave_after(service: &mut isr_layer::Isr<Site>, polls: usize) {
    let future = service.call(a());
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        settle().await;
        if let Poll::Ready(answer) = polled {
            answer.expect("the site answers");
            return;
        }
    }
}

#[tokio::test]
async fn the_page_is_stored_and_followers_answered_though_the_leader_left() {
    for polls in 1..6 {
        let (site, mut service) = site_with(A);
        site.before().close();
        leave_after(&mut service, polls).await;
        let follower = tokio::spawn({
            let service = service.clone();
            async move { visit(&service).await }
        });
        settle().await;

        site.before().open();
        let answer = follower.await.unwrap();

        assert_eq!(answer.text(), "/a v1");
        assert_eq!(
            answer.cache_status(),
            "isr; fwd=uri-miss; stored; collapsed"
        );
        assert_eq!(visit(&service).await.cache_status(), "isr; hit");
        assert_eq!(site.renders(), 1, "the leader left after {polls} polls");
    }
}

#[tokio::test]
async fn a_page_is_stored_though_everybody_left() {
    let (site, mut service) = site_with(A);
    site.after().close();
    leave_after(&mut service, 1).await;
    leave_after(&mut service, 3).await;

    site.after().open();
    settle().await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit");
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn an_answer_nobody_polled_renders_nothing() {
    let (site, mut service) = site_with(A);

    leave_after(&mut service, 0).await;
    settle().await;

    assert_eq!(site.renders(), 0);
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

#[tokio::test]
async fn followers_that_leave_disturb_nobody() {
    let (site, mut service) = site_with(A);
    site.before().close();
    let leader = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.before().reached(1).await;
    for polls in 0..4 {
        leave_after(&mut service, polls).await;
    }

    site.before().open();

    assert_eq!(leader.await.unwrap().text(), "/a v1");
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_goes_on_though_the_client_that_started_it_left() {
    let (site, mut service) = site_with(ten_seconds());
    visit(&service).await;
    site.publish(2);
    pass(10).await;

    leave_after(&mut service, 1).await;
    settle().await;

    assert_eq!(visit(&service).await.text(), "/a v2");
    assert_eq!(site.renders(), 2);
}
