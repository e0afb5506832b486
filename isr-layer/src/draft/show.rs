//! Shows a draft: the request goes to the inner service as it is, and nothing of the answer is kept.

use http::{Method, Request, Response};
use http_body::Body;

use crate::body::{IsrBody, RenderBody};
use crate::cache::Core;
use crate::clock;
use crate::context::Current;
use crate::deliver::mark_draft;
use crate::inner::Inner;
use crate::outcome::{CacheStatus, Forward, Outcome, Reason};
use crate::page::{Page, canonical};

impl Core {
    /// The page whose draft a request may see. Without a secret nobody may, and no cookie is looked at.
    #[inline]
    pub(crate) fn draft_page<B: Body>(&self, request: &Request<B>, raw: &str) -> Option<Page> {
        if self.config.draft.is_none() { None } else { self.shown_page(request, raw) }
    }

    #[cold]
    fn shown_page<B: Body>(&self, request: &Request<B>, raw: &str) -> Option<Page> {
        let draft = self.config.draft.as_ref()?;
        let may_be_page = matches!(*request.method(), Method::GET | Method::HEAD)
            && self.registry.may_have(raw)
            && request.body().is_end_stream();
        if !may_be_page || !draft.is_shown(request.headers(), clock::unix_time()) {
            return None;
        }
        self.registry.find(&canonical(raw)?).map(|known| known.page)
    }
}

/// Answers an editor. The functions of [`context`](crate::context) know the page, and do nothing: there is no entry to tag.
pub(crate) async fn show<S, B>(
    page: Page,
    mut ready: S,
    request: Request<B>,
    show_status: bool,
) -> Result<Response<IsrBody<S::Body>>, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let work = async move {
        let answer = ready.call(request);
        // The service goes before the answer is awaited, as a client's own would.
        drop(ready);
        answer.await
    };
    let mut response = Current::of_draft(page).enter(work).await?;
    let outcome = Outcome::Unstored { forward: Forward::Bypass, reason: Reason::Draft, collapsed: false };
    let status = show_status.then_some(CacheStatus { outcome, ttl: None });
    mark_draft(response.headers_mut(), status.as_ref());
    Ok(response.map(IsrBody::inner))
}
