//! Regeneration: foreground and background are this one function, since both start from a recipe.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, response};
use http_body::Body;
use tokio::sync::oneshot;

use super::core::Core;
use super::flight::{Landed, Lead};
use super::land::{Attempt, land};
use super::permits::{Permit, Purpose};
use crate::body::{self, IsrBody, Read, is_length};
use crate::clock;
use crate::context::Current;
use crate::entry::{NotStored, admit_head};
use crate::key::Key;
use crate::outcome::Reason;
use crate::recipe::{Recipe, Routed};

/// Something that can render a recipe once.
pub(crate) trait Render: Send + 'static {
    type Body: Body<Data = Bytes> + Send + 'static;
    type Error: Send + 'static;

    /// Renders: one answer of the inner service.
    fn render(self, recipe: &Recipe) -> impl Future<Output = RenderResult<Self::Body, Self::Error>> + Send;
}

/// What the inner service gave, or why it gave nothing.
pub(crate) type RenderResult<B, E> = Result<Response<B>, RenderError<E>>;

/// Why there is no answer.
pub(crate) enum RenderError<E> {
    /// The inner service's own error.
    Service(E),
    /// The application is gone.
    Gone,
}

/// An application that can render without a client, as long as it lives.
pub(crate) trait Renderer: Send + Sync {
    /// Starts the render of a flight on a task of its own.
    fn start(&self, core: &Arc<Core>, lead: Lead, recipe: Recipe, purpose: Purpose);

    /// Whether the application is still there.
    fn is_alive(&self) -> bool;

    /// What the router found out about the last request for a key, where there is a router in front of the layer.
    fn routed(&self, key: &Key) -> Option<Arc<Routed>>;
}

/// What the leader's client gets.
pub(crate) enum Answer<B, E> {
    /// The same as everybody who waits.
    Landed(Arc<Landed>),
    /// An answer that was made for it alone.
    Own { response: Response<IsrBody<B>>, why: NotStored },
    /// The inner service's error.
    Error(E),
}

/// The client that waits for a render, or how it may begin when nobody does.
pub(crate) enum For<R: Render> {
    Client(oneshot::Sender<Answer<R::Body, R::Error>>),
    /// Nobody, and it may begin.
    Nobody(Permit),
    /// Nobody, and it waits for its turn.
    Later(Purpose),
}

/// How one render ended.
pub(crate) enum End<B, E> {
    /// An answer that was read whole, and what its head decides.
    Whole {
        parts: response::Parts,
        body: Bytes,
        trailers: Option<Box<HeaderMap>>,
        admitted: Result<(), NotStored>,
    },
    /// An answer that was not read, or not to its end, and goes on to the client as it is.
    Unread { response: Response<IsrBody<B>>, why: NotStored },
    /// No answer, or half of one.
    Failed(Reason),
    /// The inner service's error.
    Error(E),
    /// The application is gone.
    Gone,
    /// The page's `params` do not list the path: nothing was rendered.
    NotListed,
}

/// Renders a recipe and lands the flight: stores the page, or remembers why not.
pub(crate) async fn regenerate<R: Render>(
    core: Arc<Core>,
    lead: Lead,
    render: R,
    recipe: Recipe,
    made_for: For<R>,
) {
    let (client, _permit) = match made_for {
        For::Client(client) => (Some(client), None),
        For::Nobody(permit) => (None, Some(permit)),
        For::Later(purpose) => match turn(&core, &lead, &recipe, purpose).await {
            Turn::Granted(permit) => (None, permit),
            // Dropped, the lead abandons its flight.
            Turn::TooMany => return,
        },
    };
    let as_of = lead.begin(&core.marks);
    let is_listed = core.admits(&recipe).await;
    let born = clock::now();
    let scope = Current::of(recipe.page.page, recipe.key.clone());
    let max_body = core.max_body(&recipe.page);
    let end = if is_listed { attempt(render, &recipe, &scope, max_body).await } else { End::NotListed };
    let handler_ran = scope.handler_ran();
    let attempt = Attempt { as_of, born, said: scope.said(), handler_ran };
    let answer = land(&core, lead, &recipe, attempt, end);
    if let (Some(client), Some(answer)) = (client, answer) {
        // The client may have left.
        let _ = client.send(answer);
    }
    core.prune_marks().await;
}

/// Whether a render that nobody waits for may begin.
enum Turn {
    Granted(Option<Permit>),
    TooMany,
}

/// Waits for a permit, or for somebody who waits: then none is needed.
async fn turn(core: &Core, lead: &Lead, recipe: &Recipe, purpose: Purpose) -> Turn {
    let permit = core.permits.acquire(recipe.page.id, purpose);
    tokio::select! {
        biased;
        permit = permit => permit.map_or(Turn::TooMany, |permit| Turn::Granted(Some(permit))),
        () = lead.gained_waiter() => Turn::Granted(None),
        () = tokio::time::sleep(purpose.patience()) => Turn::TooMany,
    }
}

/// Renders once and reads the answer as far as it may be stored, up to `max_body` and within the page's time limit.
pub(crate) async fn attempt<R: Render>(
    render: R,
    recipe: &Recipe,
    scope: &Current,
    max_body: usize,
) -> End<R::Body, R::Error> {
    let policy = recipe.page.policy();
    let work = async {
        let response = match render.render(recipe).await {
            Ok(response) => response,
            Err(RenderError::Service(error)) => return End::Error(error),
            Err(RenderError::Gone) => return End::Gone,
        };
        let (parts, body) = response.into_parts();
        let admitted = admit_head(recipe, &parts, scope.handler_ran());
        if let Err(why @ NotStored::Uncacheable(_)) = admitted {
            return End::Unread { response: Response::from_parts(parts, IsrBody::inner(body)), why };
        }
        match body::read(body, max_body).await {
            Read::Whole { bytes, .. } if admitted.is_ok() && !is_length(&parts.headers, bytes.len()) => {
                End::Failed(Reason::Cut)
            }
            Read::Whole { bytes, trailers } => End::Whole { parts, body: bytes, trailers, admitted },
            Read::Cut => End::Failed(Reason::Cut),
            Read::TooLarge(body) => {
                let why = admitted.err().unwrap_or(NotStored::Uncacheable(Reason::TooLarge));
                End::Unread { response: Response::from_parts(parts, body), why }
            }
        }
    };
    let work = scope.enter(work);
    match tokio::time::timeout(policy.timeout, caught(work)).await {
        Ok(Some(end)) => end,
        Ok(None) => End::Failed(Reason::Panic),
        Err(_) => End::Failed(Reason::Timeout),
    }
}

/// The output of `work`, or `None` when it panicked.
pub(crate) async fn caught<F: Future>(work: F) -> Option<F::Output> {
    let mut work = Caught(Some(Box::pin(work)));
    poll_fn(|cx| work.poll(cx)).await
}

/// A future of which no panic gets out, not even while it is dropped. Nothing of a render is looked at after a panic, so it
/// does not matter in what state it was left.
struct Caught<F>(Option<Pin<Box<F>>>);

impl<F: Future> Caught<F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let Some(work) = &mut self.0 else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    }
}

impl<F> Drop for Caught<F> {
    fn drop(&mut self) {
        let work = self.0.take();
        // A guard of the handler that panics has no say any more: the render has ended already.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
    }
}
