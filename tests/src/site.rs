//! A programmable site: an inner service that counts its renders, has a version as its content, and
//! can stop renders at gates.

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

/// A programmable site, itself an inner service for any request body. Clones share one state.
///
/// Steps of a render: count it, note the request, pass the gate `before`, read the version, pass
/// the gate `after`, act.
#[derive(Clone)]
pub struct Site {
    shared: Arc<Shared>,
}

/// A request as the site received it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// The target.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailers.
    pub trailers: Option<HeaderMap>,
    /// The extensions.
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

/// Counts a render as running until it ends in any way, also by a panic or by being dropped.
struct Running(Arc<Shared>);

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    /// Makes a site at version 1 that gives a 200 for every path.
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

    /// Changes the content, as an editor would.
    pub fn publish(&self, version: u64) {
        self.shared.version.store(version, Ordering::SeqCst);
    }

    /// Sets the action of every render from now on.
    pub fn act(&self, act: impl Into<Act>) {
        let act = act.into();
        self.script(move |_, _| act.clone());
    }

    /// Sets a function that chooses the action of every render from now on, by the request and the
    /// version that the render read.
    pub fn script(&self, script: impl Fn(&Seen, u64) -> Act + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// Returns the number of renders that began.
    pub fn renders(&self) -> usize {
        self.shared.renders.load(Ordering::SeqCst)
    }

    /// Returns the number of renders that run now.
    pub fn running(&self) -> usize {
        self.shared.running.load(Ordering::SeqCst)
    }

    /// Returns the largest number of renders that ran together.
    pub fn peak(&self) -> usize {
        self.shared.peak.load(Ordering::SeqCst)
    }

    /// The gate that a render passes before it reads the database.
    pub fn before(&self) -> &Gate {
        &self.shared.before
    }

    /// The gate that a render passes after it has read the database.
    pub fn after(&self) -> &Gate {
        &self.shared.after
    }

    /// Returns all requests received, in order.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Returns the number of clones of this site. An application that is still alive holds one.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.shared)
    }

    /// Makes a service for axum's router from this site: an error of the service becomes a 500.
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
