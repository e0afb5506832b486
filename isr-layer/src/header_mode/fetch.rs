//! One fetch on a task of its own, so that it outlives the client that started it: ask, judge, read, keep.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderName, SET_COOKIE};
use http::{Request, Response, StatusCode};
use tokio::sync::oneshot;

use super::admit::{Admitted, Received, admit, is_error};
use super::cache::HeaderCache;
use super::entry::{Entry, WholeResponse};
use super::flight::{FetchOutcome, Leader};
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
    cache: Arc<HeaderCache>,
    leader: Leader,
    service: S,
    request: Request<B>,
    known: Option<Arc<Entry>>,
    mut client: Option<Client<S::Body, S::Error>>,
) where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let headers = request.headers().clone();
    let end = tokio::select! {
        biased;
        end = catch_panic(ask(&cache, service, request, &headers, known)) => {
            end.unwrap_or(FetchEnd::Failed(Reason::Panic))
        }
        () = nobody_waits(client.as_mut()) => FetchEnd::Failed(Reason::Timeout),
    };
    let fetched = complete(&cache, leader, &headers, end);
    if let Some(client) = client {
        // The client may have left.
        let _ = client.send(fetched);
    }
}

/// Asks the service, and reads its answer if that may be stored for a request with these `headers`.
async fn ask<S, B>(
    cache: &HeaderCache,
    mut service: S,
    mut request: Request<B>,
    headers: &HeaderMap,
    known: Option<Arc<Entry>>,
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
    let asked = clock::now();
    let response = match call(service, request).await {
        Ok(response) => response,
        Err(error) => return FetchEnd::Error(error),
    };
    let at = clock::now();
    let received = Received {
        at,
        date: SystemTime::UNIX_EPOCH + clock::unix_time(),
        delay: at.saturating_duration_since(asked),
    };
    let (parts, body) = response.into_parts();
    if let Some(known) = known.filter(|_| parts.status == StatusCode::NOT_MODIFIED) {
        let updated = known.updated(&parts.headers, received);
        return updated.map_or(FetchEnd::Failed(Reason::FailedStatus), |whole| {
            still_holds(headers, whole, &cache.targets)
        });
    }
    let admitted = match admit(
        headers,
        parts.status,
        &parts.headers,
        &cache.targets,
        received,
    ) {
        Ok(admitted) => admitted,
        Err(reason) => {
            return FetchEnd::Unread(Response::from_parts(parts, IsrBody::inner(body)), reason);
        }
    };
    match read_while(
        body,
        cache.memory.largest_body(),
        tokio::time::sleep(READ_TIMEOUT),
    )
    .await
    {
        Read::Whole { bytes, trailers } if is_length(&parts.headers, bytes.len()) => admit_whole(
            WholeResponse {
                parts,
                body: bytes,
                trailers,
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
) -> FetchEnd<R, E> {
    match admit(
        request,
        whole.parts.status,
        &whole.parts.headers,
        targets,
        whole.received,
    ) {
        Ok(admitted) => FetchEnd::Whole(whole, admitted),
        Err(reason) => unstored(whole, reason),
    }
}

/// What was read to its end. A cookie is for one client behind the body, too.
fn admit_whole<R, E>(whole: WholeResponse, admitted: Admitted) -> FetchEnd<R, E> {
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
fn complete<R, E>(
    cache: &HeaderCache,
    leader: Leader,
    request: &HeaderMap,
    end: FetchEnd<R, E>,
) -> Fetched<R, E> {
    match end {
        FetchEnd::Whole(whole, admitted) => keep(cache, leader, request, whole, admitted),
        FetchEnd::Unread(response, reason) => {
            refuse(cache, leader, request, response.status(), reason);
            Fetched::Answer(response, Some(reason))
        }
        FetchEnd::Error(error) => {
            fail(cache, leader);
            Fetched::Error(error)
        }
        FetchEnd::Failed(reason) => {
            fail(cache, leader);
            Fetched::Failed(reason)
        }
    }
}

fn keep<R, E>(
    cache: &HeaderCache,
    leader: Leader,
    request: &HeaderMap,
    whole: WholeResponse,
    admitted: Admitted,
) -> Fetched<R, E> {
    let (target, number, now) = (leader.target().clone(), leader.number(), clock::now());
    let stored = Arc::new(Entry::new(
        target.clone(),
        admitted,
        &whole,
        number,
        leader.as_of(),
    ));
    let status = whole.parts.status;
    let completed = leader.complete(|| {
        let known = cache.memory.get(target.target_ref(), request);
        if is_error(status) && known.is_some_and(|known| known.allows_if_error(now)) {
            return cache.fail(&target, now);
        }
        cache.keep(stored, &target, request)
    });
    let reason = match completed.outcome {
        FetchOutcome::Stored(_) => None,
        FetchOutcome::Failed => Some(Reason::FailedStatus),
        FetchOutcome::Refused => Some(Reason::Stale),
    };
    let body = IsrBody::stored(whole.body, whole.trailers);
    Fetched::Answer(Response::from_parts(whole.parts, body), reason)
}

/// An answer that is not to be stored says that what was stored is over, unless it says that the origin is in trouble or is
/// for one user alone.
fn refuse(
    cache: &HeaderCache,
    leader: Leader,
    request: &HeaderMap,
    status: StatusCode,
    reason: Reason,
) {
    let (target, number, now) = (leader.target().clone(), leader.number(), clock::now());
    leader.complete(|| {
        if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
            cache.fail(&target, now)
        } else if reason == Reason::Authorization {
            cache.decline(&target, request, now)
        } else {
            cache.refuse(&target, request, number, now)
        }
    });
}

fn fail(cache: &HeaderCache, leader: Leader) {
    let (target, now) = (leader.target().clone(), clock::now());
    leader.complete(|| cache.fail(&target, now));
}
