//! Where the middleware hands over what is no page.

use std::any::TypeId;
use std::sync::Arc;

use http::Request;

use super::classify::Sort;
use super::request::{Visit, visit};
use super::unsafe_methods::pass_unsafe;
use crate::body::RenderBody;
use crate::middleware::ResponseFuture;
use crate::middleware::Slot;
use crate::middleware::is_always_ready;
use crate::middleware::{Inner, release};

/// Answers a request that was sorted; `inner` is ready, and is left as a clone that is not where its readiness is to end.
#[inline(never)]
pub(crate) fn answer<S, B>(
    inner: &mut S,
    slot: &Arc<Slot<S>>,
    sort: Sort,
    request: Request<B>,
) -> ResponseFuture<S::Future, S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    match sort {
        Sort::Untouched => ResponseFuture::inner(inner.call(request)),
        Sort::Fresh(hit) => {
            if !is_always_ready(TypeId::of::<S>()) {
                drop(release(inner));
            }
            ResponseFuture::foreign_hit(hit)
        }
        Sort::Unsafe { mode, target } => {
            ResponseFuture::waiting(pass_unsafe(mode, target, inner.call(request)))
        }
        Sort::Cacheable { mode, target, is_plain } => {
            let (parts, body) = request.into_parts();
            let visit_of = Visit { slot: slot.clone(), mode, target, is_plain, parts };
            ResponseFuture::waiting(visit(visit_of, body, release(inner)))
        }
    }
}
