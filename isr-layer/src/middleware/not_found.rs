//! Responds to a request for a path that its page does not have.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response, StatusCode};

use super::inner::Inner;
use super::page_request::{PageRequest, Result, handle, not_stored, reply_of};
use super::shared::Shared;
use crate::body::{IsrBody, RenderBody};
use crate::cache::Failure;
use crate::deliver::mark_not_found;
use crate::outcome::{CacheStatus, Forward, Outcome, Reason};
use crate::page::RegisteredPage;
use crate::render::{Key, KeyRef};

type BoxFuture<R, E> = Pin<Box<dyn Future<Output = Result<R, E>> + Send>>;

const OUTCOME: Outcome = not_stored(Forward::Bypass, Reason::NotInParams);

impl<S, B> PageRequest<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    /// Responds with 404: with the page that the application has for that, or with a plain text.
    ///
    /// Boxed as a trait object, since [`handle`] and this function are parts of each other.
    pub(super) fn not_listed(self: Box<Self>) -> BoxFuture<S::Body, S::Error> {
        Box::pin(async {
            let plain = self.plain_not_found();
            let Some((page, key)) = self.not_found_page() else {
                return Ok(plain);
            };

            let shared = self.shared.clone();
            let request = self.for_page(page, key);
            let mut service = shared.service();
            poll_fn(|cx| service.poll_ready(cx)).await?;

            let response = handle(request, service).await?;
            Ok(match response.status().is_server_error() {
                true => plain,
                false => as_not_found(response, &shared),
            })
        })
    }

    /// Returns the page that the application has for paths that are not found, and its key for this
    /// request.
    fn not_found_page(&self) -> Option<(Arc<RegisteredPage>, Key)> {
        let core = &self.shared.core;
        let path = core.config.not_found.as_deref()?;
        if self.recipe.routed.is_some() || self.recipe.key.is_grpc() {
            // One route of a router renders no other page.
            return None;
        }

        let page = core.registry.find(path)?;
        let mut request = Request::new(());
        *request.uri_mut() = self.request.uri().clone();
        *request.headers_mut() = self.delivery.headers();
        let host = page.host(&request).ok()?;
        let key = KeyRef::new(page, Cow::Borrowed(path), None, host, request.headers())?;
        let key = key.at_depth(core.depth(self.request.extensions()));
        Some((page.clone(), key.to_key(page)))
    }

    /// Makes the request of the same client for another page.
    fn for_page(self, page: Arc<RegisteredPage>, key: Key) -> Box<Self> {
        let Self {
            shared,
            delivery,
            mut request,
            ..
        } = self;
        *request.uri_mut() = key.uri(0);
        let core = &shared.core;
        let (found, arrival) = (core.pages.memory.get_key(&key), core.marks.published());

        let recipe = Shared::recipe(&shared, page, key, &request, false);
        Box::new(Self {
            shared,
            recipe,
            // RFC 9110, 13.2.1: conditions are for responses with 2xx.
            delivery: delivery.without_conditions(),
            request,
            found,
            arrival,
        })
    }

    fn plain_not_found(&self) -> Response<IsrBody<S::Body>> {
        let not_found = Failure::without_response(&self.recipe, Reason::NotInParams);
        self.respond(reply_of(not_found, OUTCOME))
    }
}

/// Makes the response of the application's own page one that says 404, as [`OUTCOME`] describes.
fn as_not_found<S, R>(
    mut response: Response<IsrBody<R>>,
    shared: &Shared<S>,
) -> Response<IsrBody<R>> {
    *response.status_mut() = StatusCode::NOT_FOUND;
    let (outcome, ttl) = (OUTCOME, None);
    let cache_name = shared.core.config.cache_name;
    let status = cache_name.map(|name| CacheStatus { name, outcome, ttl });
    mark_not_found(response.headers_mut(), status.as_ref());
    response
}
