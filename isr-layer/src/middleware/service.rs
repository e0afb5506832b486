//! Face 1, the middleware: recognises pages, answers from memory, and otherwise waits for the engine.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

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
use crate::page::Page;
use crate::render::Recipe;

/// A service whose pages are rendered once and served from memory. Made by [`IsrLayer`](crate::IsrLayer).
///
/// Requests that are no page go to the inner service untouched. A page's request is narrowed to what is in its key; the
/// inner service sees nothing else of it.
pub struct Isr<S> {
    inner: S,
    pub(crate) shared: Arc<Shared<S>>,
    /// In front of the whole application for certain; otherwise the requests say where.
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
        let routed = !self.is_outermost && placement::is_routed(request.extensions());
        match self
            .shared
            .core
            .lookup_fast(&request, public_path(&request, routed))
        {
            FastLookup::Fresh(entry, now) => ResponseFuture::hit(self.hit(entry, now, &request)),
            FastLookup::NotAPage => ResponseFuture::inner(self.inner.call(request)),
            FastLookup::Undecided => self.lookup(request, routed),
        }
    }
}

impl<S> Isr<S> {
    /// Answers from memory: the inner service is not called, so it keeps nothing for being ready.
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
            show_status: self.shared.core.config.cache_status,
            now,
        }
    }

    /// Answers what a glance did not tell; out of the way of what it did.
    #[inline(never)]
    fn lookup<B>(
        &mut self,
        mut request: Request<B>,
        routed: bool,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let core = &self.shared.core;
        let path = public_path(&request, routed);
        match core.lookup(&request, path) {
            Lookup::NotAPage if core.header_mode.is_some() => {
                let class = header_mode::classify(core, &request, path);
                header_mode::answer(&mut self.inner, &self.shared, class, request)
            }
            Lookup::NotAPage | Lookup::Unlisted => ResponseFuture::inner(self.inner.call(request)),
            Lookup::Fresh(entry, now) => ResponseFuture::hit(self.hit(entry, now, &request)),
            Lookup::Grpc(page, host) => {
                let (page, host) = (page.clone(), host.cloned());
                self.read(
                    GrpcRequest {
                        shared: self.shared.clone(),
                        page,
                        host,
                        routed,
                    },
                    request,
                )
            }
            Lookup::Draft(page) => {
                let page = page.page;
                self.show(page, request)
            }
            Lookup::Page(page, key) => {
                let recipe = Shared::recipe(
                    &self.shared,
                    page.clone(),
                    key.to_key(page),
                    &request,
                    routed,
                );
                self.handle_page(recipe, Delivery::take(&mut request), request)
            }
        }
    }

    /// Reads the message of a call and answers it.
    fn read<B>(
        &mut self,
        grpc_request: GrpcRequest<S>,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let ready = take_ready(&mut self.inner);
        ResponseFuture::waiting(grpc_request.answer(request, ready))
    }

    /// Waits for the engine.
    fn handle_page<B>(
        &mut self,
        recipe: Recipe,
        delivery: Delivery,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let ready = take_ready(&mut self.inner);
        let shared = self.shared.clone();
        let arrival = shared.core.marks.published();
        ResponseFuture::waiting(handle(
            Box::new(PageRequest {
                shared,
                recipe,
                delivery,
                request,
                arrival,
            }),
            ready,
        ))
    }

    /// Shows a draft.
    fn show<B>(
        &mut self,
        page: Page,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let show_status = self.shared.core.config.cache_status;
        ResponseFuture::waiting(show(
            page,
            take_ready(&mut self.inner),
            request,
            show_status,
        ))
    }
}

/// The path as the client asked for it, from behind a router too.
#[inline]
fn public_path<B>(request: &Request<B>, routed: bool) -> &str {
    if routed {
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
