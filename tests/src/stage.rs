//! An inner service whose renders a test controls: when they read the database, when they end, and
//! how.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::{HeaderValue, SET_COOKIE};
use http::{Request, Response, StatusCode};
use isr_layer::context;
use tokio::sync::mpsc;
use tower::Service;

/// The inner service with its database. Clones share one state. Renders run through unless they are
/// held.
#[derive(Clone, Debug, Default)]
pub struct Stage(Arc<Mutex<Inner>>);

/// The end of a render.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Gives the page that was read, or 404 for version 0.
    #[default]
    Page,
    /// Gives this status.
    Status(u16),
    /// Gives a page that sets a cookie, and so is never stored.
    Cookie,
    /// Gives a page of about this many bytes.
    Large(usize),
    /// Panics.
    Panic,
}

/// The moment when a render adds a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before it reads the database.
    Early,
    /// At its end.
    Late,
}

/// A render in progress, held by the test.
#[derive(Clone, Debug)]
pub struct Held {
    /// The number of renders that began before this one.
    pub id: usize,
    /// The path of its request.
    pub path: String,
    /// True once it has read the database.
    pub has_read: bool,
    orders: mpsc::UnboundedSender<Order>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Read,
    End(End),
}

#[derive(Debug, Default)]
struct Inner {
    versions: HashMap<String, u64>,
    tags: Vec<(String, When, String)>,
    held: Vec<Held>,
    by_hand: bool,
    end: End,
    renders: usize,
    failures: HashMap<String, usize>,
}

/// A render in progress. It counts as failed if it is dropped before `failed` is cleared.
struct Running {
    stage: Stage,
    id: usize,
    path: String,
    orders: mpsc::UnboundedReceiver<Order>,
    failed: bool,
}

impl Stage {
    /// Writes to the database. Version 0 stands for a missing page.
    pub fn publish(&self, path: &str, version: u64) {
        self.lock().versions.insert(path.to_owned(), version);
    }

    /// Makes every render of `path` add `tag`.
    pub fn tag(&self, path: &str, when: When, tag: &str) {
        self.lock()
            .tags
            .push((path.to_owned(), when, tag.to_owned()));
    }

    /// Holds every render that begins from now on.
    pub fn hold(&self) {
        self.lock().by_hand = true;
    }

    /// Lets all renders run through, also those that are held.
    pub fn open(&self) {
        let mut inner = self.lock();
        inner.by_hand = false;
        inner.held.iter().for_each(|held| held.end(inner.end));
    }

    /// Sets the end of renders that are not held.
    pub fn end_with(&self, end: End) {
        self.lock().end = end;
    }

    /// Returns the renders in progress, in the order in which they began.
    pub fn held(&self) -> Vec<Held> {
        self.lock().held.clone()
    }

    /// Returns the number of renders that began.
    pub fn renders(&self) -> usize {
        self.lock().renders
    }

    /// Returns the number of renders of `path` that failed.
    pub fn failures(&self, path: &str) -> usize {
        self.lock().failures.get(path).copied().unwrap_or(0)
    }

    async fn render(self, path: String) -> Response<Body> {
        let mut running = self.enter(path);
        self.say(&running.path, When::Early);
        let mut end = None;
        if let Some(Order::End(told)) = running.next().await {
            end = Some(told);
        }
        let version = self.read(&running);
        // Lets other tasks run between reading and using the version, also if the render is not
        // held.
        tokio::task::yield_now().await;
        while end.is_none() {
            if let Some(Order::End(told)) = running.next().await {
                end = Some(told);
            }
        }
        self.say(&running.path, When::Late);
        let end = end.unwrap_or_default();
        running.failed = end.is_failure();
        assert!(end != End::Panic, "the render was told to panic");
        end.response(&running.path, version)
    }

    fn enter(&self, path: String) -> Running {
        let mut inner = self.lock();
        let (sender, orders) = mpsc::unbounded_channel();
        let id = inner.renders;
        inner.renders += 1;
        let held = Held {
            id,
            path: path.clone(),
            has_read: false,
            orders: sender,
        };
        if !inner.by_hand {
            held.end(inner.end);
        }
        inner.held.push(held);
        drop(inner);
        Running {
            stage: self.clone(),
            id,
            path,
            orders,
            failed: true,
        }
    }

    fn read(&self, running: &Running) -> u64 {
        let mut inner = self.lock();
        inner
            .held
            .iter_mut()
            .filter(|held| held.id == running.id)
            .for_each(|held| held.has_read = true);
        inner.versions.get(&running.path).copied().unwrap_or(1)
    }

    fn say(&self, path: &str, when: When) {
        let tags = self.lock().tags.clone();
        tags.into_iter()
            .filter(|(of, at, _)| of == path && *at == when)
            .for_each(|(_, _, tag)| context::tag(tag));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Lets the render read the database.
    pub fn read(&self) {
        // Fails if the render is over; nothing is to be done then.
        let _ = self.orders.send(Order::Read);
    }

    /// Lets the render end, after it has read the database.
    pub fn end(&self, end: End) {
        let _ = self.orders.send(Order::End(end));
    }
}

impl End {
    fn is_failure(self) -> bool {
        matches!(self, Self::Panic | Self::Status(500..))
    }

    fn response(self, path: &str, version: u64) -> Response<Body> {
        let body = match self {
            Self::Large(bytes) => Body::from(format!("{path} v{version} ").repeat(bytes / 8)),
            _ => Body::from(format!("{path} v{version}")),
        };
        let mut response = Response::new(body);
        match self {
            Self::Page if version == 0 => *response.status_mut() = StatusCode::NOT_FOUND,
            Self::Status(status) => {
                *response.status_mut() = StatusCode::from_u16(status).expect("a status")
            }
            Self::Cookie => {
                response
                    .headers_mut()
                    .insert(SET_COOKIE, HeaderValue::from_static("a=b"));
            }
            Self::Page | Self::Large(_) | Self::Panic => {}
        }
        response
    }
}

impl Running {
    /// Waits for the next order. The stage keeps the sender until this render is dropped.
    async fn next(&mut self) -> Option<Order> {
        self.orders.recv().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut inner = self.stage.lock();
        inner.held.retain(|held| held.id != self.id);
        if self.failed {
            *inner
                .failures
                .entry(std::mem::take(&mut self.path))
                .or_default() += 1;
        }
    }
}

impl Service<Request<Body>> for Stage {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let stage = self.clone();
        Box::pin(async move { Ok(stage.render(request.uri().path().to_owned()).await) })
    }
}
