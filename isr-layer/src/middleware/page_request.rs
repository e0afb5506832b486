//! Handles a request for a page that memory has no fresh response for: decide, wait, respond.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::sync::oneshot;

use super::inner::Inner;
use super::looks::{Again, Looks};
use super::reply::Reply;
use super::shared::{BackgroundRender, DirectRender, Shared};
use crate::body::{IsrBody, RenderBody};
use crate::cache::{
    Decision, Failure, Group, Leader, LeaderReply, Purpose, RenderOutcome, StartedFor, Waiting,
    start,
};
use crate::clock;
use crate::deliver::Delivery;
use crate::entry::{Entry, NotStored};
use crate::invalidation::Sequence;
use crate::observe;
use crate::outcome::{Forward, Outcome, Reason};
use crate::render::Recipe;
use crate::render::context::is_rendering;

/// The number of times a request looks again after a flight it waited for was of no use to it, or
/// found something in the store. The second render that it waits for began after the request came,
/// so this many are reached only while the runtime shuts down.
const MAX_ATTEMPTS: usize = 6;

/// One request for a page.
pub(crate) struct PageRequest<S, B> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) recipe: Recipe,
    pub(crate) delivery: Delivery,
    /// The client's own request, for a route that turns out to be no page. Its headers are in
    /// `delivery`.
    pub(crate) request: Request<B>,
    /// The entry of the key, as the lookup found it.
    pub(crate) found: Option<Arc<Entry>>,
    /// The last number published when the request came.
    pub(crate) arrival: Sequence,
}

pub(super) type Result<R, E> = std::result::Result<Response<IsrBody<R>>, E>;

/// The end of a flight that a request led.
enum Led<S, B, R> {
    Response(R),
    /// Nothing was rendered.
    Again(Box<PageRequest<S, B>>, Again),
}

/// Handles a request for a page, boxed, so that the futures it is handed through stay small.
///
/// `ready` is the client's own service. It renders if this request leads, and is dropped otherwise.
pub(crate) async fn handle<S, B>(
    mut request: Box<PageRequest<S, B>>,
    ready: S,
) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    if is_rendering(&request.recipe.key) {
        return request.pass(ready).await;
    }
    let core = request.shared.core.clone();
    if core.is_unlisted(&request.recipe) {
        return request.not_listed().await;
    }

    let mut ready = Some(ready);
    let mut looks = Looks::new(request.found.take());
    for _ in 0..MAX_ATTEMPTS {
        let again = match looks.decide(&core, &request.recipe, request.arrival) {
            Decision::Serve(entry, outcome) => {
                return Ok(request.respond(Reply::Entry(entry, looks.outcome(outcome))));
            }
            Decision::Refresh(entry, reason, leader) => {
                request.refresh(leader);
                let outcome = looks.outcome(Outcome::StaleHit(reason));
                return Ok(request.respond(Reply::Entry(entry, outcome)));
            }
            Decision::NegativeHit { failure, retry } => {
                return Ok(request.respond(remembered(failure, retry)));
            }
            Decision::Alone(reason) => {
                return request.refused(ready, Forward::Bypass, reason).await;
            }
            Decision::Lead(leader, waiting) => {
                let led = request.lead(leader, waiting, ready.take()).await;
                let again;
                (request, again) = match led {
                    Led::Response(response) => return response,
                    Led::Again(request, again) => (request, again),
                };
                Some(again)
            }
            Decision::Follow(follower, waiting) => {
                let Some(_wait) = follower.wait_for() else {
                    return Ok(request.failed(includes_itself(&request.recipe), waiting, true));
                };
                // The place that readiness holds in the inner service must not be held meanwhile.
                drop(ready.take());
                match follower.wait_in_time().await {
                    None => None,
                    Some(flight) => match Again::of(&flight.outcome) {
                        None => return request.completed(&flight.outcome, waiting, true).await,
                        again => again,
                    },
                }
            }
        };
        looks.again(again, &core, &request.recipe);
    }
    request
        .alone(None, Forward::Bypass, Reason::Overtaken)
        .await
}

