//! One request in header mode: serve what is stored, or fetch with the client's own request.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, request};
use tokio::sync::oneshot;

use super::admit::is_error;
use super::cache::{Found, HeaderCache, Missing};
use super::classify::ask_for_all;
use super::entry::Entry;
use super::fetch::{Fetched, fetch};
use super::flight::{FetchOutcome, Follower, Joined, Leader};
use super::target::TargetUri;
use crate::body::{IsrBody, RenderBody};
use crate::cache::{Failure, Group, Purpose};
use crate::clock;
use crate::deliver::note_status;
use crate::middleware::Shared;
use crate::middleware::{Inner, call};
use crate::outcome::{CacheStatus, Outcome, Reason};

/// One request in header mode.
pub(super) struct HeaderModeRequest<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) mode: Arc<HeaderCache>,
    pub(super) target: TargetUri,
    /// Whether what it fetches may be stored.
    pub(super) is_plain: bool,
    /// The client's own request.
    pub(super) parts: request::Parts,
}

type Result<R, E> = std::result::Result<Response<IsrBody<R>>, E>;

/// Answers a visit. `ready` is the client's own service, which fetches if this visit leads, and is let go otherwise.
pub(super) async fn handle<S, B>(
    visit: HeaderModeRequest<S>,
    body: B,
    ready: S,
) -> Result<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let marks = &visit.shared.core.marks;
    match visit.mode.look(
        visit.target.target_ref(),
        &visit.parts.headers,
        marks,
        clock::now(),
    ) {
        Found::Fresh(stored) => Ok(visit.serve(&stored, Outcome::Hit)),
        Found::WhileRevalidate(stored) => {
            drop(ready);
            visit.refresh::<B>(&stored);
            Ok(visit.serve(&stored, Outcome::StaleHit(Reason::Stale)))
        }
        Found::Nothing(missing) if visit.is_plain => visit.join(missing, body, ready).await,
        Found::Nothing(missing) => visit.pass(missing, body, ready).await,
    }
}

