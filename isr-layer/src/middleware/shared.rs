//! The slot of a layered service: what it shares with its renders, and what renders through it.

use std::any::TypeId;
use std::collections::HashMap;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use http::Request;

use super::inner::{Inner, call};
use super::placement;
use crate::body::RenderBody;
use crate::cache::{
    Core, Leader, Purpose, Render, RenderError, RenderResult, Renderer, StartedFor, regenerate,
};
use crate::page::{RegisteredPage, canonical};
use crate::render::Key;
use crate::render::{Recipe, Routed, headers_to_keep};

/// What a layered service and its renders share. The engine knows it weakly, so that dropping the application ends it.
pub(crate) struct Shared<S> {
    pub(crate) core: Arc<Core>,
    service: Mutex<S>,
    renderer: OnceLock<Arc<dyn Renderer>>,
    routed: Mutex<HashMap<Key, Arc<Routed>>>,
}

impl<S> Shared<S> {
    pub(crate) fn new(service: S, core: Arc<Core>) -> Self {
        let (renderer, routed) = (OnceLock::new(), Mutex::default());
        Self {
            core,
            service: Mutex::new(service),
            renderer,
            routed,
        }
    }

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
        page: Arc<RegisteredPage>,
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
        let kept_headers = headers_to_keep(&config.keep_headers, request.headers());
        if !routed {
            Self::register(this);
            return Recipe {
                page,
                key,
                kept_headers,
                routed: None,
            };
        }
        let local = canonical(request.uri().path());
        let prefix = local.map_or(0, |local| {
            key.path().strip_suffix(&*local).unwrap_or(key.path()).len()
        });
        let mut extensions = request.extensions().clone();
        placement::narrow(&mut extensions, key.uri(0));
        config
            .drop_extensions
            .iter()
            .for_each(|drop| drop(&mut extensions));
        let routed = Arc::new(Routed {
            extensions,
            prefix,
            renderer: renderer.clone(),
        });
        this.remember(&key, &routed);
        Recipe {
            page,
            key,
            kept_headers,
            routed: Some(routed),
        }
    }

    /// Keeps what renders a key again, as long as there is an entry for it or a render. It stays here and not in the entry:
    /// what the router found out may hold the application's state, which may hold the cache.
    fn remember(&self, key: &Key, routed: &Arc<Routed>) {
        let mut known = self.routed.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == known.capacity() {
            known.retain(|key, routed| {
                Arc::strong_count(routed) > 1 || self.core.memory.get_key(key).is_some()
            });
            // Room for as many again, so that looking through all of them stays rare.
            let alive = known.len();
            known.reserve(alive + 1);
        }
        known.insert(key.clone(), routed.clone());
    }

    /// A service that is not ready yet.
    pub(crate) fn service(&self) -> S
    where
        S: Clone,
    {
        self.service
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What renders through this slot for the engine.
    pub(crate) fn renderer<B>(this: &Arc<Self>) -> &Arc<dyn Renderer>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        this.renderer
            .get_or_init(|| Arc::new(BackgroundRender::<S, B>::of(this)))
    }
}

/// A render through a service, which gets ready for it within the render's time limit, if it is not.
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

    async fn render(mut self, recipe: &Recipe) -> RenderResult<S::Body, S::Error> {
        poll_fn(|cx| self.service.poll_ready(cx))
            .await
            .map_err(RenderError::Service)?;
        call(self.service, recipe.request())
            .await
            .map_err(RenderError::Service)
    }
}

/// A render nobody's request asked for: it takes the service only when its turn has come, and only if the application is
/// still there.
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
        let service = self
            .shared
            .upgrade()
            .map(|shared| shared.service())
            .ok_or(RenderError::Gone)?;
        DirectRender::new(service).render(recipe).await
    }
}

impl<S, B> Renderer for BackgroundRender<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    fn start(&self, core: &Arc<Core>, lead: Leader, recipe: Recipe, purpose: Purpose) {
        let render = Self {
            shared: self.shared.clone(),
            request: PhantomData,
        };
        core.tasks.spawn(regenerate(
            core.clone(),
            lead,
            render,
            recipe,
            StartedFor::Queued(purpose),
        ));
    }

    fn is_alive(&self) -> bool {
        self.shared.strong_count() > 0
    }

    fn routed(&self, key: &Key) -> Option<Arc<Routed>> {
        let shared = self.shared.upgrade()?;
        let known = shared.routed.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).cloned()
    }
}
