//! One fetch on a task of its own, so that it outlives the client that started it: ask, judge, read, keep.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderName, SET_COOKIE};
use http::{Request, Response, StatusCode};
use tokio::sync::oneshot;

use super::admit::{Admitted, Received, admit, is_error};
use super::entry::{Entry, WholeResponse};
use super::flight::{Landed, Lead};
use crate::body::{IsrBody, Read, RenderBody, is_length, read_while};
use crate::cache::catch_panic;
use crate::clock;
use crate::middleware::{Inner, call};
use crate::outcome::Reason;

/// How long a body is read before it is streamed on, and how long a fetch goes on that no client waits for.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What a fetch gave to the client that started it.
pub(super) enum Fetched<R, E> {
    /// An answer, and why it was not stored if it was not.
    Answer(Response<IsrBody<R>>, Option<Reason>),
    /// The inner service's error.
    Error(E),
    /// No answer, or half of one.
    Failed(Reason),
}

/// How far an answer was read.
enum FetchEnd<R, E> {
    Whole(WholeResponse, Admitted),
    Unread(Response<IsrBody<R>>, Reason),
    Error(E),
    Failed(Reason),
}

/// Where a fetch sends what it gave.
pub(super) type Client<R, E> = oneshot::Sender<Fetched<R, E>>;

/// Fetches once, ends the flight, and gives its client what it has been waiting for. Where an answer is `known` that has gone
/// stale, the origin is asked whether it still holds.
pub(super) async fn fetch<S, B>(
    lead: Lead,
    service: S,
    request: Request<B>,
    known: Option<Arc<Entry>>,
    mut client: Option<Client<S::Body, S::Error>>,
) where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let headers = request.headers().clone();
    let (targets, largest) = (lead.targets().clone(), lead.largest_body());
    let end = tokio::select! {
        biased;
        end = catch_panic(ask(service, request, &headers, known, &targets, largest)) => end.unwrap_or(FetchEnd::Failed(Reason::Panic)),
        () = nobody_waits(client.as_mut()) => FetchEnd::Failed(Reason::Timeout),
    };
    let fetched = land(lead, &headers, end);
    if let Some(client) = client {
        // The client may have left.
        let _ = client.send(fetched);
    }
}

/// Asks the service, and reads its answer if that may be stored for a request with these `headers`.
async fn ask<S, B>(
    mut service: S,
    mut request: Request<B>,
    headers: &HeaderMap,
    known: Option<Arc<Entry>>,
    targets: &[HeaderName],
    largest: usize,
) -> FetchEnd<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
        return FetchEnd::Error(error);
    }
    if let Some(known) = &known {
        known.ask_for_change(request.headers_mut());
    }
    let target_ref = clock::now();
    let response = match call(service, request).await {
        Ok(response) => response,
        Err(error) => return FetchEnd::Error(error),
    };
    let born = clock::now();
    let received = SystemTime::UNIX_EPOCH + clock::unix_time();
    let (parts, body) = response.into_parts();
    let delay = born.saturating_duration_since(target_ref);
    let timing = Received {
        at: received,
        delay,
    };
    if let Some(known) = known.filter(|_| parts.status == StatusCode::NOT_MODIFIED) {
        let updated = known.updated(&parts.headers, born, received);
        return updated.map_or(FetchEnd::Failed(Reason::FailedStatus), |whole| {
            still_holds(headers, whole, targets, timing)
        });
    }
    let admitted = match admit(headers, parts.status, &parts.headers, targets, timing) {
        Ok(admitted) => admitted,
        Err(reason) => {
            return FetchEnd::Unread(Response::from_parts(parts, IsrBody::inner(body)), reason);
        }
    };
    match read_while(body, largest, tokio::time::sleep(READ_TIMEOUT)).await {
        Read::Whole { bytes, trailers } if is_length(&parts.headers, bytes.len()) => complete(
            WholeResponse {
                parts,
                body: bytes,
                trailers,
                born,
                received,
            },
            admitted,
        ),
        Read::Whole { .. } | Read::Cut => FetchEnd::Failed(Reason::Cut),
        Read::TooLarge(body) => {
            FetchEnd::Unread(Response::from_parts(parts, body), Reason::TooLarge)
        }
    }
}

