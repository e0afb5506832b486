//! One call of a page: its message is read, and from there on it is a request like any other.

use std::borrow::Cow;
use std::convert::identity;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;

use super::inner::{Inner, call};
use super::page_request::{PageRequest, handle};
use super::shared::Shared;
use crate::body::{IsrBody, RenderBody};
use crate::clock::{self, Instant};
use crate::deliver::{Delivery, Hit, unstored};
use crate::entry::Entry;
use crate::grpc::{Message, RewoundBody, failed, read, subtype};
use crate::hosts::Host;
use crate::outcome::{Forward, Outcome, Reason};
use crate::page::RegisteredPage;
use crate::render::Recipe;
use crate::render::{KeyRef, MAX_KEY};

/// One call of a page, before anything of its body was read.
pub(crate) struct GrpcRequest<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) page: Arc<RegisteredPage>,
    /// The host of the list it is for, where hosts are listed.
    pub(crate) host: Option<Arc<Host>>,
    pub(crate) routed: bool,
}

/// What a call is, once its message is known.
enum GrpcLookup {
    Fresh(Arc<Entry>, Instant),
    Page(Recipe),
    /// Its key would be too long.
    NotAPage,
}

type Result<R, E> = std::result::Result<Response<IsrBody<R>>, E>;

impl<S> GrpcRequest<S> {
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
        match self.lookup(&head, &message) {
            GrpcLookup::Fresh(entry, now) => {
                let show_status = self.shared.core.config.cache_status;
                let choice = Delivery::default().choose(&entry);
                Ok(Hit {
                    entry,
                    choice,
                    show_status,
                    now,
                }
                .answer(identity))
            }
            GrpcLookup::Page(recipe) => {
                let ready = self.ready().await?;
                let arrival = self.shared.core.marks.published();
                let (shared, delivery) = (self.shared, Delivery::take(&mut head));
                let request = head.map(|()| B::from_rewound(body));
                handle(
                    Box::new(PageRequest {
                        shared,
                        recipe,
                        delivery,
                        request,
                        arrival,
                    }),
                    ready,
                )
                .await
            }
            GrpcLookup::NotAPage => pass(head, body, self.ready().await?).await,
        }
    }

    /// The service, ready again.
    async fn ready<B>(&self) -> std::result::Result<S, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let mut service = self.shared.service();
        poll_fn(|cx| service.poll_ready(cx)).await?;
        Ok(service)
    }

    fn lookup<B>(&self, head: &Request<()>, message: &Bytes) -> GrpcLookup
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        // A method's pattern has no parameters: it is the canonical path of every call.
        let path = Cow::Borrowed(self.page.page.path());
        let subtype = subtype(head.headers()).unwrap_or_default();
        let (host, headers) = (self.host.as_deref(), head.headers());
        let Some(key) = KeyRef::of_grpc(&self.page, path, subtype, message, host, headers) else {
            return GrpcLookup::NotAPage;
        };
        let now = clock::now();
        match self.shared.core.fresh(&key, now) {
            Some(entry) => GrpcLookup::Fresh(entry, now),
            None => {
                let key = key.to_key(&self.page);
                GrpcLookup::Page(Shared::recipe(
                    &self.shared,
                    self.page.clone(),
                    key,
                    head,
                    self.routed,
                ))
            }
        }
    }

    /// Nobody may be there to read it; the inner service is not asked for half a call.
    fn cut<R: Body<Data = Bytes>>(&self) -> Response<IsrBody<R>> {
        let (forward, reason) = (Forward::Bypass, Reason::RequestCut);
        let response = failed(reason).map(|()| IsrBody::empty());
        let outcome = Outcome::Unstored {
            forward,
            reason,
            collapsed: false,
        };
        unstored(
            response,
            &Delivery::default(),
            outcome,
            self.shared.core.config.cache_status,
        )
    }
}

/// Lets the inner service answer a call that is no page's after all, octet for octet as it came.
async fn pass<S, B>(head: Request<()>, body: RewoundBody<B>, ready: S) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let response = call(ready, head.map(|()| B::from_rewound(body))).await?;
    Ok(response.map(IsrBody::inner))
}
