//! Face 1, the middleware: recognises pages, answers from memory, and otherwise waits for the engine.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::{IsrBody, RenderBody};
use crate::cache::{Core, For, Lead, Purpose, Render, RenderError, RenderResult, Renderer, regenerate};
use crate::clock;
use crate::deliver::{Delivery, deliver};
use crate::entry::Freshness;
use crate::future::ResponseFuture;
use crate::inner::Inner;
use crate::key::KeyRef;
use crate::outcome::Outcome;
use crate::page::{Known, canonical};
use crate::placement;
use crate::recipe::{Recipe, Routed, kept_headers};
use crate::visit::{Visit, visit};

/// A service whose pages are rendered once and served from memory. Made by [`IsrLayer`](crate::IsrLayer).
///
/// Requests that are no page go to the inner service untouched. A page's request is narrowed to what is in its key; the
/// inner service sees nothing else of it.
pub struct Isr<S> {
    inner: S,
    slot: Arc<Slot<S>>,
    placement: Placement,
}

/// Where the layer sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In front of the whole application, for certain.
    Outermost,
    /// Wherever the requests say.
    Unknown,
}

/// What a layered service and its renders share. The engine knows it weakly, so that dropping the application ends it.
pub(crate) struct Slot<S> {
    pub(crate) core: Arc<Core>,
    service: Mutex<S>,
    renderer: OnceLock<Arc<dyn Renderer>>,
}

impl<S: Clone> Isr<S> {
    pub(crate) fn new(inner: S, core: Arc<Core>, placement: Placement) -> Self {
        let service = Mutex::new(inner.clone());
        Self { inner, slot: Arc::new(Slot { core, service, renderer: OnceLock::new() }), placement }
    }
}

impl<S, B, R> Service<Request<B>> for Isr<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: RenderBody + Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<IsrBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let core = &self.slot.core;
        let routed = self.placement != Placement::Outermost && placement::is_routed(request.extensions());
        let Some((page, key)) = page_of(core, &request, routed) else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        let now = clock::now();
        if let Some(entry) = core.memory.get(&key) {
            if entry.freshness(&core.marks, now) == Freshness::Fresh {
                let delivery = Delivery::of(&request);
                let response = deliver(&entry, &delivery, Outcome::Hit, core.config.cache_status, now);
                release(&mut self.inner);
                return ResponseFuture::ready(response);
            }
        }
        let (page, key) = (page.clone(), key.to_key());
        let delivery = Delivery::of(&request);
        let recipe = self.recipe(page, key, request, routed);
        let ready = release(&mut self.inner);
        ResponseFuture::waiting(visit(Visit { slot: self.slot.clone(), recipe, delivery }, ready))
    }
}

impl<S> Isr<S> {
    /// Makes this service the one that renders what no request came for.
    pub(crate) fn register<B>(&self)
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        self.slot.core.set_application(Slot::renderer(&self.slot));
    }

    /// Splits a request: the recipe is what is kept of it.
    fn recipe<B>(&self, page: Arc<Known>, key: crate::key::Key, request: Request<B>, routed: bool) -> Recipe
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let renderer = Slot::renderer(&self.slot);
        let config = &self.slot.core.config;
        let kept = kept_headers(&config.keep_headers, request.headers());
        if !routed {
            self.slot.core.set_application(renderer);
            return Recipe { page, key, kept, routed: None };
        }
        let prefix = key.path().len().saturating_sub(request.uri().path().len());
        let mut extensions = request.into_parts().0.extensions;
        placement::drop_connection(&mut extensions);
        config.drop_extensions.iter().for_each(|drop| drop(&mut extensions));
        let routed = Routed { extensions, prefix, renderer: renderer.clone() };
        Recipe { page, key, kept, routed: Some(Arc::new(routed)) }
    }
}

impl<S> Slot<S> {
    /// A service that is not ready yet.
    pub(crate) fn service(&self) -> S
    where
        S: Clone,
    {
        self.service.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What renders through this slot for the engine.
    pub(crate) fn renderer<B>(this: &Arc<Self>) -> &Arc<dyn Renderer>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        this.renderer
            .get_or_init(|| Arc::new(Background::<S, B> { slot: Arc::downgrade(this), request: PhantomData }))
    }
}

/// The page a request is for, and its key; `None` for everything that is to pass untouched.
fn page_of<'a, B: Body>(
    core: &'a Core,
    request: &'a Request<B>,
    routed: bool,
) -> Option<(&'a Arc<Known>, KeyRef<'a>)> {
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        return None;
    }
    let path = if routed { placement::public_path(request) } else { request.uri().path() };
    let path = canonical(path)?;
    let page = core.registry.find(&path)?;
    if !request.body().is_end_stream() {
        return None;
    }
    let key = KeyRef::new(page, path, request.uri().query(), request.headers())?;
    Some((page, key))
}

/// Takes the ready service and leaves a clone that is not: whatever readiness holds goes where the ready one goes.
fn release<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    std::mem::replace(inner, clone)
}

/// A service that is ready, for the render its own client waits for.
pub(crate) struct Ready<S, B> {
    service: S,
    request: PhantomData<fn(B)>,
}

impl<S, B> Ready<S, B> {
    pub(crate) fn new(service: S) -> Self {
        Self { service, request: PhantomData }
    }
}

impl<S, B> Render for Ready<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    type Body = S::Body;
    type Error = S::Error;

    async fn render(mut self, recipe: &Recipe) -> RenderResult<S::Body, S::Error> {
        let answer = self.service.call(recipe.request());
        // The service goes before the answer is awaited, as a client's own would.
        drop(self.service);
        answer.await.map_err(RenderError::Service)
    }
}

/// A render without a client: it takes the service only when its turn has come, and only if the application is there.
pub(crate) struct Background<S, B> {
    slot: Weak<Slot<S>>,
    request: PhantomData<fn(B)>,
}

impl<S, B> Background<S, B> {
    pub(crate) fn of(slot: &Arc<Slot<S>>) -> Self {
        Self { slot: Arc::downgrade(slot), request: PhantomData }
    }
}

impl<S, B> Render for Background<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    type Body = S::Body;
    type Error = S::Error;

    async fn render(self, recipe: &Recipe) -> RenderResult<S::Body, S::Error> {
        let mut service = self.slot.upgrade().map(|slot| slot.service()).ok_or(RenderError::Gone)?;
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(RenderError::Service)?;
        Ready::new(service).render(recipe).await
    }
}

impl<S, B> Renderer for Background<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    fn start(&self, core: &Arc<Core>, lead: Lead, recipe: Recipe, purpose: Purpose) {
        let render = Self { slot: self.slot.clone(), request: PhantomData };
        core.tasks.spawn(regenerate(core.clone(), lead, render, recipe, For::Nobody(purpose)));
    }

    fn is_alive(&self) -> bool {
        self.slot.strong_count() > 0
    }
}

impl<S: Clone> Clone for Isr<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), slot: self.slot.clone(), placement: self.placement }
    }
}

impl<S> fmt::Debug for Isr<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isr").field("placement", &self.placement).finish_non_exhaustive()
    }
}
