//! Handles a gRPC request for a page: reads its message, and from there on it is a request like any
//! other.

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
use crate::clock::Instant;
use crate::deliver::{Delivery, Hit, unstored};
use crate::entry::Entry;
use crate::grpc::{Message, RewoundBody, failed, read, subtype};
use crate::outcome::{Forward, Outcome, Reason};
use crate::page::RegisteredPage;
use crate::render::Recipe;
use crate::render::{KeyRef, MAX_KEY};

/// One gRPC request for a page, before anything of its body was read.
pub(crate) struct GrpcRequest<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) page: Arc<RegisteredPage>,
    /// The listed host of the request, if hosts are listed.
    pub(crate) host: Option<Vec<u8>>,
    pub(crate) is_routed: bool,
}

/// The class of a gRPC request whose message is known.
enum GrpcLookup {
    Hit(Arc<Entry>, Instant),
    Page(Recipe, Option<Arc<Entry>>),
    /// Its key would be too long.
    NotAPage,
}

type Result<R, E> = std::result::Result<Response<IsrBody<R>>, E>;

impl<S> GrpcRequest<S> {
    /// Reads the message and responds. `ready` is the client's own service, which is dropped at
    /// once: its readiness must not be held for as long as the client sends.
    pub(crate) async fn handle<B>(self, request: Request<B>, ready: S) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        drop(ready);
        let (head, body) = request.into_parts();
        let mut head = Request::from_parts(head, ());
        let max_message = self.page.policy().max_body.min(MAX_KEY);
        let (message, body) = match read(body, max_message).await {
            Message::One { message, body } => (message, body),
            Message::Other(body) => return pass(head, body, self.ready().await?).await,
            Message::Cut => return Ok(self.body_cut()),
        };

        match self.lookup(&head, &message) {
            GrpcLookup::Hit(entry, now) => Ok(self.hit(entry, now)),
            GrpcLookup::Page(recipe, found) => {
                let ready = self.ready().await?;
                // That may have taken long: the entry may be another one by now.
                let memory = &self.shared.core.pages.memory;
                let found = memory.get_key(&recipe.key).or(found);
                let page_request = PageRequest {
                    arrival: self.shared.core.marks.published(),
                    shared: self.shared,
                    recipe,
                    delivery: Delivery::take(&mut head),
                    request: head.map(|()| B::from_rewound(body)),
                    found,
                };
                handle(Box::new(page_request), ready).await
            }
            GrpcLookup::NotAPage => pass(head, body, self.ready().await?).await,
        }
    }

    /// Returns the service, ready again.
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
        // A method's pattern has no parameters: it is the canonical path of every request.
        let path = Cow::Borrowed(self.page.page.path());
        let subtype = subtype(head.headers()).unwrap_or_default();
        let (host, headers) = (self.host.as_deref(), head.headers());
        let Some(key) = KeyRef::of_grpc(&self.page, path, subtype, message, host, headers) else {
            return GrpcLookup::NotAPage;
        };

        let core = &self.shared.core;
        let depth = core.depth(head.extensions());
        self.page.note_depth(depth);
        let key = key.at_depth(depth);
        match core.find(&key) {
            Ok((entry, now)) => GrpcLookup::Hit(entry, now),
            Err(found) => {
                let (page, key) = (self.page.clone(), key.to_key(&self.page));
                let recipe = Shared::recipe(&self.shared, page, key, head, self.is_routed);
                GrpcLookup::Page(recipe, found)
            }
        }
    }

    fn hit<R>(&self, entry: Arc<Entry>, now: Instant) -> Response<IsrBody<R>> {
        let hit = Hit {
            choice: Delivery::default().choose(&entry),
            entry,
            cache_name: self.shared.core.config.cache_name,
            now,
        };
        hit.respond(identity)
    }

    /// Responds to half a request. The client may have left, and the inner service is not asked.
    fn body_cut<R: Body<Data = Bytes>>(&self) -> Response<IsrBody<R>> {
        let (forward, reason) = (Forward::Bypass, Reason::RequestCut);
        let response = failed(reason).map(|()| IsrBody::empty());
        let outcome = Outcome::Unstored {
            forward,
            reason,
            collapsed: false,
        };
        let cache_name = self.shared.core.config.cache_name;
        unstored(response, &Delivery::default(), outcome, cache_name)
    }
}

/// Passes on a request that turned out to be for no page, octet for octet as it came.
async fn pass<S, B>(head: Request<()>, body: RewoundBody<B>, ready: S) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let response = call(ready, head.map(|()| B::from_rewound(body))).await?;
    Ok(response.map(IsrBody::inner))
}
