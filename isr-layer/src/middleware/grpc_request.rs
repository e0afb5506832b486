//! One call of a page: its message is read, and from there on it is a request like any other.

use std::borrow::Cow;
use std::convert::identity;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;

use super::inner::{Inner, call};
use super::page_request::{Visit, visit};
use super::shared::Slot;
use crate::body::{IsrBody, RenderBody};
use crate::clock::{self, Instant};
use crate::deliver::{Delivery, Hit, unstored};
use crate::entry::Entry;
use crate::grpc::{Message, Resumed, failed, read, subtype};
use crate::hosts::Host;
use crate::outcome::{Forward, Outcome, Reason};
use crate::page::Known;
use crate::render::Recipe;
use crate::render::{KeyRef, MAX_KEY};

/// One call of a page, before anything of its body was read.
pub(crate) struct Caller<S> {
    pub(crate) slot: Arc<Slot<S>>,
    pub(crate) page: Arc<Known>,
    /// The host of the list it is for, where hosts are listed.
    pub(crate) host: Option<Arc<Host>>,
    pub(crate) routed: bool,
}

/// What a call is, once its message is known.
enum Sight {
    Fresh(Arc<Entry>, Instant),
    Page(Recipe),
    /// Its key would be too long.
    Foreign,
}

type Result<R, E> = std::result::Result<Response<IsrBody<R>>, E>;

impl<S> Caller<S> {
    /// Reads the message and answers. `ready` is the client's own service; whatever its readiness holds is not held while
    /// the client sends.
    pub(crate) async fn answer<B>(self, request: Request<B>, ready: S) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        drop(ready);
        let (head, body) = request.into_parts();
        let mut head = Request::from_parts(head, ());
        let (message, body) = match read(body, self.page.policy().max_body.min(MAX_KEY)).await {
            Message::One { message, body } => (message, body),
            Message::Other(body) => return pass(head, body, self.ready().await?).await,
            Message::Cut => return Ok(self.cut()),
        };
        match self.look(&head, &message) {
            Sight::Fresh(entry, now) => {
                let show_status = self.slot.core.config.cache_status;
                let choice = Delivery::default().choose(&entry);
                Ok(Hit { entry, choice, show_status, now }.answer(identity))
            }
            Sight::Page(recipe) => {
                let ready = self.ready().await?;
                let arrival = self.slot.core.marks.published();
                let (slot, delivery) = (self.slot, Delivery::take(&mut head));
                let request = head.map(|()| B::resumed(body));
                visit(Box::new(Visit { slot, recipe, delivery, request, arrival }), ready).await
            }
            Sight::Foreign => pass(head, body, self.ready().await?).await,
        }
    }

    /// The service, ready again.
    async fn ready<B>(&self) -> std::result::Result<S, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let mut service = self.slot.service();
        poll_fn(|cx| service.poll_ready(cx)).await?;
        Ok(service)
    }

    fn look<B>(&self, head: &Request<()>, message: &Bytes) -> Sight
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        // A method's pattern has no parameters: it is the canonical path of every call.
        let path = Cow::Borrowed(self.page.page.path());
        let subtype = subtype(head.headers()).unwrap_or_default();
        let (host, headers) = (self.host.as_deref(), head.headers());
        let Some(key) = KeyRef::of_call(&self.page, path, subtype, message, host, headers) else {
            return Sight::Foreign;
        };
        let now = clock::now();
        match self.slot.core.fresh(&key, now) {
            Some(entry) => Sight::Fresh(entry, now),
            None => {
                let key = key.to_key(&self.page);
                Sight::Page(Slot::recipe(&self.slot, self.page.clone(), key, head, self.routed))
            }
        }
    }

    /// Nobody may be there to read it; the inner service is not asked for half a call.
    fn cut<R: Body<Data = Bytes>>(&self) -> Response<IsrBody<R>> {
        let (forward, reason) = (Forward::Bypass, Reason::RequestCut);
        let response = failed(reason).map(|()| IsrBody::empty());
        let outcome = Outcome::Unstored { forward, reason, collapsed: false };
        unstored(response, &Delivery::default(), outcome, self.slot.core.config.cache_status)
    }
}

/// Lets the inner service answer a call that is no page's after all, octet for octet as it came.
async fn pass<S, B>(head: Request<()>, body: Resumed<B>, ready: S) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let response = call(ready, head.map(|()| B::resumed(body))).await?;
    Ok(response.map(IsrBody::inner))
}
