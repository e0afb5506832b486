//! A client to try the server with: `get <id>`, `list`, `update <id> <cents>`.

#[expect(unreachable_pub, clippy::too_many_lines, reason = "generated")]
mod proto {
    tonic::include_proto!("catalog.v1");
}

use std::env;
use std::io::{self, Write};

use anyhow::bail;
use tonic::Response;

use crate::proto::catalog_client::CatalogClient;
use crate::proto::{GetProductRequest, ListProductsRequest, Product, UpdateProductRequest};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = env::var("GRPC_ADDR").unwrap_or_else(|_| "127.0.0.1:50051".into());
    let mut client = CatalogClient::connect(format!("http://{address}")).await?;
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["get", id] => print(
            &client
                .get_product(GetProductRequest { id: id.to_owned() })
                .await?,
        )?,
        ["list"] => {
            let mut products = client
                .list_products(ListProductsRequest {})
                .await?
                .into_inner();
            while let Some(product) = products.message().await? {
                print(&Response::new(product))?;
            }
        }
        ["update", id, price] => {
            let request = UpdateProductRequest {
                id: id.to_owned(),
                price_cents: price.parse()?,
            };
            print(&client.update_product(request).await?)?;
        }
        _ => bail!("usage: grpc-client get <id> | list | update <id> <cents>"),
    }
    Ok(())
}

/// Prints the product and the headers that the layer set.
fn print(answer: &Response<Product>) -> io::Result<()> {
    let Product {
        id,
        name,
        price_cents,
        reads,
    } = answer.get_ref();
    let said = |name| {
        answer
            .metadata()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("-")
    };
    writeln!(
        io::stdout(),
        "{id}: {name}, {}.{:02} (reads: {reads}; cache-status: {}; age: {})",
        price_cents / 100,
        price_cents % 100,
        said("cache-status"),
        said("age"),
    )
}
