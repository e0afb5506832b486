//! State shared by all clones of one [`Isr`](super::Isr), and the two ways to render through its
//! service: [`DirectRender`] for a waiting client, [`BackgroundRender`] without one.

use std::any::TypeId;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use http::Request;

use super::future::ResponseFuture;
use super::inner::{Inner, call};
use super::placement;
use crate::body::RenderBody;
use crate::cache::{
    Core, Leader, Purpose, Render, RenderError, RenderResult, Renderer, StartedFor, start,
};
use crate::page::{RegisteredPage, canonical};
use crate::render::context::{Current, is_in_scope, mark_asked};
use crate::render::{Key, Recipe, Routed, headers_to_keep};

/// State shared by all clones of one [`Isr`](super::Isr) and by its renders. The engine holds it
/// weakly, so that dropping the application ends it.
pub(crate) struct Shared<S> {
    pub(crate) core: Arc<Core>,
    /// The scope of requests for no page, in a program that has values: they read them there.
    pub(crate) scope: Option<Current>,
    service: Mutex<S>,
    renderer: OnceLock<Arc<dyn Renderer>>,
}

impl<S> Shared<S> {
    pub(crate) fn new(service: S, core: Arc<Core>) -> Self {
        let has_data = core.config.has_data;
        Self {
            scope: has_data.then(|| Current::of_other(core.home())),
            core,
            service: Mutex::new(service),
            renderer: OnceLock::new(),
        }
    }

    /// Passes on a request for no page, with a cache in reach if the program has values. One is read
    /// when the future is polled, never by the call. The scope of a render in front stays: such a
    /// request is a part of it.
    #[inline]
    pub(crate) fn pass<B>(
        &self,
        inner: &mut S,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let scope = self.scope.clone();
        ResponseFuture::scoped(inner.call(request), scope)
    }

    /// Runs `work`, which is for no page, with a cache in reach if the program has values.
    pub(crate) fn with_scope<F: Future>(
        &self,
        work: F,
    ) -> impl Future<Output = F::Output> + use<F, S> {
        let scope = self.scope.clone();
        async move {
            match scope.filter(|_| !is_in_scope()) {
                Some(scope) => scope.enter(work).await,
                None => work.await,
            }
        }
    }

    /// Makes this service the application, which renders pages that no request came for. A single
    /// route of a router cannot be the application, so it is ignored.
    pub(crate) fn register<B>(this: &Arc<Self>)
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        if !placement::is_route(TypeId::of::<S>()) {
            let renderer = this
                .renderer
                .get_or_init(|| Arc::new(BackgroundRender::<S, B>::of(this)));
            this.core.set_application(renderer);
        }
    }

    /// Takes from a request the part that renders its page: the recipe.
    pub(crate) fn recipe<B, C>(
        this: &Arc<Self>,
        page: Arc<RegisteredPage>,
        key: Key,
        request: &Request<C>,
        is_routed: bool,
    ) -> Recipe
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        this.core.tasks.serve_here();
        let routed = if is_routed {
            Some(Arc::new(this.routed(&key, request)))
        } else {
            // Behind a layer of this cache there is only a part of the application.
            if this.core.depth(request.extensions()) == 0 {
                Self::register(this);
            }
            None
        };

        let kept_headers = headers_to_keep(&this.core.config.keep_headers, request.headers());
        Recipe {
            page,
            key,
            kept_headers,
            routed,
        }
    }

    /// Takes from a request the part that the router in front of the layer found out.
    fn routed<C>(&self, key: &Key, request: &Request<C>) -> Routed {
        let local = canonical(request.uri().path());
        let prefix = local.map_or(0, |local| {
            let public = key.path();
            public.strip_suffix(&*local).unwrap_or(public).len()
        });

        let public = key.uri(0);
        let rules = &self.core.config.extensions;
        let mut extensions = rules.select(request.extensions(), |all| {
            placement::parameters(all, public.clone())
        });
        placement::narrow(&mut extensions, public);
        Routed { extensions, prefix }
    }

    /// Returns a service that is not ready yet.
    pub(crate) fn service(&self) -> S
    where
        S: Clone,
    {
        self.service
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A render through a service, which gets ready within the render's time limit.
pub(crate) struct DirectRender<S, B> {
    service: S,
    request: PhantomData<fn(B)>,
}

impl<S, B> DirectRender<S, B> {
    pub(crate) fn new(service: S) -> Self {
        Self {
            service,
            request: PhantomData,
        }
    }
}

impl<S, B> Render for DirectRender<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    type Body = S::Body;
    type Error = S::Error;

    async fn render(self, recipe: &Recipe) -> RenderResult<S::Body, S::Error> {
        ask(self.service, recipe.request()).await
    }
}

/// Sends the request of a render once the service is ready for it.
pub(super) async fn ask<S, B>(
    mut service: S,
    request: Request<B>,
) -> RenderResult<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let ready = poll_fn(|cx| service.poll_ready(cx)).await;
    ready.map_err(RenderError::Service)?;
    mark_asked();
    call(service, request).await.map_err(RenderError::Service)
}

/// A render that no client's request asked for. It takes the service when its turn has come, if the
/// application is still there.
pub(crate) struct BackgroundRender<S, B> {
    shared: Weak<Shared<S>>,
    request: PhantomData<fn(B)>,
}

impl<S, B> BackgroundRender<S, B> {
    pub(crate) fn of(shared: &Arc<Shared<S>>) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            request: PhantomData,
        }
    }
}

impl<S, B> Render for BackgroundRender<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    type Body = S::Body;
    type Error = S::Error;

    async fn render(self, recipe: &Recipe) -> RenderResult<S::Body, S::Error> {
        let shared = self.shared.upgrade().ok_or(RenderError::Gone)?;
        let render = DirectRender::new(shared.service());
        // Not held during the render: dropping the application must end it.
        drop(shared);
        render.render(recipe).await
    }
}

impl<S, B> Renderer for BackgroundRender<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    fn start(&self, leader: Leader, purpose: Purpose) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let (core, render) = (shared.core.clone(), Self::of(&shared));
        start(&core, leader, render, StartedFor::Queued(purpose));
    }

    fn is_alive(&self) -> bool {
        self.shared.strong_count() > 0
    }
}
