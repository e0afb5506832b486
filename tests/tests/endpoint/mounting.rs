//! Tests the endpoint where it may be mounted: in nested routers, beside gRPC, twice.

use axum::Router;
use isr_layer::auth::Contentful;

use crate::SECRET;
use crate::call::{Call, exchange};
use crate::signed::{PURGE, contentful};
use crate::stand::{Stand, bearer, layer, listener};

#[tokio::test]
async fn it_mounts_in_a_nested_router() {
    let stand = Stand::mounted(bearer(), |service| {
        let inner = Router::new().route_service("/revalidate", service);
        Router::new().nest("/hooks", Router::new().nest("/api", inner))
    })
    .await;

    stand
        .assert_admitted(&Call::post(PURGE).to("/hooks/api/revalidate"))
        .await;
    stand
        .assert_refused(&Call::anonymous(PURGE).to("/hooks/api/revalidate"), 401)
        .await;
}

#[tokio::test]
async fn an_authenticator_in_a_nest_sees_the_target_that_the_client_sent() {
    let stand = Stand::mounted(Contentful::new(SECRET).unwrap(), |service| {
        Router::new().nest("/hooks", Router::new().route_service("/cms", service))
    })
    .await;

    stand.assert_admitted(&contentful("/hooks/cms", 0)).await;
    stand
        .assert_refused(&contentful("/cms", 0).to("/hooks/cms"), 401)
        .await;
}

#[tokio::test]
async fn the_rate_of_a_peer_holds_in_a_nest_too() {
    let stand = Stand::mounted(bearer(), |service| {
        Router::new().nest("/hooks", Router::new().route_service("/cms", service))
    })
    .await;
    for _ in 0..10 {
        stand
            .assert_refused(&Call::anonymous(PURGE).to("/hooks/cms"), 401)
            .await;
    }

    stand
        .assert_refused(&Call::anonymous(PURGE).to("/hooks/cms"), 429)
        .await;
    stand
        .assert_admitted(&Call::post(PURGE).to("/hooks/cms"))
        .await;
}

#[tokio::test]
async fn a_clone_that_is_mounted_twice_is_one_endpoint() {
    let stand = Stand::mounted(bearer(), |service| {
        Router::new()
            .route_service("/one", service.clone())
            .route_service("/two", service)
    })
    .await;
    for target in ["/one", "/two"].into_iter().cycle().take(10) {
        stand
            .assert_refused(&Call::anonymous(PURGE).to(target), 401)
            .await;
    }

    stand
        .assert_refused(&Call::anonymous(PURGE).to("/one"), 429)
        .await;
}

#[tokio::test]
async fn it_mounts_unchanged_in_the_routes_of_tonic() {
    let isr = layer();
    let cache = isr.cache();
    let router = Router::new().route_service("/api/revalidate", isr.revalidate_service(bearer()));
    let routes = tonic::service::Routes::from(router);
    let (listener, address) = listener().await;
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder()
        .accept_http1(true)
        .add_routes(routes);
    tokio::spawn(server.serve_with_incoming(incoming));

    let purged = exchange(address, &Call::post(r#"{"tag": "posts"}"#).bytes()).await;
    let refused = exchange(address, &Call::anonymous(PURGE).bytes()).await;

    assert_eq!(
        (purged.status.as_u16(), cache.metrics().sequence()),
        (200, 1),
        "{}",
        purged.text()
    );
    assert_eq!(
        (refused.status.as_u16(), refused.header("cache-control")),
        (401, "no-store")
    );
}
