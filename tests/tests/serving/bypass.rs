//! Tests that requests for a key that may not be stored are each rendered alone, and that each end
//! of such a render reaches the client.

use http_body_util::BodyExt;
use isr_layer::Policy;
use isr_tests::{Act, Cut, Reply, SiteError, ask, head, try_ask};
use tower::ServiceExt;

use crate::{A, Plain, a, secs, site_with, visit};

/// Makes a site whose only page is remembered as uncacheable.
async fn refused() -> (isr_tests::Site, isr_layer::Isr<isr_tests::Site>) {
    let (site, service) = site_with(A);
    site.act(Reply::page().header("set-cookie", "id=1"));
    visit(&service).await;
    (site, service)
}

#[tokio::test(start_paused = true)]
async fn a_render_for_one_client_alone_ends_by_its_time_limit() {
    let (site, service) = refused().await;
    site.act(Act::Hang);
    let began = tokio::time::Instant::now();

    let answer = visit(&service).await;

    assert_eq!((answer.status.as_u16(), began.elapsed()), (504, secs(30)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_render_for_one_client_alone_is_a_500() {
    let (site, service) = refused().await;
    site.act(Act::Panic);

    assert_eq!(visit(&service).await.status, 500);
    site.act(Reply::page());
    assert_eq!(visit(&service).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_render_for_one_client_alone_is_that_clients() {
    let (site, service) = refused().await;
    site.act(Act::Error);

    assert_eq!(try_ask(&service, a()).await.unwrap_err(), SiteError);
}

#[tokio::test(start_paused = true)]
async fn a_failed_status_in_a_render_for_one_client_alone_is_passed() {
    let (site, service) = refused().await;
    site.act(Reply::status(503).chunk("down"));

    let answer = visit(&service).await;

    assert_eq!((answer.status.as_u16(), answer.text()), (503, "down"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_the_render_made_for_it_alone() {
    let (site, service) = refused().await;
    site.before().close();
    let client = tokio::spawn(async move { visit(&service).await });
    site.before().reached(2).await;

    client.abort();
    isr_tests::settle().await;

    assert_eq!(site.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_answer_is_streamed_and_not_waited_for() {
    let (site, service) = site_with(A);
    site.act(
        Reply::page()
            .header("set-cookie", "id=1")
            .chunk("first")
            .hang(),
    );

    let response = service.oneshot(a()).await.unwrap();
    let mut body = response.into_body();
    let first = body
        .frame()
        .await
        .expect("a frame arrives")
        .expect("it is whole");

    assert_eq!(first.into_data().expect("it is data"), "first");
}

#[tokio::test(start_paused = true)]
async fn a_body_above_the_limit_is_sent_on_before_it_ends_and_may_take_longer_than_a_render() {
    let (site, service) = site_with(A.with_policy(Policy::new().max_body(4)));
    site.act(Reply::page().chunk("012").chunk("345").hang());

    let response = service.oneshot(a()).await.unwrap();
    let mut body = response.into_body();
    let mut read = Vec::new();
    for _ in 0..2 {
        let frame = body
            .frame()
            .await
            .expect("a frame arrives")
            .expect("it is whole");
        read.extend_from_slice(&frame.into_data().expect("it is data"));
    }

    assert_eq!(read, b"012345");
    assert!(
        tokio::time::timeout(secs(300), body.frame()).await.is_err(),
        "the rest is still awaited"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_above_the_limit_that_is_cut_later_is_cut_for_the_client_too() {
    let (site, service) = site_with(A.with_policy(Policy::new().max_body(4)));
    site.act(Reply::page().chunk("012345").cut());

    let response = service.oneshot(a()).await.unwrap();

    assert!(matches!(response.into_body().collect().await, Err(Cut)));
}

#[tokio::test(start_paused = true)]
async fn head_of_a_body_above_the_limit_has_no_body() {
    let (site, service) = site_with(A.with_policy(Policy::new().max_body(4)));
    site.act(Reply::page().chunk("012345"));

    let answer = ask(&service, head::<Plain>("/a")).await;

    assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
}