/// What is known to hold still, judged by its new headers.
fn still_holds<R, E>(
    request: &HeaderMap,
    whole: WholeResponse,
    targets: &[HeaderName],
    timing: Received,
) -> FetchEnd<R, E> {
    match admit(
        request,
        whole.parts.status,
        &whole.parts.headers,
        targets,
        timing,
    ) {
        Ok(admitted) => FetchEnd::Whole(whole, admitted),
        Err(reason) => unstored(whole, reason),
    }
}

/// What was read to its end. A cookie is for one client behind the body, too.
fn complete<R, E>(whole: WholeResponse, admitted: Admitted) -> FetchEnd<R, E> {
    let sets_cookie = whole
        .trailers
        .as_ref()
        .is_some_and(|trailers| trailers.contains_key(SET_COOKIE));
    if sets_cookie {
        unstored(whole, Reason::SetCookie)
    } else {
        FetchEnd::Whole(whole, admitted)
    }
}

fn unstored<R, E>(whole: WholeResponse, reason: Reason) -> FetchEnd<R, E> {
    let body = IsrBody::stored(whole.body, whole.trailers);
    FetchEnd::Unread(Response::from_parts(whole.parts, body), reason)
}

/// Resolves when the client has been gone for a while, or when there never was one.
async fn nobody_waits<R, E>(client: Option<&mut Client<R, E>>) {
    if let Some(client) = client {
        client.closed().await;
    }
    tokio::time::sleep(READ_TIMEOUT).await;
}

/// Ends a flight: keeps the answer, or notes why not.
fn land<R, E>(lead: Lead, request: &HeaderMap, end: FetchEnd<R, E>) -> Fetched<R, E> {
    match end {
        FetchEnd::Whole(whole, admitted) => keep(lead, request, whole, admitted),
        FetchEnd::Unread(response, reason) => {
            refuse(lead, request, response.status(), reason);
            Fetched::Answer(response, Some(reason))
        }
        FetchEnd::Error(error) => {
            fail(lead);
            Fetched::Error(error)
        }
        FetchEnd::Failed(reason) => {
            fail(lead);
            Fetched::Failed(reason)
        }
    }
}

fn keep<R, E>(
    lead: Lead,
    request: &HeaderMap,
    whole: WholeResponse,
    admitted: Admitted,
) -> Fetched<R, E> {
    let (target, number, now) = (lead.target().clone(), lead.number(), clock::now());
    let stored = Arc::new(Entry::new(
        target.clone(),
        admitted,
        &whole,
        number,
        lead.as_of(),
    ));
    let status = whole.parts.status;
    let landed = lead.land(|mode| {
        let known = mode.memory.get(target.target_ref(), request);
        if is_error(status) && known.is_some_and(|known| known.allows_if_error(now)) {
            return mode.fail(&target, now);
        }
        mode.keep(stored, &target, request)
    });
    let reason = match landed {
        Landed::Stored(_) => None,
        Landed::Failed => Some(Reason::FailedStatus),
        Landed::Unstored => Some(Reason::Stale),
    };
    let body = IsrBody::stored(whole.body, whole.trailers);
    Fetched::Answer(Response::from_parts(whole.parts, body), reason)
}

/// An answer that is not to be stored says that what was stored is over, unless it says that the origin is in trouble or is
/// for one user alone.
fn refuse(lead: Lead, request: &HeaderMap, status: StatusCode, reason: Reason) {
    let (target, number, now) = (lead.target().clone(), lead.number(), clock::now());
    lead.land(|mode| {
        if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
            mode.fail(&target, now)
        } else if reason == Reason::Authorization {
            mode.decline(&target, request, now)
        } else {
            mode.refuse(&target, request, number, now)
        }
    });
}

fn fail(lead: Lead) {
    let (target, now) = (lead.target().clone(), clock::now());
    lead.land(|mode| mode.fail(&target, now));
}
