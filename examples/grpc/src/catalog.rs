//! The gRPC service: one method is a page, the others are not.

use std::sync::Arc;
use std::vec;

use isr_layer::{Cache, Mode, Purge, context, static_page};
use tokio_stream::Iter;
use tonic::{Request, Response, Status};

use crate::products::Products;
use crate::proto::catalog_server::Catalog;
use crate::proto::{GetProductRequest, ListProductsRequest, Product, UpdateProductRequest};

/// The shop.
pub(crate) struct Shop {
    products: Arc<Products>,
    cache: Cache,
}

impl Shop {
    pub(crate) fn new(cache: Cache) -> Self {
        Self {
            products: Arc::new(Products::new()),
            cache,
        }
    }
}

#[tonic::async_trait]
impl Catalog for Shop {
    /// Keyed by the request's message. The method sees no metadata unless `vary` names it, so a
    /// layer in front of the cache must decide who may call.
    #[static_page("/catalog.v1.Catalog/GetProduct", revalidate = 60, tags = ["catalog"])]
    async fn get_product(
        &self,
        request: Request<GetProductRequest>,
    ) -> Result<Response<Product>, Status> {
        let id = request.into_inner().id;
        context::tag(format!("product:{id}"));
        let product = self
            .products
            .get(&id)
            .ok_or_else(|| Status::not_found("there is no such product"))?;
        Ok(Response::new(product))
    }

    type ListProductsStream = Iter<vec::IntoIter<Result<Product, Status>>>;

    async fn list_products(
        &self,
        _request: Request<ListProductsRequest>,
    ) -> Result<Response<Self::ListProductsStream>, Status> {
        let products = self.products.all().into_iter().map(Ok).collect::<Vec<_>>();
        Ok(Response::new(tokio_stream::iter(products)))
    }

    /// Changes a price and purges the cached responses with this product. With `Expire` the next
    /// call waits for the new response; `Regenerate` would render it at once.
    async fn update_product(
        &self,
        request: Request<UpdateProductRequest>,
    ) -> Result<Response<Product>, Status> {
        let UpdateProductRequest { id, price_cents } = request.into_inner();
        let product = self
            .products
            .set_price(&id, price_cents)
            .ok_or_else(|| Status::not_found("there is no such product"))?;
        self.cache
            .revalidate(Purge::tag(format!("product:{id}")).mode(Mode::Expire))
            .await
            .into_result()
            .map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(product))
    }
}
