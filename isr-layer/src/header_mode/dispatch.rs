//! Where the middleware hands over what is no page.

use std::any::TypeId;
use std::sync::Arc;

use http::Request;

use super::classify::RequestClass;
use super::request::{HeaderModeRequest, handle};
use super::unsafe_methods::pass_unsafe;
use crate::body::RenderBody;
use crate::middleware::ResponseFuture;
use crate::middleware::Shared;
use crate::middleware::is_always_ready;
use crate::middleware::{Inner, take_ready};

/// Answers a request that was sorted; `inner` is ready, and is left as a clone that is not where its readiness is to end.
#[inline(never)]
pub(crate) fn answer<S, B>(
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
        RequestClass::Untouched => ResponseFuture::inner(inner.call(request)),
        RequestClass::Fresh(hit) => {
            if !is_always_ready(TypeId::of::<S>()) {
                drop(take_ready(inner));
            }
            ResponseFuture::foreign_hit(hit)
        }
        RequestClass::Unsafe { mode, target } => {
            ResponseFuture::waiting(pass_unsafe(mode, target, inner.call(request)))
        }
        RequestClass::Cacheable {
            mode,
            target,
            is_plain,
        } => {
            let (parts, body) = request.into_parts();
            let request = HeaderModeRequest {
                shared: shared.clone(),
                mode,
                target,
                is_plain,
                parts,
            };
            ResponseFuture::waiting(handle(request, body, take_ready(inner)))
        }
    }
}
