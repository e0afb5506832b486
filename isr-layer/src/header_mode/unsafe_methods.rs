//! Unsafe requests: unless the origin refuses one, its end invalidates the entries of the target
//! (RFC 9111, 4.4).

use std::future::Future;
use std::sync::Arc;

use http::Response;
use http::header::{CONTENT_LOCATION, HeaderMap, HeaderValue, LOCATION};

use super::cache::HeaderCache;
use super::target::TargetUri;
use crate::body::IsrBody;

/// An unsafe request on its way. When dropped, it [invalidates](HeaderCache::invalidate) its
/// target, unless the origin has refused it: the origin may have changed something before the
/// client left, or before the service failed.
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
