//! Unsafe requests: unless the origin refuses one, its end invalidates the entries of the target
//! (RFC 9111, 4.4). One whose client left goes on for a while, so that its response can tell.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Response;
use http::header::{CONTENT_LOCATION, HeaderMap, HeaderValue, LOCATION};

use super::cache::HeaderCache;
use super::fetch::READ_TIMEOUT;
use super::target::TargetUri;
use crate::body::IsrBody;
use crate::spawn::Tasks;

/// An unsafe request on its way. When dropped, it [invalidates](HeaderCache::invalidate) its
/// target, unless the origin has refused it: the origin may have changed something before the
/// request was given up, or before the service failed.
pub(super) struct Change {
    cache: Arc<HeaderCache>,
    target: TargetUri,
    is_refused: bool,
}

impl Change {
    pub(super) fn new(cache: Arc<HeaderCache>, target: TargetUri) -> Self {
        Self {
            cache,
            target,
            is_refused: false,
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if !self.is_refused {
            self.cache.invalidate(&self.target);
        }
    }
}

/// Passing of an unsafe request. If it is dropped before its end, since the client left, it goes on
/// as a task in one of the [`Places`](super::places::Places), for [`READ_TIMEOUT`] at most. If none
/// is free, it ends at once.
pub(super) struct Passing<F: Future + Send + 'static> {
    cache: Arc<HeaderCache>,
    tasks: Tasks,
    /// Nothing while it is polled, so that it does not go on after a panic.
    work: Option<Pin<Box<F>>>,
    has_begun: bool,
}

impl<F: Future + Send + 'static> Passing<F> {
    pub(super) fn new(cache: Arc<HeaderCache>, tasks: Tasks, work: F) -> Self {
        Self {
            cache,
            tasks,
            work: Some(Box::pin(work)),
            has_begun: false,
        }
    }
}

impl<F: Future + Send + 'static> Future for Passing<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(mut work) = self.work.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.work = Some(work);
            self.has_begun = true;
        }
        polled
    }
}

impl<F: Future + Send + 'static> Drop for Passing<F> {
    fn drop(&mut self) {
        let Some(work) = self.work.take().filter(|_| self.has_begun) else {
            return;
        };
        if let Some(place) = self.cache.places.try_take() {
            self.tasks.spawn(async move {
                // In time or not, its `Change` has judged it by then.
                let _ = tokio::time::timeout(READ_TIMEOUT, work).await;
                drop(place);
            });
        }
    }
}

/// Awaits the response to an unsafe request. A success invalidates, beside the target, the targets
/// that `Location` and `Content-Location` name within the same origin. Registered pages are never
/// touched.
pub(super) async fn pass_unsafe<R, E>(
    mut change: Change,
    response: impl Future<Output = Result<Response<R>, E>>,
) -> Result<Response<IsrBody<R>>, E> {
    let response = response.await?;
    if response.status().is_success() || response.status().is_redirection() {
        named(&change.target, response.headers()).for_each(|other| change.cache.invalidate(&other));
    } else {
        change.is_refused = true;
    }

    // Before the client has the response, and asks for what it changed.
    drop(change);
    Ok(response.map(IsrBody::inner))
}

fn named<'a>(
    target: &'a TargetUri,
    headers: &'a HeaderMap,
) -> impl Iterator<Item = TargetUri> + 'a {
    let references = [LOCATION, CONTENT_LOCATION]
        .into_iter()
        .filter_map(|name| headers.get(name));
    references.filter_map(|value: &HeaderValue| target.resolve(value.to_str().ok()?))
}