impl<S> HeaderModeRequest<S> {
    /// Leads a fetch, or takes the result of one in progress: only what was stored, and only if its `Vary` matches.
    async fn join<B>(&self, missing: Missing, body: B, ready: S) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let marks = &self.shared.core.marks;
        let follower = match self
            .mode
            .join(&self.target, &self.parts.headers, marks, clock::now())
        {
            Err(stored) => return Ok(self.serve(&stored, Outcome::Hit)),
            Ok(Joined::Lead(lead)) => return self.lead(lead, missing, body, ready).await,
            Ok(Joined::Follow(follower)) => follower,
        };
        // Whatever readiness holds must not be held while waiting for somebody else.
        drop(ready);
        if let Some(response) = self.followed(follower, &missing).await {
            return Ok(response);
        }
        let lead = self.mode.alone(&self.target, marks);
        self.lead(lead, missing, body, self.shared.service()).await
    }

    /// Returns the response that the flight has for this request, if it has one.
    async fn followed<R>(
        &self,
        follower: Follower,
        missing: &Missing,
    ) -> Option<Response<IsrBody<R>>> {
        match &follower.wait().await?.outcome {
            FetchOutcome::Stored(entry) if entry.may_serve(&self.parts.headers) => {
                let outcome = Outcome::Stored {
                    forward: missing.forward,
                    collapsed: true,
                };
                Some(self.serve(entry, outcome))
            }
            FetchOutcome::Failed => self.in_place_of_an_error(missing, Reason::FailedStatus, true),
            FetchOutcome::Stored(_) | FetchOutcome::Refused => None,
        }
    }

    /// Fetches on a task of its own, and waits for what that gives.
    async fn lead<B>(
        &self,
        lead: Leader,
        missing: Missing,
        body: B,
        service: S,
    ) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let (client, answer) = oneshot::channel();
        let request = Request::from_parts(self.parts.clone(), body);
        let marks = &self.shared.core.marks;
        let known = missing
            .stored
            .clone()
            .filter(|stored| stored.can_be_validated(marks));
        self.shared.core.tasks.spawn(fetch(
            self.mode.clone(),
            lead,
            service,
            request,
            known,
            Some(client),
        ));
        match answer.await {
            Ok(fetched) => self.fetched(fetched, &missing),
            // The task was ended from outside: the runtime shuts down.
            Err(_) => self.fetched(Fetched::Failed(Reason::ServiceError), &missing),
        }
    }

    /// Passes a request on as it is; its answer is not stored.
    async fn pass<B>(&self, missing: Missing, body: B, ready: S) -> Result<S::Body, S::Error>
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let fetched = match call(ready, Request::from_parts(self.parts.clone(), body)).await {
            Ok(response) => Fetched::Answer(response.map(IsrBody::inner), Some(Reason::Request)),
            Err(error) => Fetched::Error(error),
        };
        self.fetched(fetched, &missing)
    }

    /// What the client gets of what was fetched for it, or of what is stored should the origin be in trouble.
    fn fetched<R, E>(&self, fetched: Fetched<R, E>, missing: &Missing) -> Result<R, E> {
        let negative = match &fetched {
            Fetched::Answer(response, _) if !is_error(response.status()) => None,
            Fetched::Answer(..) => Some(Reason::FailedStatus),
            Fetched::Error(_) => Some(Reason::ServiceError),
            Fetched::Failed(reason) => Some(*reason),
        };
        if let Some(kept) =
            negative.and_then(|reason| self.in_place_of_an_error(missing, reason, false))
        {
            return Ok(kept);
        }
        let forward = missing.forward;
        let (response, unstored) = match fetched {
            Fetched::Answer(response, unstored) => (response, unstored),
            Fetched::Error(error) => return Err(error),
            Fetched::Failed(reason) => (Failure::in_http(reason).response(None), Some(reason)),
        };
        let outcome = match unstored {
            Some(reason) => Outcome::Unstored {
                forward,
                reason,
                collapsed: false,
            },
            None => Outcome::Stored {
                forward,
                collapsed: false,
            },
        };
        Ok(self.noted(response, outcome))
    }

    /// Starts a fetch that nobody waits for, with the headers of this request. What waits for its turn does not hold the
    /// application; it waits no longer once somebody waits for it.
    fn refresh<B>(&self, stored: &Arc<Entry>)
    where
        S: Inner<B>,
        B: RenderBody + Send + 'static,
    {
        let core = &self.shared.core;
        let mut parts = self.parts.clone();
        parts.method = Method::GET;
        ask_for_all(&mut parts.headers);
        let lead = self
            .mode
            .refresh(&self.target, &parts.headers, &core.marks, clock::now());
        let Some(lead) = lead else { return };
        let known = Some(stored.clone()).filter(|stored| stored.can_be_validated(&core.marks));
        let (shared, permits) = (Arc::downgrade(&self.shared), core.permits.clone());
        let cache = self.mode.clone();
        core.tasks.spawn(async move {
            let turn = permits.turn(Group::Headers, Purpose::Refresh, lead.gained_waiter());
            // Held until the fetch has ended.
            let Some(_turn) = turn.await else { return };
            let Some(service) = shared.upgrade().map(|shared| shared.service()) else {
                return;
            };
            drop(shared);
            let request = Request::from_parts(parts, B::from_bytes(Bytes::new()));
            fetch(cache, lead, service, request, known, None).await;
        });
    }

    fn in_place_of_an_error<R>(
        &self,
        missing: &Missing,
        reason: Reason,
        collapsed: bool,
    ) -> Option<Response<IsrBody<R>>> {
        let kept = missing
            .stored
            .as_ref()
            .filter(|stored| stored.allows_if_error(clock::now()))?;
        Some(self.serve(kept, Outcome::StaleIfError { reason, collapsed }))
    }

    fn serve<R>(&self, stored: &Arc<Entry>, outcome: Outcome) -> Response<IsrBody<R>> {
        let kind = stored.kind(&self.parts.method, &self.parts.headers);
        stored.deliver(
            kind,
            outcome,
            self.shared.core.config.cache_status,
            clock::now(),
        )
    }

    /// An answer as it came, with what happened to it.
    fn noted<R>(
        &self,
        mut response: Response<IsrBody<R>>,
        outcome: Outcome,
    ) -> Response<IsrBody<R>> {
        if self.shared.core.config.cache_status {
            note_status(response.headers_mut(), &CacheStatus { outcome, ttl: None });
        }
        response
    }
}
