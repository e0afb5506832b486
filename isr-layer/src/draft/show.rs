//! Shows a draft: the inner service gets the request as it is, and nothing of the response is kept.

use http::header::HeaderMap;
use http::{Request, Response};

use crate::body::{IsrBody, RenderBody};
use crate::cache::Core;
use crate::clock;
use crate::deliver::mark_draft;
use crate::middleware::{Inner, call};
use crate::outcome::{CacheStatus, Forward, Outcome, Reason};
use crate::page::Page;
use crate::render::context::Current;

impl Core {
    /// Returns whether a request for a page may see its draft. Without the settings of
    /// [`Draft`](super::Draft) none may, and no cookie is read.
    pub(crate) fn shows_draft(&self, headers: &HeaderMap) -> bool {
        self.config
            .draft
            .as_ref()
            .is_some_and(|draft| draft.is_shown(headers, clock::unix_time()))
    }
}

/// Renders a draft for an editor. The functions of [`context`](crate::context) know the page but do
/// nothing, since there is no entry to tag.
pub(crate) async fn show<S, B>(
    page: Page,
    ready: S,
    request: Request<B>,
    cache_name: Option<&'static str>,
) -> Result<Response<IsrBody<S::Body>>, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let scope = Current::of_draft(page);
    let mut response = scope.enter(call(ready, request)).await?;

    let outcome = Outcome::Unstored {
        forward: Forward::Bypass,
        reason: Reason::Draft,
        collapsed: false,
    };
    let status = cache_name.map(|name| CacheStatus {
        name,
        outcome,
        ttl: None,
    });
    mark_draft(response.headers_mut(), status.as_ref());

    // The scope goes with the body: code that makes the body while it is sent may call `is_draft`.
    Ok(response.map(|body| IsrBody::within(scope, body)))
}
