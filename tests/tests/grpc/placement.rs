//! Tests the places for the layer: around a server, around routes, beside pages, inside of
//! authentication.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use isr_layer::purge::SelectorStatus as Done;
use isr_layer::{IsrLayer, Mode, Purge, static_page};
use tonic::service::{InterceptorLayer, Routes};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status};
use tower::Layer;

use crate::proto::catalog_server::CatalogServer;
use crate::shop::{GET_PRODUCT, Shop};
use crate::stage::{cache_status, client, layer, listen, query, query_with};

#[static_page("/catalog", revalidate = 60, tags = ["catalog"])]
async fn catalog_page() -> &'static str {
    "the catalogue"
}

fn routes(shop: &Shop) -> Routes {
    Routes::new(CatalogServer::new(shop.clone()))
}

async fn serve(application: impl Into<Routes>) -> SocketAddr {
    let (listener, address) = listen().await;
    let server = Server::builder().add_routes(application.into());
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    address
}

async fn assert_cached(isr: &IsrLayer, address: SocketAddr, shop: &Shop) {
    let mut client = client(address).await;

    let first = client.get_product(query("a")).await.expect("it answers");
    let second = client.get_product(query("a")).await.expect("it answers");
    shop.publish(2);
    let receipt = isr.cache().revalidate(Purge::path(GET_PRODUCT)).await;
    let third = client.get_product(query("a")).await.expect("it answers");

    assert_eq!(cache_status(&first), "isr; fwd=uri-miss; stored");
    assert_eq!(cache_status(&second), "isr; hit; ttl=60");
    assert_eq!(receipt.receipts()[0].status(), Done::Regenerated);
    assert_eq!(third.get_ref().version, 2);
    assert_eq!(shop.executions(), 2);
}

#[tokio::test]
async fn around_routes() {
    let (shop, isr) = (Shop::default(), layer());

    let address = serve(Router::new().fallback_service(isr.layer(routes(&shop).prepare()))).await;

    assert_cached(&isr, address, &shop).await;
}

#[tokio::test]
async fn around_an_axum_router_of_routes() {
    let (shop, isr) = (Shop::default(), layer());
    let (listener, address) = listen().await;
    let application = isr.wrap(routes(&shop).into_axum_router());

    tokio::spawn(async move { axum::serve(listener, application).await });

    assert_cached(&isr, address, &shop).await;
}

#[tokio::test]
async fn behind_a_router_nothing_is_kept_until_the_builder_says_what_renders_may_see() {
    let (shop, isr) = (Shop::default(), layer());

    let address = serve(routes(&shop).into_axum_router().layer(isr.clone())).await;

    let mut client = client(address).await;
    for _ in 0..2 {
        client.get_product(query("a")).await.expect("it answers");
    }
    assert_eq!(shop.executions(), 2);
    assert_eq!(isr.cache().metrics().entries(), 0);
}

#[tokio::test]
async fn behind_a_router() {
    let (shop, isr) = (Shop::default(), IsrLayer::builder().trust_extensions());
    let isr = isr.build().expect("the pages do not contradict each other");

    let address = serve(routes(&shop).into_axum_router().layer(isr.clone())).await;

    let mut client = client(address).await;
    let first = client.get_product(query("a")).await.expect("it answers");
    let second = client.get_product(query("a")).await.expect("it answers");
    let expire = Purge::path(GET_PRODUCT).mode(Mode::Expire);
    shop.publish(2);
    let _ = isr.cache().revalidate(expire).await;
    let regenerate = isr.cache().revalidate(Purge::path(GET_PRODUCT)).await;
    let third = client.get_product(query("a")).await.expect("it answers");

    assert_eq!(cache_status(&first), "isr; fwd=uri-miss; stored");
    assert_eq!(cache_status(&second), "isr; hit; ttl=60");
    // The route that rendered may be gone with its connection: the next request renders.
    assert_eq!(regenerate.receipts()[0].status(), Done::Marked);
    assert_eq!(third.get_ref().version, 2);
    assert_eq!(shop.executions(), 2);
}

#[tokio::test]
async fn one_purge_by_tag_reaches_pages_and_calls() {
    let (shop, isr) = (Shop::default(), layer());
    let (listener, address) = listen().await;
    let router = routes(&shop)
        .into_axum_router()
        .route("/catalog", get(catalog_page));
    let application = isr.wrap(router);
    let page = application.clone();
    tokio::spawn(async move { axum::serve(listener, application).await });
    let mut client = client(address).await;
    let status = async || {
        let request = http::Request::get("/catalog")
            .body(axum::body::Body::empty())
            .expect("it is a request");
        isr_tests::ask(&page, request)
            .await
            .cache_status()
            .to_owned()
    };
    client.get_product(query("a")).await.expect("it answers");
    status().await;
    assert_eq!(status().await, "isr; hit; ttl=60");

    let _ = isr
        .cache()
        .revalidate(Purge::tag("catalog").mode(Mode::Expire))
        .await;

    assert_eq!(status().await, "isr; fwd=stale; stored");
    let call = client.get_product(query("a")).await.expect("it answers");
    assert_eq!(cache_status(&call), "isr; fwd=stale; stored");
}

/// Rejects calls without the right token.
fn guard(request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
    let word = request.metadata().get("authorization");
    let is_known = word.is_some_and(|word| word == "Bearer secret");
    if is_known {
        Ok(request)
    } else {
        Err(Status::unauthenticated("who are you?"))
    }
}

#[tokio::test]
async fn authentication_outside_of_the_layer_decides_for_each_caller() {
    let (shop, isr) = (Shop::default(), layer());
    let (listener, address) = listen().await;
    let server = Server::builder()
        .layer(InterceptorLayer::new(guard))
        .layer(isr)
        .add_routes(routes(&shop));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let mut client = client(address).await;

    let known = client
        .get_product(query_with("a", "authorization", "Bearer secret"))
        .await;
    let again = client
        .get_product(query_with("a", "authorization", "Bearer secret"))
        .await;
    let unknown = client.get_product(query("a")).await;

    assert!(known.is_ok());
    assert_eq!(
        cache_status(&again.expect("it answers")),
        "isr; hit; ttl=60"
    );
    assert_eq!(
        unknown.expect_err("the guard refuses").code(),
        Code::Unauthenticated
    );
    assert_eq!(shop.executions(), 1);
}

#[tokio::test]
async fn a_method_behind_authentication_inside_of_the_layer_is_not_cached_and_works() {
    let (shop, isr) = (Shop::default(), layer());
    let (listener, address) = listen().await;
    let service = CatalogServer::with_interceptor(shop.clone(), guard);
    let server = Server::builder().layer(isr).add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let mut client = client(address).await;
    let known = || query_with("a", "authorization", "Bearer secret");

    let first = client.get_product(known()).await.expect("it answers");
    let unknown = client
        .get_product(query("a"))
        .await
        .expect_err("the guard refuses");
    let second = client.get_product(known()).await.expect("it answers");

    assert_eq!(
        cache_status(&first),
        "isr; fwd=uri-miss; detail=handler-not-run"
    );
    assert_eq!(unknown.code(), Code::Unauthenticated);
    assert_eq!(second.get_ref().id, "a");
    assert_eq!(shop.executions(), 2);
}
