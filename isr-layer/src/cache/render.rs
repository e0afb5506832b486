//! Renders a page: foreground and background are this one function, since both start from a recipe.

use std::sync::Arc;

use http::Response;
use tokio::sync::oneshot;

use super::complete::complete;
use super::core::Core;
use super::flight::Work as _;
use super::load::Load;
use super::page_flight::Leader;
use super::permits::{Group, Permit, Purpose, Turn};
use super::render_end::{Attempt, LeaderReply, RenderEnd};
use super::renderer::{Render, RenderError};
use crate::body::{self, IsrBody, Read, is_length};
use crate::catch_panic::catch_panic;
use crate::clock;
use crate::entry::{Birth, NotStored, admit_head};
use crate::observe;
use crate::outcome::Reason;
use crate::render::Recipe;
use crate::render::context::Current;

/// The client that waits for a render, or the way in which a render may begin without one.
pub(crate) enum StartedFor<R: Render> {
    Client(oneshot::Sender<LeaderReply<R::Body, R::Error>>),
    /// No client: the render begins at once.
    Background(Permit),
    /// No client: the render waits for its turn.
    Queued(Purpose),
}

impl<R: Render> StartedFor<R> {
    /// Returns the purpose of a render that no client waits for.
    fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::Client(_) => None,
            Self::Background(_) => Some(Purpose::Refresh),
            Self::Queued(purpose) => Some(*purpose),
        }
    }
}

/// Starts the render of a flight on a task of its own, so that no client who leaves can end it.
pub(crate) fn start<R>(core: &Arc<Core>, leader: Leader, render: R, started_for: StartedFor<R>)
where
    R: Render + Send + 'static,
    R::Error: Send + 'static,
{
    // A client's render is in the client's span, and copies nothing to name one.
    let own_span = started_for.purpose();
    let own_span = own_span.map(|purpose| (purpose, leader.work().recipe.clone()));
    let work = regenerate(core.clone(), leader, render, started_for);

    match own_span {
        None => core.tasks.spawn_here(observe::in_callers_span(work)),
        Some((purpose, recipe)) => {
            let (page, path) = (&recipe.page.page, recipe.key.path());
            let work = observe::in_own_span(work, page, path, purpose.as_str());
            core.tasks.spawn(work);
        }
    }
}

/// Waits for its turn, asks the store, and renders the recipe of a flight if there is nothing to
/// load.
async fn regenerate<R: Render>(
    core: Arc<Core>,
    leader: Leader,
    render: R,
    started_for: StartedFor<R>,
) {
    if core.tasks.is_closing() && started_for.purpose().is_some() {
        // Dropped, the leader abandons its flight.
        return;
    }
    let (client, _permit) = match started_for {
        StartedFor::Client(client) => (Some(client), None),
        StartedFor::Background(permit) => (None, Some(permit)),
        StartedFor::Queued(purpose) => {
            let group = Group::Page(leader.work().recipe.page.id);
            let turn = core.permits.turn(group, purpose, leader.gained_waiter());
            match turn.await {
                Some(Turn::Granted(permit)) => (None, Some(permit)),
                Some(Turn::NotNeeded) => (None, None),
                None => return,
            }
        }
    };

    match core.load(leader).await {
        Load::Nothing(leader, store_trouble) => {
            let reply = render_now(&core, leader, render, store_trouble).await;
            hand_out(&core, client, reply).await;
        }
        Load::Over(flight) => {
            if let Some(client) = client {
                // The client may have left.
                let _ = client.send(LeaderReply::Shared(flight));
            }
        }
    }
    core.touch_in_time();
    core.prune_marks().await;
}

