//! Responds to one client alone: from its own request, or from the recipe as for everybody.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use http::{Method, Request, Response};

use super::inner::{Inner, call};
use super::page_request::{PageRequest, Result, includes_itself, not_stored, reply_of};
use super::reply::Reply;
use super::shared::{DirectRender, ask};
use crate::body::{IsrBody, RenderBody};
use crate::cache::{Core, Failure, Render, RenderEnd, RenderResult, Undecided, attempt, nested};
use crate::catch_panic::catch_panic;
use crate::deliver::{Delivery, unstored};
use crate::outcome::{Forward, Outcome, Reason};
use crate::page::Page;
use crate::render::context::Current;
use crate::render::{Recipe, apply_functions};

impl<S, B> PageRequest<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    /// Responds to this client alone, since responses of this key may not be stored.
    pub(super) async fn refused(
        self: Box<Self>,
        ready: Option<S>,
        forward: Forward,
        reason: Reason,
    ) -> Result<S::Body, S::Error> {
        match reason {
            Reason::HandlerNotRun => self.other_route(ready, forward).await,
            Reason::Vary => self.with_client(ready, forward).await,
            _ => self.alone(ready, forward, reason).await,
        }
    }

    /// Passes on the request as the client sent it, to another route that the page's pattern
    /// matches.
    async fn other_route(
        self: Box<Self>,
        ready: Option<S>,
        forward: Forward,
    ) -> Result<S::Body, S::Error> {
        let mut service = ready.unwrap_or_else(|| self.shared.service());
        poll_fn(|cx| service.poll_ready(cx)).await?;

        let mut request = as_sent(self.request, &self.delivery);
        self.shared.core.pass_on(request.extensions_mut());
        let response = self.shared.with_scope(call(service, request)).await?;
        let response = response.map(IsrBody::inner);
        let reply = Reply::OtherRoute(response, not_stored(forward, Reason::HandlerNotRun));
        Ok(reply.respond(
            &self.shared.core,
            &self.recipe,
            &self.delivery,
            self.arrival,
        ))
    }

    /// Renders the page for this client alone, with the client's own headers, by which the response
    /// varies.
    async fn with_client(
        self: Box<Self>,
        ready: Option<S>,
        forward: Forward,
    ) -> Result<S::Body, S::Error> {
        let (core, recipe) = (self.shared.core.clone(), self.recipe.clone());
        if !core.admits(&recipe).await {
            return self.not_listed().await;
        }

        let (delivery, arrival) = (self.delivery.clone(), self.arrival);
        let service = ready.unwrap_or_else(|| self.shared.service());
        let mut request = as_sent(self.request, &delivery);
        apply_functions(&recipe.page, request.headers_mut());
        if delivery.head {
            // The response to HEAD is made of GET's, as for every page.
            *request.method_mut() = Method::GET;
        }

        let scope = Current::of_own_request(core.home(), recipe.page.page);
        let max_body = core.max_body(&recipe.page);
        let render = OwnRequest { service, request };
        let reply = match nested(attempt(render, &recipe, &scope, max_body)) {
            Some(attempt) => {
                let outcome = not_stored(forward, Reason::Vary);
                reply_to_one(attempt.await, &recipe, outcome)?
            }
            None => reply_of_loop(&recipe, forward),
        };
        Ok(reply.respond(&core, &recipe, &delivery, arrival))
    }

    /// Passes on the leader's own request, and completes its flight by the response: a failure was
    /// the page's, anything else is another route's. Those who follow wait for that no longer than
    /// for a render.
    pub(super) async fn find_out(
        self: Box<Self>,
        undecided: Undecided,
        forward: Forward,
    ) -> Result<S::Body, S::Error> {
        let (core, recipe) = (self.shared.core.clone(), self.recipe.clone());
        let (delivery, failure) = (self.delivery.clone(), undecided.failure().clone());
        let arrival = self.arrival;
        let limit = recipe.page.policy().timeout;
        let mut own = pin!(catch_panic(self.other_route(None, forward)));

        let in_time = tokio::time::timeout(limit, own.as_mut()).await;
        let is_other_route = matches!(&in_time, Ok(Some(Ok(response)))
            if !response.status().is_server_error());
        if is_other_route {
            undecided.other_route();
        } else {
            undecided.failed();
        }

        let response = match in_time {
            Ok(response) => response,
            Err(_) => own.await,
        };
        response.unwrap_or_else(|| {
            let outcome = not_stored(forward, failure.reason);
            Ok(reply_of(failure, outcome).respond(&core, &recipe, &delivery, arrival))
        })
    }

    /// Passes on a request that a render sends to itself: the layer stands around the page twice.
    pub(super) async fn pass(self: Box<Self>, ready: S) -> Result<S::Body, S::Error> {
        let (core, recipe) = (self.shared.core.clone(), self.recipe);
        match nested(call(ready, as_sent(self.request, &self.delivery))) {
            Some(response) => Ok(response.await?.map(IsrBody::inner)),
            None => {
                let reply = reply_of_loop(&recipe, Forward::Bypass);
                Ok(reply.respond(&core, &recipe, &self.delivery, self.arrival))
            }
        }
    }

    /// Renders for this client alone, from the recipe as for everybody, and stores nothing.
    pub(super) async fn alone(
        self: Box<Self>,
        ready: Option<S>,
        forward: Forward,
        reason: Reason,
    ) -> Result<S::Body, S::Error> {
        let core = &self.shared.core;
        if !core.admits(&self.recipe).await {
            return self.not_listed().await;
        }

        let scope = Current::of(core.home(), self.recipe.page.page, self.recipe.key.clone());
        let max_body = core.max_body(&self.recipe.page);
        let render = DirectRender::new(ready.unwrap_or_else(|| self.shared.service()));
        let outcome = not_stored(forward, reason);
        let Some(attempt) = nested(attempt(render, &self.recipe, &scope, max_body)) else {
            return Ok(self.respond(reply_of_loop(&self.recipe, forward)));
        };

        let end = attempt.await;
        if !scope.handler_ran() && scope.was_asked() && !self.recipe.key.is_grpc() {
            return self.other_route(None, forward).await;
        }
        let reply = reply_to_one(end, &self.recipe, outcome)?;
        Ok(self.respond(reply))
    }
}

