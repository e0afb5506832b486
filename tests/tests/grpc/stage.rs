//! A gRPC server on a port of its own, and clients for it.

use std::net::SocketAddr;

use isr_layer::{Cache, IsrLayer, Purge, Receipt};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::proto::catalog_client::CatalogClient;
use crate::proto::catalog_server::CatalogServer;
use crate::proto::{Product, Query};
use crate::shop::Shop;

pub(crate) type Answer = Result<Response<Product>, Status>;

/// A shop behind the layer, served over TCP.
pub(crate) struct Stage {
    pub(crate) shop: Shop,
    pub(crate) cache: Cache,
    pub(crate) address: SocketAddr,
}

impl Stage {
    /// Starts a server with the layer as tonic's `Server::layer` takes it.
    pub(crate) async fn new() -> Self {
        Self::behind(layer()).await
    }

    pub(crate) async fn behind(isr: IsrLayer) -> Self {
        let (shop, cache) = (Shop::default(), isr.cache());
        let server = Server::builder()
            .layer(isr)
            .add_service(CatalogServer::new(shop.clone()));
        let (listener, address) = listen().await;
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self {
            shop,
            cache,
            address,
        }
    }

    pub(crate) async fn client(&self) -> CatalogClient<Channel> {
        client(self.address).await
    }

    /// Sends one call of `GetProduct` from a new client.
    pub(crate) async fn get(&self, id: &str) -> Answer {
        self.client().await.get_product(query(id)).await
    }

    pub(crate) async fn purge(&self, purge: Purge) -> Receipt {
        self.cache.revalidate(purge).await
    }
}

/// Starts a server without the layer.
pub(crate) async fn bare() -> (Shop, SocketAddr) {
    let shop = Shop::default();
    let server = Server::builder().add_service(CatalogServer::new(shop.clone()));
    let (listener, address) = listen().await;
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    (shop, address)
}

/// Makes a layer with all pages of this program.
pub(crate) fn layer() -> IsrLayer {
    IsrLayer::builder()
        .build()
        .expect("the pages do not contradict each other")
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

pub(crate) async fn client(address: SocketAddr) -> CatalogClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("it is a URI");
    CatalogClient::new(endpoint.connect().await.expect("the server listens"))
}

pub(crate) fn query(id: &str) -> Request<Query> {
    Request::new(Query {
        id: id.to_owned(),
        padding: Vec::new(),
    })
}

/// Makes a query with one line of metadata.
pub(crate) fn query_with(id: &str, name: &'static str, value: &'static str) -> Request<Query> {
    let mut request = query(id);
    request
        .metadata_mut()
        .insert(name, value.parse().expect("it is ASCII"));
    request
}

/// Returns the `Cache-Status` that the layer set.
pub(crate) fn cache_status<T>(answer: &Response<T>) -> String {
    answer
        .metadata()
        .get("cache-status")
        .map_or("", |value| value.to_str().expect("it is text"))
        .to_owned()
}
