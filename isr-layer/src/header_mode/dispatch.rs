//! Dispatches classified requests, which the middleware hands over if they are not for a page.

use std::any::TypeId;
use std::sync::Arc;

use http::Request;

use super::classify::RequestClass;
use super::request::{HeaderModeRequest, handle};
use super::unsafe_methods::{Change, Passing, pass_unsafe};
use crate::body::RenderBody;
use crate::middleware::{Inner, ResponseFuture, Shared, is_always_ready, take_ready};

/// Handles a request by its [`RequestClass`]; `inner` is ready.
///
/// Not inlined: the hit path of pages stays small.
#[inline(never)]
pub(crate) fn dispatch<S, B>(
    inner: &mut S,
    shared: &Arc<Shared<S>>,
    class: RequestClass,
    request: Request<B>,
) -> ResponseFuture<S::Future, S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    match class {
        RequestClass::Untouched => shared.pass(inner, request),
        RequestClass::Fresh(hit) => {
            // Readiness may hold a permit, and a hit needs none.
            if !is_always_ready(TypeId::of::<S>()) {
                drop(take_ready(inner));
            }
            ResponseFuture::header_mode_hit(hit)
        }
        RequestClass::Unsafe { cache, target } => {
            // Before the call, which may begin with the request.
            let change = Change::new(cache.clone(), target);
            let response = pass_unsafe(change, shared.with_scope(inner.call(request)));
            ResponseFuture::waiting(Passing::new(cache, shared.core.tasks.clone(), response))
        }
        RequestClass::Cacheable(found) => {
            let (parts, body) = request.into_parts();
            let request = HeaderModeRequest {
                shared: shared.clone(),
                cache: found.cache,
                target: found.target,
                constraints: found.constraints,
                parts,
            };
            ResponseFuture::waiting(handle(request, found.lookup, body, take_ready(inner)))
        }
    }
}