/// A [`Render`] from a client's own request.
struct OwnRequest<S, B> {
    service: S,
    request: Request<B>,
}

impl<S, B> Render for OwnRequest<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    type Body = S::Body;
    type Error = S::Error;

    async fn render(self, _: &Recipe) -> RenderResult<S::Body, S::Error> {
        ask(self.service, self.request).await
    }
}

/// Returns the reply to a request that a page sends to itself, by way of too many renders.
fn reply_of_loop<R>(recipe: &Recipe, forward: Forward) -> Reply<R> {
    reply_of(includes_itself(recipe), not_stored(forward, Reason::Loop))
}

/// Returns the [`Reply`] to the one client that a page was rendered for.
fn reply_to_one<R, E>(
    end: RenderEnd<R, E>,
    recipe: &Recipe,
    outcome: Outcome,
) -> std::result::Result<Reply<R>, E> {
    let failed = |reason| reply_of(Failure::without_response(recipe, reason), outcome);

    Ok(match end {
        RenderEnd::Whole {
            parts,
            body,
            trailers,
            ..
        } => {
            let body = IsrBody::stored(body, trailers);
            Reply::Own(Response::from_parts(parts, body), outcome)
        }
        RenderEnd::Unread { response, .. } => Reply::Own(response, outcome),
        RenderEnd::Failed(reason) => failed(reason),
        RenderEnd::Error(error) => return Err(error),
        RenderEnd::Gone | RenderEnd::NotListed => failed(Reason::ServiceError),
    })
}

/// Passes on a client's own request for a page that it is not known to share with others.
pub(super) async fn pass_unstored<S, B>(
    core: Arc<Core>,
    page: Page,
    ready: S,
    request: Request<B>,
    reason: Reason,
    cache_name: Option<&'static str>,
) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let scope = Current::of_own_request(core.home(), page);
    let response = scope.enter(call(ready, request)).await?;
    let outcome = not_stored(Forward::Bypass, reason);
    let response = response.map(IsrBody::inner);
    Ok(unstored(
        response,
        &Delivery::default(),
        outcome,
        cache_name,
    ))
}

/// Returns the request as the client sent it.
fn as_sent<B>(mut request: Request<B>, delivery: &Delivery) -> Request<B> {
    *request.headers_mut() = delivery.headers();
    request
}
