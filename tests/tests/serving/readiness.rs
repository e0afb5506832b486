//! Tests Tower readiness: a service is called only when it is ready, and no permit that readiness
//! reserved is kept.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use isr_layer::{Isr, Mode, Page, Purge};
use isr_tests::{Reply, Site, SiteBody, SiteError, ask, get, settle};
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use crate::{A, Plain, a, pass, ten_seconds};

type Limited = Isr<ConcurrencyLimit<Site>>;

fn limited(page: Page) -> (Site, isr_layer::IsrLayer, Limited) {
    let site = Site::new();
    let isr = crate::isr([page]);
    let service = isr.layer(ConcurrencyLimit::new(site.clone(), 1));
    (site, isr, service)
}

/// Returns the result, or fails the test after 20 s: nothing here may wait for ever.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work)
        .await
        .expect("nobody holds the only permit")
}

/// Waits until the connection is ready for its next request.
async fn ready(connection: &mut Limited) -> &mut Limited {
    ServiceExt::<Request<Plain>>::ready(connection)
        .await
        .expect("the site is always ready")
}

/// A service that returns an error when it is called without being ready, and whose clones are not
/// ready.
#[derive(Debug)]
struct Strict {
    site: Site,
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            site: self.site.clone(),
            is_ready: false,
        }
    }
}

