//! A catalogue over gRPC: one unary read is cached, streams and writes pass unchanged, and the
//! revalidation endpoint is on the same port.

mod catalog;
mod products;
#[expect(unreachable_pub, clippy::too_many_lines, reason = "generated")]
mod proto {
    tonic::include_proto!("catalog.v1");
}

use std::env;
use std::io::{self, Write};

use anyhow::Context;
use isr_layer::IsrLayer;
use isr_layer::auth::Bearer;
use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::catalog::Shop;
use crate::proto::catalog_server::CatalogServer;

/// A public secret: good for trying the example, and for nothing else.
const SECRET_TO_TRY: &str = "a-secret-to-try-the-example-with";

/// The address of the server, unless `GRPC_ADDR` sets another one.
const USUAL_ADDRESS: &str = "127.0.0.1:50051";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = env::var("GRPC_ADDR").unwrap_or_else(|_| USUAL_ADDRESS.into());
    let secret = env::var("REVALIDATE_SECRET").ok();
    let authenticator = Bearer::new(secret.as_deref().unwrap_or(SECRET_TO_TRY))?;

    let isr = IsrLayer::builder().build()?;
    let shop = Shop::new(isr.cache());
    let routes = Routes::new(CatalogServer::new(shop))
        .into_axum_router()
        .route_service("/api/revalidate", isr.revalidate_service(authenticator));

    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    print(&listener.local_addr()?.to_string(), secret.is_some());
    axum::serve(listener, isr.wrap(routes))
        .with_graceful_shutdown(interrupted())
        .await?;
    isr.cache().drained().await;
    Ok(())
}

/// Waits until the program is asked to stop.
async fn interrupted() {
    // Without a signal handler only the end of the process stops the server.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn print(address: &str, has_secret: bool) {
    let secret = if has_secret {
        "$REVALIDATE_SECRET"
    } else {
        SECRET_TO_TRY
    };
    let client = match address {
        USUAL_ADDRESS => "cargo run -q -p grpc-example --bin grpc-client".to_owned(),
        other => format!("GRPC_ADDR={other} cargo run -q -p grpc-example --bin grpc-client"),
    };
    let text = format!(
        r#"
The catalogue is open on {address}. Send a call twice and compare cache-status; `reads` counts reads of the database:

  {client} get folding-map
  {client} get folding-map

Change a price, which purges the product's responses; or purge from outside:

  {client} update folding-map 1890
  curl -X POST http://{address}/api/revalidate -H "Authorization: Bearer {secret}" -H "Content-Type: application/json" -d '{{"tag":"catalog"}}'

A stream is not cached: each call reads the database:

  {client} list

"#
    );
    // Ignores errors: the server must also run with a closed standard output.
    io::stdout().write_all(text.as_bytes()).ok();
}
