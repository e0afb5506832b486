//! Unsafe requests: a successful response invalidates the entries of the target (RFC 9111, 4.4).

use std::future::Future;
use std::sync::Arc;

use http::Response;
use http::header::{CONTENT_LOCATION, HeaderMap, HeaderValue, LOCATION};

use super::cache::HeaderCache;
use super::target::TargetUri;
use crate::body::IsrBody;

/// Awaits the response to an unsafe request. A success [invalidates](HeaderCache::invalidate) its
/// target, and those that `Location` and `Content-Location` name within the same origin. Registered
/// pages are never touched.
pub(super) async fn pass_unsafe<R, E>(
    cache: Arc<HeaderCache>,
    target: TargetUri,
    response: impl Future<Output = Result<Response<R>, E>>,
) -> Result<Response<IsrBody<R>>, E> {
    let response = response.await?;
    if response.status().is_success() || response.status().is_redirection() {
        named(&target, response.headers()).for_each(|other| cache.invalidate(&other));
        cache.invalidate(&target);
    }
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
