//! Face 1, the middleware: recognises pages, answers from memory, and otherwise waits for the engine.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::{IsrBody, RenderBody};
use crate::cache::{
    Core, For, Lead, Purpose, Render, RenderError, RenderResult, Renderer, Sight, regenerate,
};
use crate::caller::Caller;
use crate::deliver::{Delivery, Hit, choose, is_head};
use crate::draft::show;
use crate::future::ResponseFuture;
use crate::header_mode;
use crate::inner::Inner;
use crate::key::Key;
use crate::page::{Known, Page, canonical};
use crate::placement;
use crate::recipe::{Recipe, Routed, kept_headers};
use crate::visit::{Visit, visit};

/// A service whose pages are rendered once and served from memory. Made by [`IsrLayer`](crate::IsrLayer).
///
/// Requests that are no page go to the inner service untouched. A page's request is narrowed to what is in its key; the
/// inner service sees nothing else of it.
pub struct Isr<S> {
    inner: S,
    pub(crate) slot: Arc<Slot<S>>,
    /// In front of the whole application for certain; otherwise the requests say where.
    is_outermost: bool,
}

/// What a layered service and its renders share. The engine knows it weakly, so that dropping the application ends it.
pub(crate) struct Slot<S> {
    pub(crate) core: Arc<Core>,
    service: Mutex<S>,
    renderer: OnceLock<Arc<dyn Renderer>>,
    routed: Mutex<HashMap<Key, Arc<Routed>>>,
}

impl<S: Clone> Isr<S> {
    pub(crate) fn new(inner: S, core: Arc<Core>, is_outermost: bool) -> Self {
        let service = Mutex::new(inner.clone());
        Self {
            inner,
            slot: Arc::new(Slot { core, service, renderer: OnceLock::new(), routed: Mutex::default() }),
            is_outermost,
        }
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

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let core = &self.slot.core;
        let routed = !self.is_outermost && placement::is_routed(request.extensions());
        let path = if routed { placement::public_path(&request) } else { request.uri().path() };
        match core.look(&request, path) {
            Sight::Foreign if core.header_mode.is_some() => {
                let sort = header_mode::sort(core, &request, path);
                header_mode::answer(&mut self.inner, &self.slot, sort, request)
            }
            Sight::Foreign => ResponseFuture::inner(self.inner.call(request)),
            Sight::Call(page) => {
                let page = page.clone();
                self.read(page, request, routed)
            }
            Sight::Fresh(entry, now) => {
                let choice = choose(&entry, is_head(&request), request.headers());
                let show_status = core.config.cache_status;
                if !placement::is_always_ready(TypeId::of::<S>()) {
                    drop(release(&mut self.inner));
                }
                ResponseFuture::hit(Hit { entry, choice, show_status, now })
            }
            Sight::Draft(page) => {
                let page = page.page;
                self.show(page, request)
            }
            Sight::Page(page, key) => {
                let recipe = Slot::recipe(&self.slot, page.clone(), key.to_key(page), &request, routed);
                self.visit(recipe, Delivery::take(&mut request), request)
            }
        }
    }
}

impl<S> Isr<S> {
    /// Reads the message of a call and answers it.
    #[inline(never)]
    fn read<B>(
        &mut self,
        page: Arc<Known>,
        request: Request<B>,
        routed: bool,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let ready = release(&mut self.inner);
        let caller = Caller { slot: self.slot.clone(), page, routed };
        ResponseFuture::waiting(caller.answer(request, ready))
    }

    /// Waits for the engine; out of the way of what is answered at once.
    #[inline(never)]
    fn visit<B>(
        &mut self,
        recipe: Recipe,
        delivery: Delivery,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let ready = release(&mut self.inner);
        let slot = self.slot.clone();
        let arrival = slot.core.marks.published();
        ResponseFuture::waiting(visit(
            Visit { slot, recipe, delivery, request: Some(request), arrival },
            ready,
        ))
    }

