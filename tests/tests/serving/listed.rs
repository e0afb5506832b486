//! Shared tools: a site behind a layer whose posts are listed by `params`, and a list that a test
//! controls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use isr_layer::prerender::PrerenderReport;
use isr_layer::{Fallback, IsrLayer, IsrLayerBuilder, Page, Policy, Purge, Receipt, Wrapped};
use isr_tests::{Answer, Gate, Site, ask, get, settle};
use tokio::task::JoinHandle;

pub(crate) const POST: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().fallback(Fallback::NotFound));
pub(crate) const OPEN: Page = Page::new("/open/{slug}");
pub(crate) const ABOUT: Page = Page::new("/about");

/// Result of each reading of the list, until the test sets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Slugs(&'static [&'static str]),
    Error,
    Panic,
    Hang,
}

/// A database that lists slugs and counts how often it is read.
#[derive(Clone)]
pub(crate) struct Slugs {
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) reads: Arc<AtomicUsize>,
    pub(crate) gate: Arc<Gate>,
}

/// A site behind a layer whose posts are listed.
pub(crate) struct House {
    pub(crate) site: Site,
    pub(crate) slugs: Slugs,
    pub(crate) isr: IsrLayer,
    pub(crate) app: Wrapped<Inner>,
}

pub(crate) type Inner = tower::util::BoxCloneSyncService<
    http::Request<Body>,
    http::Response<Body>,
    std::convert::Infallible,
>;

impl Slugs {
    pub(crate) fn new(slugs: &'static [&'static str]) -> Self {
        Self {
            told: Arc::new(Mutex::new(Told::Slugs(slugs))),
            reads: Arc::default(),
            gate: Arc::default(),
        }
    }

    pub(crate) fn tell(&self, told: Told) {
        *self.told.lock().expect("no test panics with it") = told;
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub(crate) async fn list(self) -> Result<Vec<&'static str>, &'static str> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.gate.pass().await;
        let told = *self.told.lock().expect("no test panics with it");
        match told {
            Told::Slugs(slugs) => Ok(slugs.to_vec()),
            Told::Error => Err("no database"),
            Told::Panic => panic!("the list was told to panic"),
            Told::Hang => std::future::pending().await,
        }
    }
}

impl House {
    pub(crate) fn new(slugs: &'static [&'static str]) -> Self {
        Self::with(slugs, POST, |builder| builder)
    }

    pub(crate) fn with(
        slugs: &'static [&'static str],
        listed: Page,
        set: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder,
    ) -> Self {
        let (site, slugs) = (Site::new(), Slugs::new(slugs));
        let list = slugs.clone();
        let builder = IsrLayer::builder()
            .without_registered()
            .pages([listed, OPEN, ABOUT])
            .params(listed.path(), move || list.clone().list());
        let isr = set(builder)
            .build()
            .expect("the pages do not contradict each other");
        let app = isr.wrap(Inner::new(site.for_axum()));
        Self {
            site,
            slugs,
            isr,
            app,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        ask(&self.app, get::<Body>(path)).await
    }

    pub(crate) async fn visit(&self, path: &str) -> JoinHandle<Answer> {
        let (app, request) = (self.app.clone(), get::<Body>(path));
        let visit = tokio::spawn(async move { ask(&app, request).await });
        settle().await;
        visit
    }

    pub(crate) async fn purge(&self, purge: Purge) -> Receipt {
        self.isr.cache().revalidate(purge).await
    }

    pub(crate) async fn prerender(&self) -> PrerenderReport {
        self.isr.cache().prerender().await
    }
}

pub(crate) fn is_unlisted(answer: &Answer) -> bool {
    answer.status == 404
        && answer.cache_status() == "isr; fwd=bypass; detail=not-in-params"
        && answer.header("cache-control") == "no-store"
}
