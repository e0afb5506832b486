//! Responds to one client alone: from its own request, or from the recipe as for everybody.

use std::future::poll_fn;
use std::pin::pin;

use http::{Request, Response};

use super::inner::{Inner, call};
use super::page_request::{PageRequest, Result, not_stored, reply_of};
use super::reply::Reply;
use super::shared::DirectRender;
use crate::body::{IsrBody, RenderBody};
use crate::cache::{Failure, RenderEnd, Undecided, attempt, catch_panic};
use crate::deliver::{Delivery, name_declared, unstored};
use crate::outcome::{Forward, Reason};
use crate::page::Page;
use crate::render::context::Current;

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
        if reason.needs_client() {
            self.own_request(ready, forward, reason).await
        } else {
            self.alone(ready, forward, reason).await
        }
    }

    /// Passes on the request as the client sent it: to another route that the page's pattern
    /// matches, or to a page whose response depends on more of the request than its key.
    pub(super) async fn own_request(
        self: Box<Self>,
        ready: Option<S>,
        forward: Forward,
        reason: Reason,
    ) -> Result<S::Body, S::Error> {
        let mut service = ready.unwrap_or_else(|| self.shared.service());
        poll_fn(|cx| service.poll_ready(cx)).await?;

        let request = as_sent(self.request, &self.delivery);
        let response = match reason {
            // Another route: should an annotated function run, it runs outside its own render.
            Reason::HandlerNotRun => call(service, request).await?,
            _ => {
                let scope = Current::of_own_request(self.recipe.page.page);
                let mut response = scope.enter(call(service, request)).await?;
                name_declared(response.headers_mut(), &self.recipe.page.vary);
                response
            }
        };
        let reply = Reply::OtherRoute(response.map(IsrBody::inner), not_stored(forward, reason));
        Ok(reply.respond(&self.shared.core, &self.recipe, &self.delivery))
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
        let limit = recipe.page.policy().timeout;
        let mut own = pin!(catch_panic(self.own_request(
            None,
            forward,
            Reason::HandlerNotRun
        )));

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
            Ok(reply_of(failure, outcome).respond(&core, &recipe, &delivery))
        })
    }

    /// Passes on a request that a render sends to itself: the layer stands around the page twice.
    pub(super) async fn pass(self: Box<Self>, ready: S) -> Result<S::Body, S::Error> {
        let response = call(ready, as_sent(self.request, &self.delivery)).await?;
        Ok(response.map(IsrBody::inner))
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
            return Ok(self.not_listed());
        }

        let scope = Current::of(self.recipe.page.page, self.recipe.key.clone());
        let max_body = core.max_body(&self.recipe.page);
        let render = DirectRender::new(ready.unwrap_or_else(|| self.shared.service()));
        let outcome = not_stored(forward, reason);
        let end = attempt(render, &self.recipe, &scope, max_body).await;
        if !scope.handler_ran() && scope.was_asked() && !self.recipe.key.is_grpc() {
            return self.own_request(None, forward, Reason::HandlerNotRun).await;
        }

        let reply = match end {
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
            RenderEnd::Failed(reason) => {
                reply_of(Failure::without_response(&self.recipe, reason), outcome)
            }
            RenderEnd::Error(error) => return Err(error),
            RenderEnd::Gone | RenderEnd::NotListed => reply_of(self.aborted(), outcome),
        };
        Ok(self.respond(reply))
    }
}

/// Passes on a client's own request for a page that it is not known to share with others.
pub(super) async fn pass_unstored<S, B>(
    page: Page,
    ready: S,
    request: Request<B>,
    reason: Reason,
    show_status: bool,
) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let scope = Current::of_own_request(page);
    let response = scope.enter(call(ready, request)).await?;
    let outcome = not_stored(Forward::Bypass, reason);
    let response = response.map(IsrBody::inner);
    Ok(unstored(
        response,
        &Delivery::default(),
        outcome,
        show_status,
    ))
}

/// Returns the request as the client sent it.
fn as_sent<B>(mut request: Request<B>, delivery: &Delivery) -> Request<B> {
    *request.headers_mut() = delivery.headers();
    request
}