    /// Shows a draft; out of the way of what is answered at once.
    #[cold]
    fn show<B>(&mut self, page: Page, request: Request<B>) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let show_status = self.slot.core.config.cache_status;
        ResponseFuture::waiting(show(page, release(&mut self.inner), request, show_status))
    }
}

impl<S> Slot<S> {
    /// Makes this service the one that renders what no request came for, unless it is one route of many.
    pub(crate) fn register<B>(this: &Arc<Self>)
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        if !placement::is_route(TypeId::of::<S>()) {
            this.core.set_application(Self::renderer(this));
        }
    }

    /// Splits a request: the recipe is what is kept of it.
    pub(crate) fn recipe<B, C>(
        this: &Arc<Self>,
        page: Arc<Known>,
        key: Key,
        request: &Request<C>,
        routed: bool,
    ) -> Recipe
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let renderer = Self::renderer(this);
        let config = &this.core.config;
        let kept = kept_headers(&config.keep_headers, request.headers());
        if !routed {
            Self::register(this);
            return Recipe { page, key, kept, routed: None };
        }
        let local = canonical(request.uri().path()).map_or(0, |local| local.len());
        let prefix = key.path().len().saturating_sub(local);
        let mut extensions = request.extensions().clone();
        placement::narrow(&mut extensions, key.uri(0));
        config.drop_extensions.iter().for_each(|drop| drop(&mut extensions));
        let routed = Arc::new(Routed { extensions, prefix, renderer: renderer.clone() });
        this.remember(&key, &routed);
        Recipe { page, key, kept, routed: Some(routed) }
    }

    /// Keeps what renders a key again, as long as there is an entry for it or a render. It stays here and not in the entry:
    /// what the router found out may hold the application's state, which may hold the cache.
    fn remember(&self, key: &Key, routed: &Arc<Routed>) {
        let mut known = self.routed.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == known.capacity() {
            known.retain(|key, routed| {
                Arc::strong_count(routed) > 1 || self.core.memory.get_key(key).is_some()
            });
        }
        known.insert(key.clone(), routed.clone());
    }

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
        this.renderer.get_or_init(|| Arc::new(Background::<S, B>::of(this)))
    }
}

/// Takes the ready service and leaves a clone that is not: whatever readiness holds goes where the ready one goes.
pub(crate) fn release<S: Clone>(inner: &mut S) -> S {
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

/// A service that has to get ready first, within the render's time limit.
pub(crate) struct Unready<S, B>(Ready<S, B>);

impl<S, B> Unready<S, B> {
    pub(crate) fn new(service: S) -> Self {
        Self(Ready::new(service))
    }
}

impl<S, B> Render for Unready<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    type Body = S::Body;
    type Error = S::Error;

    async fn render(self, recipe: &Recipe) -> RenderResult<S::Body, S::Error> {
        let mut ready = self.0;
        poll_fn(|cx| ready.service.poll_ready(cx)).await.map_err(RenderError::Service)?;
        ready.render(recipe).await
    }
}

/// A render nobody's request asked for: it takes the service only when its turn has come, and only if the application is
/// still there.
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
        let service = self.slot.upgrade().map(|slot| slot.service()).ok_or(RenderError::Gone)?;
        Unready::new(service).render(recipe).await
    }
}

impl<S, B> Renderer for Background<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    fn start(&self, core: &Arc<Core>, lead: Lead, recipe: Recipe, purpose: Purpose) {
        let render = Self { slot: self.slot.clone(), request: PhantomData };
        core.tasks.spawn(regenerate(core.clone(), lead, render, recipe, For::Later(purpose)));
    }

    fn is_alive(&self) -> bool {
        self.slot.strong_count() > 0
    }

    fn routed(&self, key: &Key) -> Option<Arc<Routed>> {
        let slot = self.slot.upgrade()?;
        let known = slot.routed.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).cloned()
    }
}

impl<S: Clone> Clone for Isr<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), slot: self.slot.clone(), is_outermost: self.is_outermost }
    }
}

impl<S> fmt::Debug for Isr<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isr").field("is_outermost", &self.is_outermost).finish_non_exhaustive()
    }
}
