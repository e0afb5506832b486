//! A gRPC service that counts its executions, has a version as its content, and obeys the test.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isr_layer::{context, static_page};
use isr_tests::Gate;
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::proto::catalog_server::Catalog;
use crate::proto::{Product, Query};

pub(crate) const GET_PRODUCT: &str = "/catalog.v1.Catalog/GetProduct";
pub(crate) const UPDATE_PRODUCT: &str = "/catalog.v1.Catalog/UpdateProduct";

/// Action of an execution.
#[derive(Clone, Debug, Default)]
pub(crate) enum Act {
    #[default]
    Answer,
    Fail(Code),
    Panic,
    Hang,
}

/// The service. Clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shop {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    executions: AtomicUsize,
    version: AtomicU64,
    act: Mutex<Act>,
    seen: Mutex<Vec<MetadataMap>>,
    gate: Gate,
}

impl Shop {
    pub(crate) fn executions(&self) -> usize {
        self.shared.executions.load(Ordering::SeqCst)
    }

    pub(crate) fn publish(&self, version: u64) {
        self.shared.version.store(version, Ordering::SeqCst);
    }

    pub(crate) fn act(&self, act: Act) {
        *lock(&self.shared.act) = act;
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.shared.gate
    }

    /// Returns the metadata of the last execution.
    pub(crate) fn last_seen(&self) -> MetadataMap {
        lock(&self.shared.seen)
            .last()
            .cloned()
            .expect("a method was executed")
    }

    async fn execute(&self, request: &Request<Query>) -> Result<Response<Product>, Status> {
        self.shared.executions.fetch_add(1, Ordering::SeqCst);
        lock(&self.shared.seen).push(request.metadata().clone());
        self.shared.gate.pass().await;
        let act = lock(&self.shared.act).clone();
        match act {
            Act::Answer => Ok(self.answer(request)),
            Act::Fail(code) => Err(Status::new(code, "told to fail")),
            Act::Panic => panic!("told to panic"),
            Act::Hang => std::future::pending().await,
        }
    }

    fn answer(&self, request: &Request<Query>) -> Response<Product> {
        let seen = request
            .metadata()
            .keys()
            .map(|key| format!("{key:?}"))
            .collect::<Vec<_>>()
            .join(" ");
        let mut response = Response::new(self.product(&request.get_ref().id, seen));
        response
            .metadata_mut()
            .insert("x-shop", "open".parse().expect("it is ASCII"));
        response
    }

    fn product(&self, id: &str, seen: String) -> Product {
        Product {
            id: id.to_owned(),
            version: self.shared.version.load(Ordering::SeqCst),
            seen,
        }
    }
}

#[tonic::async_trait]
impl Catalog for Shop {
    #[static_page("/catalog.v1.Catalog/GetProduct", revalidate = 60, tags = ["catalog"])]
    async fn get_product(&self, request: Request<Query>) -> Result<Response<Product>, Status> {
        context::tag(format!("product:{}", request.get_ref().id));
        self.execute(&request).await
    }

    #[static_page("/catalog.v1.Catalog/GetLocalized", vary = ["accept-language", "x-blob-bin"])]
    async fn get_localized(&self, request: Request<Query>) -> Result<Response<Product>, Status> {
        self.execute(&request).await
    }

    #[static_page("/catalog.v1.Catalog/GetHastily", timeout = "100ms")]
    async fn get_hastily(&self, request: Request<Query>) -> Result<Response<Product>, Status> {
        self.execute(&request).await
    }

    #[static_page("/catalog.v1.Catalog/GetBriefly", revalidate = "100ms")]
    async fn get_briefly(&self, request: Request<Query>) -> Result<Response<Product>, Status> {
        self.execute(&request).await
    }

    async fn update_product(&self, request: Request<Query>) -> Result<Response<Product>, Status> {
        self.execute(&request).await
    }

    type ListProductsStream = Pin<Box<dyn Stream<Item = Result<Product, Status>> + Send>>;

    async fn list_products(
        &self,
        request: Request<Query>,
    ) -> Result<Response<Self::ListProductsStream>, Status> {
        self.shared.executions.fetch_add(1, Ordering::SeqCst);
        let products = (0..3)
            .map(|at| Ok(self.product(&format!("{}{at}", request.get_ref().id), String::new())));
        Ok(Response::new(Box::pin(tokio_stream::iter(
            products.collect::<Vec<_>>(),
        ))))
    }

    async fn add_products(
        &self,
        request: Request<Streaming<Query>>,
    ) -> Result<Response<Product>, Status> {
        self.shared.executions.fetch_add(1, Ordering::SeqCst);
        let mut queries = request.into_inner();
        let mut ids = String::new();
        while let Some(query) = queries.next().await {
            ids.push_str(&query?.id);
        }
        Ok(Response::new(self.product(&ids, String::new())))
    }

    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<Product, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<Query>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        self.shared.executions.fetch_add(1, Ordering::SeqCst);
        let shop = self.clone();
        let products = request
            .into_inner()
            .map(move |query| query.map(|query| shop.product(&query.id, String::new())));
        Ok(Response::new(Box::pin(products)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
