//! The Tower service: recognises pages, responds from memory, and otherwise waits for the engine.

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::alone::pass_unstored;
use super::future::ResponseFuture;
use super::grpc_request::GrpcRequest;
use super::inner::{Inner, take_ready};
use super::page_request::{PageRequest, handle};
use super::placement;
use super::shared::Shared;
use crate::body::{IsrBody, RenderBody};
use crate::cache::{Core, FastLookup, Lookup};
use crate::clock::Instant;
use crate::deliver::{Delivery, Hit, choose, is_head};
use crate::draft::show;
use crate::entry::Entry;
use crate::header_mode;
use crate::observe;
use crate::outcome::Reason;
use crate::page::{Page, RegisteredPage};
use crate::render::context::is_rendering_page;
use crate::render::{Recipe, apply_functions};

/// A service whose pages are rendered once and served from memory. Made by
/// [`IsrLayer`](crate::IsrLayer).
///
/// Requests for anything else go to the inner service untouched. A request for a page is narrowed
/// to its key; the inner service sees nothing else of it.
pub struct Isr<S> {
    inner: S,
    pub(crate) shared: Arc<Shared<S>>,
    /// True if the service certainly stands in front of the whole application. Otherwise each
    /// request tells where it stands.
    is_outermost: bool,
}

impl<S: Clone> Isr<S> {
    pub(crate) fn new(inner: S, core: Arc<Core>, is_outermost: bool) -> Self {
        let shared = Arc::new(Shared::new(inner.clone(), core));
        Self {
            inner,
            shared,
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

    // Inlined into a wrapper, the future would be made beside its place and moved there.
    #[inline(never)]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_routed = !self.is_outermost && placement::is_routed(request.extensions());
        let path = public_path(&request, is_routed);
        match self.shared.core.lookup_fast(&request, path) {
            FastLookup::Hit(entry, now) => ResponseFuture::hit(self.hit(entry, now, &request)),
            FastLookup::NotAPage if self.shared.scope.is_some() => self.pass_in_scope(request),
            FastLookup::NotAPage => ResponseFuture::inner(self.inner.call(request)),
            FastLookup::Undecided(found) => self.lookup(request, is_routed, found),
        }
    }
}

impl<S> Isr<S> {
    /// Responds from memory. The inner service is not called, so its readiness is given up.
    #[inline(always)]
    fn hit<B>(&mut self, entry: Arc<Entry>, now: Instant, request: &Request<B>) -> Hit
    where
        S: Clone + 'static,
    {
        if !placement::is_always_ready(TypeId::of::<S>()) {
            drop(take_ready(&mut self.inner));
        }
        let choice = choose(&entry, is_head(request), request.headers());
        Hit {
            entry,
            choice,
            cache_name: self.shared.core.config.cache_name,
            now,
        }
    }

    /// Passes on a request for no page, with a cache in reach if the program has values.
    #[inline(never)]
    fn pass_in_scope<B>(
        &mut self,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        self.shared.pass(&mut self.inner, request)
    }

    /// Handles requests that [`Core::lookup_fast`](crate::cache::Core::lookup_fast) could not
    /// decide. Not inlined: the hit path stays small.
    #[inline(never)]
    fn lookup<B>(
        &mut self,
        request: Request<B>,
        is_routed: bool,
        found: Option<Arc<Entry>>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let core = &self.shared.core;
        let path = public_path(&request, is_routed);

        match core.lookup(&request, path, found) {
            Lookup::NotAPage => self.pass_in_scope(request),
            Lookup::HeaderMode => {
                let class = header_mode::classify(core, &request, path);
                header_mode::dispatch(&mut self.inner, &self.shared, class, request)
            }
            Lookup::Hit(entry, now) => ResponseFuture::hit(self.hit(entry, now, &request)),
            Lookup::Grpc(page, _) | Lookup::Page { page, .. }
                if is_routed && !core.config.extensions.let_travel() =>
            {
                let page = page.page;
                self.pass_behind_router(page, request)
            }
            Lookup::Grpc(page, host) => {
                let grpc_request = GrpcRequest {
                    shared: self.shared.clone(),
                    page: page.clone(),
                    host: host.map(Cow::into_owned),
                    is_routed,
                };
                self.handle_grpc(grpc_request, request)
            }
            Lookup::Draft(page) => {
                let page = page.clone();
                self.show_draft(&page, request)
            }
            Lookup::Page { page, key, found } => {
                let (page, key) = (page.clone(), key.to_key(page));
                let recipe = Shared::recipe(&self.shared, page, key, &request, is_routed);
                self.handle_page(recipe, found, request)
            }
        }
    }

    fn handle_page<B>(
        &mut self,
        recipe: Recipe,
        found: Option<Arc<Entry>>,
        mut request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let page_request = PageRequest {
            shared: self.shared.clone(),
            recipe,
            delivery: Delivery::take(&mut request),
            request,
            found,
            arrival: self.shared.core.marks.published(),
        };
        let ready = take_ready(&mut self.inner);
        ResponseFuture::waiting(handle(Box::new(page_request), ready))
    }

    fn handle_grpc<B>(
        &mut self,
        grpc_request: GrpcRequest<S>,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let ready = take_ready(&mut self.inner);
        ResponseFuture::waiting(grpc_request.handle(request, ready))
    }

    /// Passes on a request with its own client's extensions, since no rule says which of them a
    /// render may see.
    fn pass_behind_router<B>(
        &mut self,
        page: Page,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        if is_rendering_page(&page) {
            // The render of a layer in front, which has narrowed the request.
            return ResponseFuture::inner(self.inner.call(request));
        }

        observe::behind_router();
        let cache_name = self.shared.core.config.cache_name;
        let ready = take_ready(&mut self.inner);
        ResponseFuture::waiting(pass_unstored(
            self.shared.core.clone(),
            page,
            ready,
            request,
            Reason::BehindRouter,
            cache_name,
        ))
    }

    fn show_draft<B>(
        &mut self,
        page: &RegisteredPage,
        mut request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        apply_functions(page, request.headers_mut());
        let cache_name = self.shared.core.config.cache_name;
        let ready = take_ready(&mut self.inner);
        ResponseFuture::waiting(show(page.page, ready, request, cache_name))
    }
}

/// Returns the path as the client sent it, behind a router too.
#[inline]
fn public_path<B>(request: &Request<B>, is_routed: bool) -> &str {
    if is_routed {
        placement::public_path(request)
    } else {
        request.uri().path()
    }
}

impl<S: Clone> Clone for Isr<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: self.shared.clone(),
            is_outermost: self.is_outermost,
        }
    }
}

impl<S> fmt::Debug for Isr<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isr")
            .field("is_outermost", &self.is_outermost)
            .finish_non_exhaustive()
    }
}
