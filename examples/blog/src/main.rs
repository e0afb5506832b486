//! A small blog on SQLite: pages at the price of a static file, changed as soon as an editor
//! publishes.
//!
//! `site` holds the pages and is the place to start reading. `values` holds all that they share with
//! `api`, which reads and writes posts. `admin` writes them, too. `demo` holds the button of the demo
//! page, which shows when it was rendered. The other modules are needed by any site.

mod access;
mod admin;
mod api;
mod config;
mod db;
mod demo;
mod error;
mod guesses;
mod markdown;
mod post;
mod prerender;
mod seed;
mod shutdown;
mod site;
mod values;
mod views;
mod welcome;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use axum::Router;
use isr_layer::auth::Bearer;
use isr_layer::store::Disk;
use isr_layer::{Cache, IsrLayer, Wrapped};
use tokio::net::TcpListener;

use crate::access::Access;
use crate::config::Config;
use crate::db::Db;
use crate::shutdown::{PATIENCE, Stop};
use crate::welcome::{Kept, Secret};

/// State that every handler may use.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) db: Db,
    pub(crate) cache: Cache,
    pub(crate) access: Access,
}

#[tokio::main]
async fn main() -> ExitCode {
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(colours)
        .init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("blog: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let stop = Stop::listen().context("cannot listen to signals")?;
    let config = Config::from_env()?;
    let db = open_database(&config).await?;
    let secret = secret(&config, &db).await?;
    let listener = listen(&config.addr).await?;

    let (disk, kept) = open_pages(&config)?;
    let isr = site::with_lists(IsrLayer::builder(), &db)
        .build_id(&config.build)
        .store(disk)
        .build()?;
    let cache = isr.cache();
    let bearer = Bearer::new(secret.value()).context("REVALIDATE_SECRET cannot be used")?;
    let app = App {
        db: db.clone(),
        cache: cache.clone(),
        access: Access::new(secret.value()),
    };
    let service =
        application(&isr, bearer, app).into_make_service_with_connect_info::<SocketAddr>();

    if config.prerender {
        prerender::run(&cache).await;
    }
    welcome::print(listener.local_addr()?, &config, &kept, &secret, &db).await?;
    let requested = stop.clone().requested();
    let served = async {
        axum::serve(listener, service)
            .with_graceful_shutdown(requested)
            .await?;
        match isr.shutdown(PATIENCE).await {
            true => Ok(()),
            false => bail!("stopped before every render had ended"),
        }
    };
    stop.bound(served).await
}

/// Puts the routes together, and the layer around them.
fn application(isr: &IsrLayer, bearer: Bearer, app: App) -> Wrapped<Router> {
    let routes = site::routes()
        .merge(demo::routes())
        .merge(admin::routes())
        .merge(api::routes())
        .route_service("/api/revalidate", isr.revalidate_service(bearer))
        .fallback(error::not_found)
        .layer(axum::middleware::map_response(views::secure))
        .with_state(app);
    isr.wrap(routes)
}

async fn open_database(config: &Config) -> Result<Db> {
    let file = &config.database;
    let named = || format!("cannot use the database {} (BLOG_DB)", file.display());
    let db = Db::open(file).await.with_context(named)?;
    db.seed(seed::posts()?).await.with_context(named)?;
    Ok(db)
}

/// Opens the directory that keeps pages, and counts those of this build.
fn open_pages(config: &Config) -> Result<(Disk, Kept)> {
    let named = || format!("cannot keep pages in {} (BLOG_DB)", config.pages.display());
    let disk = Disk::open(&config.pages).with_context(named)?;
    let kept = Kept(disk.pages_of(&config.build));
    Ok((disk, kept))
}

/// Returns the secret of the environment, else the one that the database keeps. That one is made at
/// the first start, so that it survives a restart.
async fn secret(config: &Config, db: &Db) -> Result<Secret> {
    if let Some(secret) = &config.secret {
        return Ok(Secret::Given(secret.clone()));
    }
    let fresh = access::random_hex().context("the system gives no random bytes")?;
    Ok(Secret::Kept(
        db.setting_or("revalidate_secret", fresh).await?,
    ))
}

async fn listen(addr: &str) -> Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| {
        format!("cannot listen on {addr}; choose another address with BLOG_ADDR, for example BLOG_ADDR=127.0.0.1:3001")
    })
}
