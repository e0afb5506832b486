//! Handles one request: decide, then serve, wait, or fetch with the client's own request.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, request};
use tokio::sync::oneshot;

use super::cache::HeaderCache;
use super::complete::FetchReply;
use super::constraints::Constraints;
use super::decide::{Decision, Lookup, Waiting};
use super::entry::Entry;
use super::fetch::{StartedFor, fetch};
use super::flight::{FetchOutcome, Follower, Leader, MAX_WAIT, begin};
use super::negative_cache::Likeness;
use super::partial::ask_for_all;
use super::target::TargetUri;
use crate::body::{IsrBody, RenderBody};
use crate::cache::{Group, Purpose};
use crate::clock::{self, Instant};
use crate::middleware::{Inner, Shared, call};
use crate::outcome::{Outcome, Reason};

/// One request in header mode.
pub(super) struct HeaderModeRequest<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) cache: Arc<HeaderCache>,
    pub(super) target: TargetUri,
    pub(super) constraints: Constraints,
    /// The client's own request, without its body.
    pub(super) parts: request::Parts,
}

/// Result of a flight for a request that waited for it.
enum Followed {
    Stored(Arc<Entry>, Outcome),
    /// The fetch for a request like this one failed.
    Failed,
    /// The fetch failed, for a reason that may be in the request that was fetched.
    UnlikeFailed,
    /// There is no response, or only one for other requests.
    Nothing,
}

pub(super) type Result<R, E> = std::result::Result<Response<IsrBody<R>>, E>;

/// Handles a request that `lookup` did not find fresh. `ready` is the client's own service: it
/// fetches if this request leads a flight, and is dropped otherwise.
pub(super) async fn handle<S, B>(
    request: HeaderModeRequest<S>,
    lookup: Lookup,
    body: B,
    ready: S,
) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    match request.decide(lookup) {
        Decision::Serve(entry, outcome) => Ok(request.serve(&entry, outcome)),
        Decision::Refresh(entry, outcome, leader) => {
            // Readiness may hold a permit, and this client needs none.
            drop(ready);
            request.refresh::<B>(leader, &entry);
            Ok(request.serve(&entry, outcome))
        }
        Decision::NotForwarded => Ok(request.refuse(Reason::OnlyIfCached)),
        Decision::Alone(waiting) => request.pass(waiting, body, ready).await,
        Decision::Lead(leader, waiting) => request.lead(leader, waiting, body, ready).await,
        Decision::Follow(follower, waiting) => {
            // No permit may be held while waiting for the fetch of another request.
            drop(ready);
            request.follow(follower, waiting, body).await
        }
    }
}

impl<S> HeaderModeRequest<S> {
    fn decide(&self, lookup: Lookup) -> Decision {
        self.cache.decide(
            lookup,
            &self.target,
            &self.parts.headers,
            self.constraints,
            &self.shared.core.marks,
            clock::now(),
        )
    }

    /// Waits for the fetch of another request. If that tells nothing of this one, waits for the
    /// next or starts it, so that those who waited for a request unlike theirs share a fetch again.
    /// Fetches alone after that.
    async fn follow<B>(
        &self,
        follower: Follower,
        waiting: Waiting,
        body: B,
    ) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let until = clock::now() + MAX_WAIT;
        let mut followed = self.wait_for_flight(follower, &waiting, until).await;
        if matches!(followed, Followed::Nothing | Followed::UnlikeFailed) {
            followed = match self.decide_again(&waiting) {
                Decision::Serve(entry, outcome) => Followed::Stored(entry, outcome),
                Decision::Follow(next, _) => self.wait_for_flight(next, &waiting, until).await,
                Decision::Lead(leader, _) => {
                    let service = self.shared.service();
                    return self.lead(leader, waiting, body, service).await;
                }
                _ => Followed::Nothing,
            };
        }

