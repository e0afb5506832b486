//! Which requests wait for the fetch of another: only those like it.

use std::sync::Arc;

use http::{Method, Request, Response};
use isr_layer::Isr;
use isr_tests::{Answer, Gate, Site, SiteBody, SiteError, ask, request, settle};
use tokio::task::JoinHandle;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Plain, builder, says};

type Service = Isr<BoxCloneSyncService<Request<Plain>, Response<SiteBody>, SiteError>>;

/// Returns a site that lets a request with one of these headers wait at the gate.
fn site_that_is_slow_for(slow: &'static [&'static str]) -> (Site, Arc<Gate>, Service) {
    let (site, gate) = (Site::new(), Arc::new(Gate::default()));
    site.act(says("s-maxage=60"));
    gate.close();
    let origin = service_fn({
        let (site, gate) = (site.clone(), gate.clone());
        move |request: Request<Plain>| {
            let (site, gate) = (site.clone(), gate.clone());
            async move {
                if slow
                    .iter()
                    .any(|name| request.headers().contains_key(*name))
                {
                    gate.pass().await;
                }
                site.oneshot(request).await
            }
        }
    });
    let isr = builder()
        .build()
        .expect("the page does not contradict itself");
    (site, gate, isr.layer(BoxCloneSyncService::new(origin)))
}

fn come(service: &Service, headers: &'static [(&'static str, &'static str)]) -> JoinHandle<Answer> {
    let service = service.clone();
    tokio::spawn(async move { ask(&service, request::<Plain>(Method::GET, "/a", headers)).await })
}

#[tokio::test(start_paused = true)]
async fn visitors_do_not_wait_for_the_slow_request_of_a_user_with_credentials() {
    for user in [
        &[("authorization", "Bearer x")][..],
        &[("cookie", "session=1")],
        &[("authorization", "Bearer x"), ("cookie", "session=1")],
    ] {
        let (site, gate, service) = site_that_is_slow_for(&["authorization", "cookie"]);
        let slow = come(&service, user);
        gate.reached(1).await;
        let begun = tokio::time::Instant::now();

        let visitors = (0..20).map(|_| come(&service, &[])).collect::<Vec<_>>();
        for visitor in visitors {
            assert_eq!(visitor.await.unwrap().text(), "/a v1");
        }

        assert_eq!(begun.elapsed().as_secs(), 0, "{user:?}");
        assert_eq!(site.renders(), 1, "one fetch for all visitors: {user:?}");
        gate.open();
        slow.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn users_do_not_wait_for_the_slow_fetch_of_a_user_with_other_kinds_of_credentials() {
    let (site, gate, service) = site_that_is_slow_for(&["authorization"]);
    let slow = come(&service, &[("authorization", "Bearer x")]);
    gate.reached(1).await;
    let begun = tokio::time::Instant::now();

    let with_cookie = (0..20)
        .map(|_| come(&service, &[("cookie", "a=b")]))
        .collect::<Vec<_>>();
    for user in with_cookie {
        assert_eq!(user.await.unwrap().text(), "/a v1");
    }

    assert_eq!((begun.elapsed().as_secs(), site.renders()), (0, 1));
    gate.open();
    slow.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn users_with_one_kind_of_credentials_share_a_response_that_is_for_everybody() {
    let (site, gate, service) = site_that_is_slow_for(&["cookie"]);
    let first = come(&service, &[("cookie", "user=1")]);
    gate.reached(1).await;

    let others = (0..20)
        .map(|_| come(&service, &[("cookie", "user=2")]))
        .collect::<Vec<_>>();
    settle().await;
    gate.open();

    first.await.unwrap();
    for other in others {
        assert_eq!(
            other.await.unwrap().cache_status(),
            "isr; fwd=uri-miss; stored; collapsed"
        );
    }
    assert_eq!(site.renders(), 1);
}

/// A user's refresh is slow, and may fail. It keeps no visitor from starting another.
#[tokio::test(start_paused = true)]
async fn a_slow_refresh_of_a_user_keeps_no_visitor_from_a_refresh() {
    let (site, gate, service) = site_that_is_slow_for(&["authorization"]);
    site.act(says("s-maxage=10, stale-while-revalidate=60"));
    come(&service, &[]).await.unwrap();
    site.publish(2);
    crate::pass(15).await;
    come(&service, &[("authorization", "Bearer x")])
        .await
        .unwrap();
    gate.reached(1).await;

    come(&service, &[]).await.unwrap();
    settle().await;

    assert_eq!(come(&service, &[]).await.unwrap().text(), "/a v2");
}
