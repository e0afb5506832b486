//! One request for a page that memory could not answer at first sight: decide, wait, answer.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;

use super::inner::{Inner, call};
use super::shared::{BackgroundRender, DirectRender, Shared};
use crate::body::{IsrBody, RenderBody};
use crate::cache::{
    Decision, Failure, Leader, LeaderReply, Purpose, RenderEnd, RenderOutcome, StartedFor, Waiting,
    attempt, regenerate,
};
use crate::clock;
use crate::deliver::{Delivery, deliver, name_declared, take_back, unstored};
use crate::entry::{Entry, Freshness, NotStored};
use crate::invalidation::Validity;
use crate::outcome::{Forward, Outcome, Reason};
use crate::render::Recipe;
use crate::render::context::{Current, is_rendering};

/// How often a request looks again after a render it waited for was of no use to it. The second look finds a render that
/// began after it came, so this is reached only while the runtime shuts down.
const MAX_ATTEMPTS: usize = 4;

/// One request for a page.
pub(crate) struct PageRequest<S, B> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) recipe: Recipe,
    pub(crate) delivery: Delivery,
    /// The client's own request without its headers, which are the delivery's: for a route that turns out to be no page.
    pub(crate) request: Request<B>,
    /// The last number published when the request came.
    pub(crate) arrival: u64,
}

type Result<R, E> = std::result::Result<Response<IsrBody<R>>, E>;

/// Answers a visit, boxed since it is handed on a few times, and every future on the way would have room for it.
///
/// `ready` is the client's own service, which renders if this visit leads, and is let go otherwise.
pub(crate) async fn handle<S, B>(
    visit: Box<PageRequest<S, B>>,
    ready: S,
) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let core = visit.shared.core.clone();
    if is_rendering(&visit.recipe.key) {
        return visit.pass(ready).await;
    }
    let mut ready = Some(ready);
    if core.is_unlisted(&visit.recipe) {
        return Ok(visit.not_listed());
    }
    for _ in 0..MAX_ATTEMPTS {
        let decision = core.decide(&visit.recipe, visit.arrival, clock::now());
        match decision {
            Decision::Serve(entry, outcome) => return Ok(visit.serve(&entry, outcome)),
            Decision::Refresh(entry, lead) => {
                visit.refresh(lead);
                return Ok(visit.serve(&entry, Outcome::StaleHit(Reason::Stale)));
            }
            Decision::NegativeHit { failure, retry } => {
                return Ok(visit.fail(
                    &failure,
                    Outcome::NegativeHit(Reason::Backoff),
                    Some(retry),
                ));
            }
            Decision::Alone(reason) => {
                return visit.refused(ready.take(), Forward::Bypass, reason).await;
            }
            Decision::Lead(lead, waiting) => return visit.lead(lead, waiting, ready.take()).await,
            Decision::Follow(follower, waiting) => {
                // Whatever readiness holds must not be held while waiting for somebody else.
                drop(ready.take());
                if let Some(landed) = follower.wait().await {
                    return visit.landed(&landed.outcome, waiting, true).await;
                }
            }
        }
    }
    visit.alone(None, Forward::Bypass, Reason::Stale).await
}

