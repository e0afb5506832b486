//! A programmable site: an inner service whose renders are counted, whose content is a version, which waits at gates.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use tower::Service;

use crate::body::SiteBody;
use crate::gate::Gate;
use crate::reply::{Act, Reply};

/// A programmable site. A clone is the same site; it is the inner service itself, for any request body.
///
/// A render goes: count, note the request, gate `before`, read the version, gate `after`, act.
#[derive(Clone)]
pub struct Site {
    shared: Arc<Shared>,
}

/// A request as the site saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its target.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Its trailers.
    pub trailers: Option<HeaderMap>,
    /// Its extensions.
    pub extensions: Extensions,
}

/// The error of the service itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteError;

type Script = Arc<dyn Fn(&Seen, u64) -> Act + Send + Sync>;

struct Shared {
    renders: AtomicUsize,
    running: AtomicUsize,
    peak: AtomicUsize,
    version: AtomicU64,
    before: Gate,
    after: Gate,
    seen: Mutex<Vec<Seen>>,
    script: Mutex<Script>,
}

/// Counts a render while it runs, however it ends.
struct Running(Arc<Shared>);

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    /// A site at version 1 that answers every path with 200.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                renders: AtomicUsize::new(0),
                running: AtomicUsize::new(0),
                peak: AtomicUsize::new(0),
                version: AtomicU64::new(1),
                before: Gate::default(),
                after: Gate::default(),
                seen: Mutex::default(),
                script: Mutex::new(Arc::new(|_, _| Reply::page().into())),
            }),
        }
    }

    /// Changes the content, as an editor who presses *publish* does.
    pub fn publish(&self, version: u64) {
        self.shared.version.store(version, Ordering::SeqCst);
    }

    /// What every render does from now on.
    pub fn act(&self, act: impl Into<Act>) {
        let act = act.into();
        self.script(move |_, _| act.clone());
    }

    /// What a render does from now on, by the request and the version it read.
    pub fn script(&self, script: impl Fn(&Seen, u64) -> Act + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// How many renders began.
    pub fn renders(&self) -> usize {
        self.shared.renders.load(Ordering::SeqCst)
    }

    /// How many renders are running now.
    pub fn running(&self) -> usize {
        self.shared.running.load(Ordering::SeqCst)
    }

    /// How many renders were running at most.
    pub fn peak(&self) -> usize {
        self.shared.peak.load(Ordering::SeqCst)
    }

    /// The gate a render passes before it reads the database.
    pub fn before(&self) -> &Gate {
        &self.shared.before
    }

    /// The gate a render passes after it has read the database.
    pub fn after(&self) -> &Gate {
        &self.shared.after
    }

    /// Every request that came, in order.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// How many clones of the site there are: what holds the application holds one.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.shared)
    }

    /// The same site as a service axum can route to: an error of the service becomes a 500.
    pub fn for_axum(
        &self,
    ) -> impl Service<
        Request<axum::body::Body>,
        Response = axum::response::Response,
        Error = Infallible,
        Future: Send + 'static,
    >
    + Clone
    + Send
    + Sync
    + 'static
    + use<> {
        let site = self.clone();
        tower::service_fn(move |request: Request<axum::body::Body>| {
            let site = site.clone();
            async move {
                let response = site.render(request).await;
                Ok(response.map_or_else(
                    |_| http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                    IntoResponse::into_response,
                ))
            }
        })
    }

    async fn render<B: Body>(self, request: Request<B>) -> Result<Response<SiteBody>, SiteError> {
        let shared = &self.shared;
        shared.renders.fetch_add(1, Ordering::SeqCst);
        let running = shared.running.fetch_add(1, Ordering::SeqCst) + 1;
        let _running = Running(shared.clone());
        shared.peak.fetch_max(running, Ordering::SeqCst);
        let seen = Seen::of(request).await;
        lock(&shared.seen).push(seen.clone());
        shared.before.pass().await;
        let version = shared.version.load(Ordering::SeqCst);
        let script = lock(&shared.script).clone();
        shared.after.pass().await;
        match script(&seen, version) {
            Act::Reply(reply) => Ok(reply.into_response(format!("{} v{version}", seen.uri))),
            Act::Error => Err(SiteError),
            Act::Panic => panic!("the site was told to panic"),
            Act::Hang => std::future::pending().await,
        }
    }
}

impl Seen {
    async fn of<B: Body>(request: Request<B>) -> Self {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.ok();
        let trailers = body.as_ref().and_then(|body| body.trailers().cloned());
        Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body: body
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default(),
            trailers,
            extensions: parts.extensions,
        }
    }
}

impl<B> Service<Request<B>> for Site
where
    B: Body<Data: Send> + Send + 'static,
{
    type Response = Response<SiteBody>;
    type Error = SiteError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<SiteBody>, SiteError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SiteError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().render(request))
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("renders", &self.renders())
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the site itself failed")
    }
}

impl std::error::Error for SiteError {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