impl<S, B> PageRequest<S, B>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    /// Starts the render on a task of its own, so that it outlives this client, and waits for it.
    async fn lead(
        self: Box<Self>,
        leader: Leader,
        waiting: Waiting,
        ready: Option<S>,
    ) -> Led<S, B, Result<S::Body, S::Error>> {
        let (client, reply) = oneshot::channel();
        let _wait = leader.wait_for();
        // The place that readiness holds in the inner service must not be held while the flight
        // waits for a place among those of its key.
        let ready = ready.filter(|_| leader.has_place());
        let render = DirectRender::new(ready.unwrap_or_else(|| self.shared.service()));
        start(
            &self.shared.core,
            leader,
            render,
            StartedFor::Client(client),
        );

        Led::Response(match reply.await {
            Ok(LeaderReply::Shared(flight)) => match Again::of(&flight.outcome) {
                Some(again) => return Led::Again(self, again),
                None => self.completed(&flight.outcome, waiting, false).await,
            },
            Ok(LeaderReply::AskForClient(reason)) => {
                self.refused(None, waiting.forward, reason).await
            }
            Ok(LeaderReply::Undecided(undecided)) => {
                self.find_out(undecided, waiting.forward).await
            }
            Ok(LeaderReply::Own { response, why }) => {
                let waiting = match why {
                    NotStored::Failed(_) => self.with_fallback(waiting).await,
                    NotStored::Uncacheable(_) => waiting,
                };
                Ok(self.own(response, why, waiting))
            }
            Ok(LeaderReply::Error(error)) => {
                let waiting = self.with_fallback(waiting).await;
                let last_good = self.last_good(&waiting, Reason::ServiceError, false);
                last_good
                    .map(|last_good| self.respond(last_good))
                    .ok_or(error)
            }
            // The task was ended from outside: the runtime shuts down.
            Err(_) => Ok(self.failed(self.aborted(), waiting, false)),
        })
    }

    /// Responds with the outcome of a flight that this request led or joined.
    async fn completed(
        self: Box<Self>,
        outcome: &RenderOutcome,
        waiting: Waiting,
        collapsed: bool,
    ) -> Result<S::Body, S::Error> {
        let forward = waiting.forward;
        let unstored = |reason| Outcome::Unstored {
            forward,
            reason,
            collapsed,
        };

        Ok(match outcome {
            RenderOutcome::Stored(entry, trouble) => {
                let outcome = Outcome::Stored {
                    forward,
                    reason: *trouble,
                    collapsed,
                };
                self.respond(Reply::Entry(entry.clone(), outcome))
            }
            RenderOutcome::OverLimit(page) => {
                self.respond(reply_of(page.clone(), unstored(page.reason)))
            }
            RenderOutcome::NotKept(entry) => {
                self.respond(Reply::Entry(entry.clone(), unstored(Reason::TooLarge)))
            }
            RenderOutcome::Failed(failure) => {
                let waiting = self.with_fallback(waiting).await;
                self.failed(failure.clone(), waiting, collapsed)
            }
            RenderOutcome::Refused(reason, _) => return self.refused(None, forward, *reason).await,
            RenderOutcome::NotListed => return self.not_listed().await,
            // The caller looks again in place of this.
            RenderOutcome::Loaded(_) | RenderOutcome::NotLoaded => {
                return self.alone(None, forward, Reason::Overtaken).await;
            }
        })
    }

    /// Starts a render that no client waits for. One that begins now holds the application; one
    /// that waits for its turn does not.
    fn refresh(&self, leader: Leader) {
        let core = &self.shared.core;
        match core.permits.try_acquire(Group::Page(self.recipe.page.id)) {
            Some(permit) => {
                let render = DirectRender::new(self.shared.service());
                start(core, leader, render, StartedFor::Background(permit));
            }
            None => {
                let render = BackgroundRender::of(&self.shared);
                start(core, leader, render, StartedFor::Queued(Purpose::Refresh));
            }
        }
    }

    pub(super) fn respond<R: Body<Data = Bytes>>(&self, reply: Reply<R>) -> Response<IsrBody<R>> {
        reply.respond(
            &self.shared.core,
            &self.recipe,
            &self.delivery,
            self.arrival,
        )
    }

    /// Looks in the store for a page to fall back on that is newer than the one in hand: another
    /// flight may have stored one that memory has dropped since.
    fn with_fallback(&self, waiting: Waiting) -> impl Future<Output = Waiting> + use<S, B> {
        let core = self.shared.core.clone();
        // A copy, since the service and the request may not be shared between threads. Only a
        // failure needs it.
        let recipe = self.recipe.clone();
        async move {
            let is_in_memory = core.pages.memory.get_key(&recipe.key).is_some();
            if core.shelf.is_none() || is_in_memory {
                return waiting;
            }
            let kept = core.kept(&recipe).await.ok().flatten();
            Waiting {
                fallback: kept.or(waiting.fallback),
                ..waiting
            }
        }
    }

    /// Returns the last good page, described as that: one that was stored meanwhile, or the one
    /// there was. Never one past its `expire`.
    fn last_good<R>(&self, waiting: &Waiting, reason: Reason, collapsed: bool) -> Option<Reply<R>> {
        let core = &self.shared.core;
        let now = clock::now();
        let stored = core.pages.memory.get_key(&self.recipe.key);
        let mut candidates = stored.into_iter().chain(waiting.fallback.clone());
        let last_good =
            candidates.find(|entry| entry.freshness(&core.marks, now).can_be_served())?;
        Some(Reply::Entry(
            last_good,
            Outcome::StaleIfError { reason, collapsed },
        ))
    }

    /// Responds with a page that was rendered for this client alone. A failed one gives way to the
    /// last good page.
    fn own<R: Body<Data = Bytes>>(
        &self,
        response: Response<IsrBody<R>>,
        why: NotStored,
        waiting: Waiting,
    ) -> Response<IsrBody<R>> {
        let reason = why.reason();
        let last_good = match why {
            NotStored::Failed(_) => self.last_good(&waiting, reason, false),
            NotStored::Uncacheable(_) => None,
        };
        let own = || Reply::Own(response, not_stored(waiting.forward, reason));
        self.respond(last_good.unwrap_or_else(own))
    }

    fn failed<R: Body<Data = Bytes>>(
        &self,
        shared: Arc<Failure>,
        waiting: Waiting,
        collapsed: bool,
    ) -> Response<IsrBody<R>> {
        let (forward, reason) = (waiting.forward, shared.reason);
        let last_good = self.last_good(&waiting, reason, collapsed);
        let outcome = Outcome::Unstored {
            forward,
            reason,
            collapsed,
        };
        self.respond(last_good.unwrap_or_else(|| reply_of(shared, outcome)))
    }

    /// The failure of a render that was ended from outside.
    pub(super) fn aborted(&self) -> Arc<Failure> {
        Failure::without_response(&self.recipe, Reason::ServiceError)
    }
}

/// The failure of a page that waits for its own response.
pub(super) fn includes_itself(recipe: &Recipe) -> Arc<Failure> {
    observe::includes_itself(&recipe.page.page, recipe.key.path());
    Failure::without_response(recipe, Reason::Loop)
}

/// Returns the reply of a failure that is not remembered from before.
pub(super) fn reply_of<R>(failure: Arc<Failure>, outcome: Outcome) -> Reply<R> {
    Reply::Failure {
        failure,
        outcome,
        retry: None,
    }
}

/// Returns the reply of a failure that is remembered from before. The key is left alone for
/// `retry`.
fn remembered<R>(failure: Arc<Failure>, retry: Duration) -> Reply<R> {
    Reply::Failure {
        failure,
        outcome: Outcome::NegativeHit(Reason::Backoff),
        retry: Some(retry),
    }
}

pub(super) const fn not_stored(forward: Forward, reason: Reason) -> Outcome {
    Outcome::Unstored {
        forward,
        reason,
        collapsed: false,
    }
}