impl<S, B> PageRequest<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    /// Starts the render on a task of its own, so that it outlives this client, and waits for what it gives.
    async fn lead(
        self: Box<Self>,
        lead: Leader,
        waiting: Waiting,
        ready: Option<S>,
    ) -> Result<S::Body, S::Error> {
        let core = &self.shared.core;
        let (client, answer) = oneshot::channel();
        let recipe = self.recipe.clone();
        let render = DirectRender::new(ready.unwrap_or_else(|| self.shared.service()));
        core.tasks.spawn(regenerate(
            core.clone(),
            lead,
            render,
            recipe,
            StartedFor::Client(client),
        ));
        match answer.await {
            Ok(LeaderReply::Shared(landed)) => self.landed(&landed.outcome, waiting, false).await,
            Ok(LeaderReply::Own {
                why: NotStored::Uncacheable(Reason::HandlerNotRun),
                ..
            }) => {
                self.refused(None, waiting.forward, Reason::HandlerNotRun)
                    .await
            }
            Ok(LeaderReply::Own { response, why }) => Ok(self.own(response, why, waiting)),
            Ok(LeaderReply::Error(error)) => self
                .last_good(waiting, Reason::ServiceError, false)
                .ok_or(error),
            // The task was ended from outside: the runtime shuts down.
            Err(_) => Ok(self.failed(&self.aborted(), waiting, false)),
        }
    }

    /// Answers with what the flight landed with that this visit led or joined.
    async fn landed(
        self: Box<Self>,
        outcome: &RenderOutcome,
        waiting: Waiting,
        collapsed: bool,
    ) -> Result<S::Body, S::Error> {
        match outcome {
            RenderOutcome::Stored(entry) => Ok(self.serve(
                entry,
                Outcome::Stored {
                    forward: waiting.forward,
                    collapsed,
                },
            )),
            RenderOutcome::Failed(failure) => Ok(self.failed(failure, waiting, collapsed)),
            RenderOutcome::Refused(reason, _) => self.refused(None, waiting.forward, *reason).await,
            RenderOutcome::NotListed => Ok(self.not_listed()),
        }
    }

    /// Starts a render nobody waits for. What begins now holds the application; what waits for its turn does not.
    fn refresh(&self, lead: Leader) {
        let core = &self.shared.core;
        let recipe = self.recipe.clone();
        match core.permits.try_acquire(recipe.page.id) {
            Some(permit) => {
                let render = DirectRender::new(self.shared.service());
                core.tasks.spawn(regenerate(
                    core.clone(),
                    lead,
                    render,
                    recipe,
                    StartedFor::Background(permit),
                ));
            }
            None => {
                let render = BackgroundRender::of(&self.shared);
                core.tasks.spawn(regenerate(
                    core.clone(),
                    lead,
                    render,
                    recipe,
                    StartedFor::Queued(Purpose::Refresh),
                ));
            }
        }
    }

    /// Answers for this client alone, since what is rendered for this key may not be stored. What is no page's own function
    /// is a route that the page's pattern covers, and gets the request as the client sent it.
    async fn refused(
        self: Box<Self>,
        ready: Option<S>,
        forward: Forward,
        reason: Reason,
    ) -> Result<S::Body, S::Error> {
        if reason != Reason::HandlerNotRun {
            return self.alone(ready, forward, reason).await;
        }
        let mut service = ready.unwrap_or_else(|| self.shared.service());
        poll_fn(|cx| service.poll_ready(cx)).await?;
        let response = call(service, as_sent(self.request, &self.delivery))
            .await?
            .map(IsrBody::inner);
        let outcome = Outcome::Unstored {
            forward,
            reason,
            collapsed: false,
        };
        // Where the request is HEAD its answer is HEAD's own: nothing is known of the length that GET's would have.
        let as_it_is = Delivery::default();
        Ok(unstored(
            response,
            &as_it_is,
            outcome,
            self.shared.core.config.cache_status,
        ))
    }

    /// Lets the inner service answer a request of the very render it belongs to, as it came: the layer stands around the
    /// page twice.
    async fn pass(self: Box<Self>, ready: S) -> Result<S::Body, S::Error> {
        let response = call(ready, as_sent(self.request, &self.delivery)).await?;
        Ok(response.map(IsrBody::inner))
    }

    /// Renders for this client alone, from the recipe like everybody, and stores nothing.
    async fn alone(
        self: Box<Self>,
        ready: Option<S>,
        forward: Forward,
        reason: Reason,
    ) -> Result<S::Body, S::Error> {
        if !self.shared.core.admits(&self.recipe).await {
            return Ok(self.not_listed());
        }
        let scope = Current::of(self.recipe.page.page, self.recipe.key.clone());
        let max_body = self.shared.core.max_body(&self.recipe.page);
        let render = DirectRender::new(ready.unwrap_or_else(|| self.shared.service()));
        let end = attempt(render, &self.recipe, &scope, max_body).await;
        let outcome = Outcome::Unstored {
            forward,
            reason,
            collapsed: false,
        };
        match end {
            RenderEnd::Whole {
                parts,
                body,
                trailers,
                ..
            } => {
                let response = Response::from_parts(parts, IsrBody::stored(body, trailers));
                Ok(self.unstored(response, outcome))
            }
            RenderEnd::Unread { response, .. } => Ok(self.unstored(response, outcome)),
            RenderEnd::Failed(reason) => Ok(self.fail(
                &Failure::without_answer(&self.recipe, reason),
                outcome,
                None,
            )),
            RenderEnd::Error(error) => Err(error),
            RenderEnd::Gone | RenderEnd::NotListed => Ok(self.fail(&self.aborted(), outcome, None)),
        }
    }

    fn serve<R>(&self, entry: &Entry, outcome: Outcome) -> Response<IsrBody<R>> {
        let (core, choice) = (&self.shared.core, self.delivery.choose(entry));
        let mut response = deliver(
            entry,
            choice,
            outcome,
            core.config.cache_status,
            clock::now(),
        );
        if entry.is_offered && entry.validity(&core.marks) != Validity::Valid {
            take_back(response.headers_mut());
        }
        response
    }

    fn unstored<R: Body<Data = Bytes>>(
        &self,
        mut response: Response<IsrBody<R>>,
        outcome: Outcome,
    ) -> Response<IsrBody<R>> {
        // A call's answer knows nothing of what follows from GET.
        if !self.recipe.key.is_grpc() {
            name_declared(response.headers_mut(), &self.recipe.page.vary);
        }
        unstored(
            response,
            &self.delivery,
            outcome,
            self.shared.core.config.cache_status,
        )
    }

    /// The last good page, said to be that: one that was stored meanwhile, or the one there was. Never one past its end.
    fn last_good<R>(
        &self,
        waiting: Waiting,
        reason: Reason,
        collapsed: bool,
    ) -> Option<Response<IsrBody<R>>> {
        let core = &self.shared.core;
        let now = clock::now();
        let stored = core
            .memory
            .get_key(&self.recipe.key)
            .into_iter()
            .chain(waiting.fallback);
        let is_good = |entry: &Arc<Entry>| {
            entry.freshness(&core.marks, now) != Freshness::MustRender { fallback: false }
        };
        let kept = stored.into_iter().find(is_good)?;
        Some(self.serve(&kept, Outcome::StaleIfError { reason, collapsed }))
    }

    /// The answer that was made for this client alone. A failed one gives way to the last good page.
    fn own<R: Body<Data = Bytes>>(
        &self,
        response: Response<IsrBody<R>>,
        why: NotStored,
        waiting: Waiting,
    ) -> Response<IsrBody<R>> {
        let (forward, reason) = (waiting.forward, why.reason());
        let kept = match why {
            NotStored::Failed(_) => self.last_good(waiting, reason, false),
            NotStored::Uncacheable(_) => None,
        };
        kept.unwrap_or_else(|| {
            self.unstored(
                response,
                Outcome::Unstored {
                    forward,
                    reason,
                    collapsed: false,
                },
            )
        })
    }

    fn failed<R: Body<Data = Bytes>>(
        &self,
        failure: &Failure,
        waiting: Waiting,
        collapsed: bool,
    ) -> Response<IsrBody<R>> {
        let (forward, reason) = (waiting.forward, failure.reason);
        let kept = self.last_good(waiting, reason, collapsed);
        kept.unwrap_or_else(|| {
            self.fail(
                failure,
                Outcome::Unstored {
                    forward,
                    reason,
                    collapsed,
                },
                None,
            )
        })
    }

    /// What is answered for a path that the page does not have.
    fn not_listed<R: Body<Data = Bytes>>(&self) -> Response<IsrBody<R>> {
        let reason = Reason::NotInParams;
        let outcome = Outcome::Unstored {
            forward: Forward::Bypass,
            reason,
            collapsed: false,
        };
        self.fail(
            &Failure::without_answer(&self.recipe, reason),
            outcome,
            None,
        )
    }

    fn fail<R: Body<Data = Bytes>>(
        &self,
        failure: &Failure,
        outcome: Outcome,
        retry: Option<std::time::Duration>,
    ) -> Response<IsrBody<R>> {
        self.unstored(failure.response(retry), outcome)
    }

    /// What is answered when a render was ended from outside.
    fn aborted(&self) -> Arc<Failure> {
        Failure::without_answer(&self.recipe, Reason::ServiceError)
    }
}

/// The request as the client sent it.
fn as_sent<B>(mut request: Request<B>, delivery: &Delivery) -> Request<B> {
    *request.headers_mut() = delivery.headers();
    request
}
