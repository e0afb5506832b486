//! A database whose loads a test counts and controls, and an application over it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use isr_layer::data::Data;
use isr_layer::{Cache, IsrLayer, IsrLayerBuilder, Page, Policy, Wrapped, context};

/// The database. Clones share one state.
#[derive(Clone, Default)]
pub(crate) struct Source(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    versions: HashMap<String, u64>,
    loads: HashMap<String, usize>,
    is_down: bool,
    takes: Duration,
}

/// The error of a load. It cannot be copied, as those of databases cannot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Down;

/// An item lives for a minute and carries the tag `item:{name}`, which its load adds.
pub(crate) const ITEM: Data = Data::new("item")
    .revalidate(Duration::from_secs(60))
    .tags(&["items"]);

/// The application: a page and a plain route of the same items.
pub(crate) struct Site {
    pub(crate) layer: IsrLayer,
    pub(crate) app: Wrapped<Router>,
    pub(crate) cache: Cache,
    pub(crate) source: Source,
}

#[derive(Clone)]
struct App {
    cache: Cache,
    source: Source,
}

impl Source {
    /// Writes to the database. Without a version there is no item.
    pub(crate) fn publish(&self, name: &str, version: u64) {
        self.lock().versions.insert(name.to_owned(), version);
    }

    /// Lets all loads fail, or succeed again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.lock().is_down = is_down;
    }

    /// Sets the time that a load takes, after it has read.
    pub(crate) fn takes(&self, time: Duration) {
        self.lock().takes = time;
    }

    /// Returns the number of loads of an item that began.
    pub(crate) fn loads(&self, name: &str) -> usize {
        self.lock().loads.get(name).copied().unwrap_or(0)
    }

    /// Loads an item: reads it, and returns it after the time that a load takes.
    pub(crate) async fn load(self, name: String) -> Result<Option<u64>, Down> {
        let (version, takes, is_down) = {
            let mut inner = self.lock();
            *inner.loads.entry(name.clone()).or_default() += 1;
            (
                inner.versions.get(&name).copied(),
                inner.takes,
                inner.is_down,
            )
        };
        tokio::time::sleep(takes).await;
        context::tag(format!("item:{name}"));
        if is_down { Err(Down) } else { Ok(version) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    pub(crate) fn new(policy: Policy) -> Self {
        Self::with(policy, |builder| builder)
    }

    pub(crate) fn with(
        policy: Policy,
        set: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder,
    ) -> Self {
        Self::over(Source::default(), policy, set)
    }

    /// Builds the application over a database that others use, too.
    pub(crate) fn over(
        source: Source,
        policy: Policy,
        set: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder,
    ) -> Self {
        let page = Page::new("/page/{name}").with_policy(policy);
        let builder = IsrLayer::builder().pages([page]);
        let isr = set(builder).build().expect("the settings are good");
        let cache = isr.cache();
        let state = App {
            cache: cache.clone(),
            source: source.clone(),
        };
        let app = Router::new()
            .route("/page/{name}", get(show))
            .route("/plain/{name}", get(show))
            .with_state(state);
        Self {
            app: isr.wrap(app),
            layer: isr,
            cache,
            source,
        }
    }
}

/// Reads an item as the application does.
pub(crate) async fn item(cache: &Cache, source: &Source, name: &str) -> Result<Option<u64>, Down> {
    let item = cache.data(&ITEM).key(name.to_owned());
    item.with_unkeyed(source.clone())
        .load_option(Source::load)
        .await
}

async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<String, http::StatusCode> {
    match item(&app.cache, &app.source, &name).await {
        Ok(Some(version)) => Ok(format!("version {version}")),
        Ok(None) => Err(http::StatusCode::NOT_FOUND),
        Err(Down) => Err(http::StatusCode::SERVICE_UNAVAILABLE),
    }
}