        let response = match followed {
            Followed::Stored(entry, outcome) => Some(self.serve(&entry, outcome)),
            Followed::Failed | Followed::UnlikeFailed => {
                self.last_good(&waiting, Reason::FailedStatus, true)
            }
            Followed::Nothing => None,
        };
        if let Some(response) = response {
            return Ok(response);
        }
        // Not joined by others: that fetch, too, might be for one request only.
        let leader = self.cache.alone(&self.target, &self.parts.headers);
        self.lead(leader, waiting, body, self.shared.service())
            .await
    }

    /// Waits for a flight until the given time, and tells its result for this request.
    async fn wait_for_flight(
        &self,
        follower: Follower,
        waiting: &Waiting,
        until: Instant,
    ) -> Followed {
        let leader = follower.work().hashes.like();
        let completed = tokio::time::timeout_at(until, follower.wait()).await;
        let Ok(Some(completed)) = completed else {
            return Followed::Nothing;
        };

        match &completed.outcome {
            FetchOutcome::Stored(entry) if entry.may_serve(&self.parts.headers) => {
                let outcome = Outcome::Stored {
                    forward: waiting.forward,
                    reason: None,
                    collapsed: true,
                };
                Followed::Stored(entry.clone(), outcome)
            }
            FetchOutcome::Failed if self.likeness() == leader => Followed::Failed,
            FetchOutcome::Failed => Followed::UnlikeFailed,
            FetchOutcome::Stored(_) | FetchOutcome::Refused => Followed::Nothing,
        }
    }

    fn decide_again(&self, waiting: &Waiting) -> Decision {
        self.cache.wait(
            waiting.clone(),
            &self.target,
            &self.parts.headers,
            &self.shared.core.marks,
            clock::now(),
        )
    }

    fn likeness(&self) -> Likeness {
        let (_, hashes) = self.cache.identify(&self.target, &self.parts.headers);
        hashes.like()
    }

    /// Starts the fetch on a task of its own, so that it outlives this client, and waits for its
    /// reply.
    async fn lead<B>(
        &self,
        leader: Leader,
        waiting: Waiting,
        body: B,
        service: S,
    ) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let core = &self.shared.core;
        let (client, reply) = oneshot::channel();
        let request = Request::from_parts(self.parts.clone(), body);
        // Before the entry is looked at: a purge that comes later makes the response stale.
        let as_of = begin(&leader, &core.marks);
        let stale = waiting.stale.clone();
        let stored = stale.filter(|entry| entry.can_be_validated(&core.marks));

        let cache = self.cache.clone();
        core.tasks.spawn(fetch(
            core.clone(),
            cache,
            leader,
            service,
            request,
            stored,
            StartedFor::Client(client),
        ));
        // An error means that the task was ended from outside: the runtime is shutting down.
        let failed = |_| FetchReply::Failed(Reason::ServiceError);
        let reply = reply.await.unwrap_or_else(failed);
        self.respond(reply, &waiting, as_of)
    }

    /// Passes the request on as it is; its response is not stored.
    async fn pass<B>(&self, waiting: Waiting, body: B, ready: S) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        // So that a purge of the path knows of the response.
        let _in_use = self.cache.hold(&self.target);
        let since = self.shared.core.marks.published();
        let request = Request::from_parts(self.parts.clone(), body);
        let reply = match self.shared.with_scope(call(ready, request)).await {
            Ok(response) => FetchReply::Own(response.map(IsrBody::inner), Err(Reason::Request)),
            Err(error) => FetchReply::Error(error),
        };
        self.respond(reply, &waiting, since)
    }

    /// Starts a fetch in the background, with the headers of this request.
    fn refresh<B>(&self, leader: Leader, stale: &Arc<Entry>)
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let core = &self.shared.core;
        let mut parts = self.parts.clone();
        parts.method = Method::GET;
        ask_for_all(&mut parts.headers);

        // Weak, so that a refresh that waits for its turn does not keep the application alive.
        let (shared, permits) = (Arc::downgrade(&self.shared), core.permits.clone());
        let (cache, stale) = (self.cache.clone(), stale.clone());

        core.tasks.spawn(async move {
            let turn = permits.turn(Group::Headers, Purpose::Refresh, leader.gained_waiter());
            let Some(turn) = turn.await else { return };
            let Some(shared) = shared.upgrade() else {
                return;
            };

            let marks = &shared.core.marks;
            begin(&leader, marks);
            let stored = Some(stale).filter(|entry| entry.can_be_validated(marks));
            let (service, core) = (shared.service(), shared.core.clone());
            drop(shared);

            let request = Request::from_parts(parts, B::from_bytes(Bytes::new()));
            fetch(
                core,
                cache,
                leader,
                service,
                request,
                stored,
                StartedFor::Refresh(turn),
            )
            .await;
        });
    }
}
