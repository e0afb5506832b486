//! Tests that each key is rendered once, however many requests arrive together.

use isr_layer::{Mode, Purge};
use isr_tests::{Answer, Site, ask, get, settle};
use tokio::task::JoinSet;

use crate::{A, Plain, pass, site_and_layer, site_with, ten_seconds, visit};

/// Starts `count` clients that request `/a` at the same time.
fn herd(service: &isr_layer::Isr<Site>, count: usize) -> JoinSet<Answer> {
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let service = service.clone();
        clients.spawn(async move { ask(&service, get::<Plain>("/a")).await });
    }
    clients
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_on_a_cold_key_are_one_render_and_equal_answers() {
    let (site, service) = site_with(A);
    site.before().close();

    let clients = herd(&service, 1000);
    site.before().reached(1).await;
    settle().await;
    site.before().open();
    let answers = clients.join_all().await;

    assert_eq!(site.renders(), 1);
    assert_eq!(answers.len(), 1000);
    assert!(
        answers
            .iter()
            .all(|answer| answer.text() == "/a v1" && answer.status == 200)
    );
    assert!(
        answers
            .iter()
            .all(|answer| answer.header("etag") == answers[0].header("etag"))
    );
}

#[tokio::test]
async fn one_of_a_herd_leads_and_the_others_say_that_they_followed() {
    let (site, service) = site_with(A);
    site.before().close();

    let clients = herd(&service, 100);
    site.before().reached(1).await;
    settle().await;
    site.before().open();
    let answers = clients.join_all().await;

    let count = |text| {
        answers
            .iter()
            .filter(|answer| answer.cache_status() == text)
            .count()
    };
    assert_eq!(count("isr; fwd=uri-miss; stored"), 1);
    assert_eq!(count("isr; fwd=uri-miss; stored; collapsed"), 99);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_on_a_stale_key_are_one_render_and_nobody_waits() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;
    site.publish(2);
    pass(10).await;
    site.before().close();

    // All get a response while the render stands at its gate.
    let answers = herd(&service, 1000).join_all().await;
    site.before().reached(2).await;
    site.before().open();
    settle().await;

    assert!(answers.iter().all(|answer| answer.text() == "/a v1"));
    assert_eq!(visit(&service).await.text(), "/a v2");
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn a_thousand_requests_on_an_expired_key_are_one_render() {
    let (site, isr, service) = site_and_layer(A);
    visit(&service).await;
    site.publish(2);
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;
    site.before().close();

    let clients = herd(&service, 1000);
    site.before().reached(2).await;
    settle().await;
    site.before().open();
    let answers = clients.join_all().await;

    assert!(answers.iter().all(|answer| answer.text() == "/a v2"));
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn a_herd_on_many_keys_is_one_render_for_each() {
    let site = Site::new();
    let isr = crate::isr([isr_layer::Page::new("/p/{n}")]);
    let service = tower::Layer::layer(&isr, site.clone());
    site.before().close();

    let mut clients = JoinSet::new();
    for client in 0..1000 {
        let service = service.clone();
        let path = format!("/p/{}", client % 50);
        clients.spawn(async move { (ask(&service, get::<Plain>(&path)).await, path) });
    }
    site.before().reached(50).await;
    settle().await;
    site.before().open();

    for (answer, path) in clients.join_all().await {
        assert_eq!(answer.text(), format!("{path} v1"));
    }
    assert_eq!(site.renders(), 50);
}