impl Service<Request<Plain>> for Strict {
    type Response = Response<SiteBody>;
    type Error = SiteError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<SiteBody>, SiteError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SiteError>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Plain>) -> Self::Future {
        if !std::mem::take(&mut self.is_ready) {
            return Box::pin(async { Err(SiteError) });
        }
        self.site.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_is_never_called() {
    let site = Site::new();
    let isr = crate::isr([ten_seconds(), Page::new("/refused")]);
    let mut service = isr.layer(Strict {
        site: site.clone(),
        is_ready: false,
    });
    site.script(|seen, _| {
        let reply = Reply::page();
        if seen.uri.path() == "/refused" {
            reply.header("set-cookie", "id=1").into()
        } else {
            reply.into()
        }
    });

    // One connection, driven as hyper does: ready, call, ready, call. Misses, hits, refreshes and
    // requests that pass are mixed.
    for path in [
        "/a", "/a", "/other", "/a", "/refused", "/refused", "/other", "/a",
    ] {
        let answer = service.ready().await.unwrap().call(get(path)).await;
        assert!(answer.is_ok(), "{path}");
    }
    pass(10).await;
    service.ready().await.unwrap().call(a()).await.unwrap();
    settle().await;
    let _ = isr.cache().revalidate(Purge::path("/a")).await;

    assert_eq!(
        isr.cache().explain("/a").await.unwrap().freshness(),
        Some(isr_layer::inspect::Freshness::Fresh)
    );
    assert_eq!(site.renders(), 1 + 1 + 1 + 1 + 1 + 1 + 1);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_that_had_hits_block_nobody() {
    let (site, _, service) = limited(A);
    in_time(ask(&service, a())).await;
    let mut connections = (0..100).map(|_| service.clone()).collect::<Vec<_>>();
    for connection in &mut connections {
        in_time(ready(connection)).await.call(a()).await.unwrap();
    }

    let other = in_time(ask(&service, get::<Plain>("/other"))).await;

    assert_eq!(other.text(), "/other v1");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn connections_whose_request_led_or_followed_block_nobody_afterwards() {
    let (site, _, service) = limited(Page::new("/p/{n}"));
    let mut connections = (0..20).map(|_| service.clone()).collect::<Vec<_>>();
    for (at, connection) in connections.iter_mut().enumerate() {
        let path = format!("/p/{}", at / 2);
        in_time(ready(connection))
            .await
            .call(get::<Plain>(&path))
            .await
            .unwrap();
    }

    assert_eq!(
        in_time(ask(&service, get::<Plain>("/p/x"))).await.text(),
        "/p/x v1"
    );
    assert_eq!(site.renders(), 11);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_still_read_holds_nothing() {
    let (_, _, service) = limited(A);
    let held = in_time(service.clone().oneshot(a())).await.unwrap();

    assert_eq!(
        in_time(ask(&service, get::<Plain>("/other"))).await.text(),
        "/other v1"
    );
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn leader_and_followers_finish_over_a_limit_of_one() {
    let (site, _, service) = limited(A);
    site.before().close();
    let clients = (0..50).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, a()).await })
    });
    let clients = clients.collect::<Vec<_>>();
    site.before().reached(1).await;
    settle().await;
    site.before().open();

    for client in clients {
        assert_eq!(in_time(client).await.unwrap().text(), "/a v1");
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_follower_holds_no_permit_while_it_waits() {
    let site = Site::new();
    let service = crate::isr([A]).layer(ConcurrencyLimit::new(site.clone(), 2));
    site.before().close();
    let ask = |path| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, get::<Plain>(path)).await })
    };
    let leader = ask("/a");
    site.before().reached(1).await;
    let follower = ask("/a");
    settle().await;

    let other = ask("/other");
    site.before().reached(2).await;

    site.before().open();
    for client in [leader, follower, other] {
        assert_eq!(in_time(client).await.unwrap().status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn followers_of_a_refused_answer_finish_over_a_limit_of_one() {
    let (site, _, service) = limited(A);
    site.act(Reply::page().header("set-cookie", "id=1"));
    let clients = (0..10).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, a()).await })
    });

    for client in clients.collect::<Vec<_>>() {
        assert_eq!(in_time(client).await.unwrap().text(), "/a v1");
    }
    assert_eq!(site.peak(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_background_refresh_over_a_limit_of_one_finishes() {
    let (site, _, service) = limited(ten_seconds());
    in_time(ask(&service, a())).await;
    site.publish(2);
    pass(10).await;

    in_time(ask(&service, a())).await;
    settle().await;

    assert_eq!(in_time(ask(&service, a())).await.text(), "/a v2");
    assert_eq!(
        in_time(ask(&service, get::<Plain>("/other"))).await.text(),
        "/other v2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_regeneration_on_demand_over_a_limit_of_one_finishes() {
    let (site, isr, service) = limited(A);
    in_time(ask(&service, a())).await;
    site.publish(2);

    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Regenerate))
        .await;

    assert_eq!(in_time(ask(&service, a())).await.text(), "/a v2");
}

#[tokio::test(start_paused = true)]
async fn a_background_render_waits_for_readiness_no_longer_than_its_time_limit() {
    let (site, isr, service) = limited(A);
    in_time(ask(&service, a())).await;
    let mut holder = service.clone();
    ready(&mut holder).await;

    let receipt = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Regenerate))
        .await;
    tokio::time::sleep(Duration::from_secs(29)).await;

    assert_eq!(
        receipt.receipts()[0].status(),
        isr_layer::purge::SelectorStatus::Running
    );
    assert_eq!((isr.cache().metrics().tasks(), site.renders()), (0, 1));
    assert_eq!(
        holder.call(a()).await.unwrap().status(),
        200,
        "the last good page stays"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_of_a_stale_page_waits_for_its_permit_and_for_nothing_else() {
    let (site, _, service) = limited(ten_seconds());
    in_time(ask(&service, a())).await;
    let mut other = service.clone();
    ready(&mut other).await;
    pass(10).await;

    // `other` is ready and holds the only permit, so the client of the stale page has to wait for
    // it.
    let mut client = service.clone();
    let waiting = tokio::spawn(async move { ready(&mut client).await.call(a()).await.map(|_| ()) });
    settle().await;
    drop(other);

    assert!(in_time(waiting).await.unwrap().is_ok());
    settle().await;
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_its_answer_is_polled_gives_its_permit_back() {
    let (_, _, service) = limited(A);
    let mut client = service.clone();
    let never_polled = ready(&mut client).await.call(a());

    drop(never_polled);

    assert_eq!(in_time(ask(&service, a())).await.text(), "/a v1");
}