/// Renders the recipe of a flight and completes the flight: stores the page or records why not.
async fn render_now<R: Render>(
    core: &Arc<Core>,
    leader: Leader,
    render: R,
    store_trouble: Option<Reason>,
) -> Option<LeaderReply<R::Body, R::Error>> {
    let recipe = &leader.work().recipe;
    // Reading the list of paths may take two time limits more.
    let limit = recipe.page.policy().timeout.saturating_mul(3);
    let as_of = leader.begin_in_turn(&core.marks, limit).await;
    let is_listed = core.admits(recipe).await;
    let now = clock::now();
    let deadline = now.checked_add(recipe.page.policy().timeout);
    let scope = Current::of(core.home(), recipe.page.page, recipe.key.clone());
    let needs = core.marks.newest_on(leader.work().subject());
    let scope = scope.within_limits(deadline, needs);
    let born = Birth::now(now);
    let end = if is_listed {
        let attempt = attempt(render, recipe, &scope, core.max_body(&recipe.page));
        leader.render(attempt).await
    } else {
        RenderEnd::NotListed
    };

    let attempt = Attempt {
        as_of,
        born,
        hints: scope.take_hints(),
        handler_ran: scope.handler_ran(),
        was_asked: scope.was_asked(),
        store_trouble,
    };
    complete(core, leader, attempt, end)
}

/// Hands the reply of a render to its client, if it has one, and has the encodings made.
async fn hand_out<B, E>(
    core: &Core,
    client: Option<oneshot::Sender<LeaderReply<B, E>>>,
    reply: Option<LeaderReply<B, E>>,
) {
    let entry = reply.as_ref().and_then(LeaderReply::stored).cloned();

    match (client, reply) {
        (Some(client), reply) => {
            // No request waits for the encodings.
            if let Some(entry) = entry {
                entry.encode_soon(&core.tasks);
            }
            if let Some(reply) = reply {
                // The client may have left.
                let _ = client.send(reply);
            }
        }
        (None, Some(LeaderReply::Undecided(undecided))) => undecided.without_client(),
        // Without a client, the next render begins only when the encoders keep up.
        (None, _) => {
            if let Some(entry) = entry {
                entry.encode_in_turn(&core.tasks).await;
            }
        }
    }
}

/// Renders once, within the page's time limit, and reads the response up to `max_body` as long as
/// it may be stored.
pub(crate) async fn attempt<R: Render>(
    render: R,
    recipe: &Recipe,
    scope: &Current,
    max_body: usize,
) -> RenderEnd<R::Body, R::Error> {
    let policy = recipe.page.policy();
    let work = scope.enter(render_and_read(render, recipe, scope, max_body));
    match tokio::time::timeout(policy.timeout, catch_panic(work)).await {
        Ok(Some(end)) => end,
        Ok(None) => RenderEnd::Failed(Reason::Panic),
        Err(_) => RenderEnd::Failed(Reason::Timeout),
    }
}

async fn render_and_read<R: Render>(
    render: R,
    recipe: &Recipe,
    scope: &Current,
    max_body: usize,
) -> RenderEnd<R::Body, R::Error> {
    let response = match render.render(recipe).await {
        Ok(response) => response,
        Err(RenderError::Service(error)) => return RenderEnd::Error(error),
        Err(RenderError::Gone) => return RenderEnd::Gone,
    };

    let (parts, body) = response.into_parts();
    let admitted = admit_head(recipe, &parts, scope.handler_ran());
    if let Err(why) = admitted
        && (matches!(why, NotStored::Uncacheable(_)) || is_other_routes(recipe, scope))
    {
        // Streamed on to the client, so that no body is held that is not stored.
        let response = Response::from_parts(parts, IsrBody::inner(body));
        return RenderEnd::Unread { response, why };
    }

    match body::read(body, max_body).await {
        Read::Whole { bytes, .. }
            if admitted.is_ok() && !is_length(&parts.headers, bytes.len()) =>
        {
            RenderEnd::Failed(Reason::Cut)
        }
        Read::Whole { bytes, trailers } => RenderEnd::Whole {
            parts,
            body: bytes,
            trailers,
            admitted,
        },
        Read::Cut => RenderEnd::Failed(Reason::Cut),
        Read::TooLarge(body) | Read::NoRoom(body) => {
            let too_large = NotStored::Uncacheable(Reason::TooLarge);
            let why = admitted.err().unwrap_or(too_large);
            let response = Response::from_parts(parts, body);
            RenderEnd::Unread { response, why }
        }
    }
}

/// True if a response must be another route's: the page's own route would have checked in.
fn is_other_routes(recipe: &Recipe, scope: &Current) -> bool {
    !scope.handler_ran() && recipe.page.page.is_mounted() && !recipe.key.is_grpc()
}
