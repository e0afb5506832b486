//! Fetches once, on a task of its own that outlives the client: ask, judge, read, complete.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HeaderMap, SET_COOKIE};
use http::{Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::oneshot;

use super::admit::{Admitted, Received, admit};
use super::cache::HeaderCache;
use super::complete::{FetchEnd, FetchReply, complete};
use super::entry::{Entry, WholeResponse};
use super::flight::Leader;
use crate::body::{IsrBody, Read, RenderBody, is_length, read_while};
use crate::cache::flight::Work as _;
use crate::cache::{Core, Turn};
use crate::catch_panic::catch_panic;
use crate::clock::{self, Instant};
use crate::middleware::{Inner, call};
use crate::outcome::Reason;
use crate::render::context::Current;

/// Longest time that a body is read before it is streamed on, and that a request goes on though no
/// client waits for it.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The reason for which a fetch was started.
pub(super) enum StartedFor<R, E> {
    /// A client, which waits for the reply.
    Client(oneshot::Sender<FetchReply<R, E>>),
    /// A refresh in the background, with its permission, which is held until the fetch has ended.
    Refresh(Turn),
}

/// Fetches once, [completes](complete) the flight, and replies to the client that started it. If a
/// stale entry is `stored`, the origin is asked whether that entry is still valid (RFC 9111, 4.3).
///
/// Once no client waits any more, the fetch goes on for a while if it has a place. If it has none,
/// it ends at once, and nothing is recorded of it.
pub(super) async fn fetch<S, B>(
    core: Arc<Core>,
    cache: Arc<HeaderCache>,
    leader: Leader,
    service: S,
    request: Request<B>,
    stored: Option<Arc<Entry>>,
    mut started_for: StartedFor<S::Body, S::Error>,
) where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    // The request's own fields: those that a validation adds must not get into the Vary key.
    let headers = request.headers().clone();

    let deadline = clock::now().checked_add(READ_TIMEOUT);
    let needs = core.marks.newest_on(leader.work().subject());
    let scope = Current::of_fetch(core.home()).within_limits(deadline, needs);

    let asked = scope.enter(ask(&cache, service, request, &headers, stored));
    let end = tokio::select! {
        biased;
        end = catch_panic(asked) => {
            Some(end.unwrap_or(FetchEnd::Failed(Reason::Panic)))
        }
        end = unwaited(&cache, &leader, &mut started_for) => match end {
            Unwaited::TookLong => Some(FetchEnd::Failed(Reason::Timeout)),
            Unwaited::HasNoPlace => None,
        },
    };
    // The flight is abandoned, so a request that joined a moment ago leads the next fetch or shares
    // it.
    let Some(end) = end else { return };

    let reply = complete(&core, &cache, leader, &headers, &scope.take_hints(), end);
    if let StartedFor::Client(client) = started_for {
        // The client may have left.
        let _ = client.send(reply);
    }
}

/// Asks the service, and reads its response if the response may be stored for a request with these
/// `headers`.
async fn ask<S, B>(
    cache: &HeaderCache,
    service: S,
    mut request: Request<B>,
    headers: &HeaderMap,
    stored: Option<Arc<Entry>>,
) -> FetchEnd<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    let Some(stored) = stored else {
        return match send(service, request).await {
            Ok((response, received)) => read(cache, headers, response, received).await,
            Err(error) => FetchEnd::Error(error),
        };
    };

    let (again, unconditional) = (service.clone(), copy(&request));
    stored.ask_for_change(request.headers_mut());
    let (response, received) = match send(service, request).await {
        Ok(reply) => reply,
        Err(error) => return FetchEnd::Error(error),
    };

    if response.status() != StatusCode::NOT_MODIFIED {
        return read(cache, headers, response, received).await;
    }
    let updated = stored.updated(response.headers(), received);
    // Its body may hold a connection, and the origin may be asked once more.
    drop(response);
    match updated {
        Some(whole) => judge_updated(cache, headers, whole, received, stored),
        None => ask_for_whole(cache, again, unconditional, headers).await,
    }
}

/// Asks once more, without conditions: the origin has confirmed a response that we do not have.
/// Origins that compress under a tag of their own do so each time (`"a-gzip"` and `"a"`).
async fn ask_for_whole<S, B>(
    cache: &HeaderCache,
    service: S,
    request: Request<B>,
    headers: &HeaderMap,
) -> FetchEnd<S::Body, S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    match send(service, request).await {
        Ok((response, _)) if response.status() == StatusCode::NOT_MODIFIED => {
            FetchEnd::Failed(Reason::FailedStatus)
        }
        Ok((response, received)) => read(cache, headers, response, received).await,
        Err(error) => FetchEnd::Error(error),
    }
}

/// Sends a request, and notes when the head of its response arrived.
async fn send<S, B>(
    mut service: S,
    request: Request<B>,
) -> Result<(Response<S::Body>, Received), S::Error>
where
    S: Inner<B>,
    B: RenderBody + Send + 'static,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    let sent_at = clock::now();
    let response = call(service, request).await?;
    Ok((response, received(sent_at)))
}

/// Copies a request, whose body is empty.
fn copy<B: RenderBody>(request: &Request<B>) -> Request<B> {
    let mut copy = Request::new(B::from_bytes(Bytes::new()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}

/// Reads both clocks at the arrival of a response.
fn received(sent_at: Instant) -> Received {
    let at = clock::now();
    Received {
        at,
        date: SystemTime::UNIX_EPOCH + clock::unix_time(),
        delay: at.saturating_duration_since(sent_at),
    }
}

/// Judges anew what a 304 has updated: the origin may by now forbid storing it.
fn judge_updated<R, E>(
    cache: &HeaderCache,
    request: &HeaderMap,
    whole: WholeResponse,
    received: Received,
    confirmed: Arc<Entry>,
) -> FetchEnd<R, E> {
    let (status, headers) = (whole.parts.status, &whole.parts.headers);
    match admit(request, status, headers, &cache.targets, received) {
        Ok(admitted) => FetchEnd::Whole(whole, admitted, Some(confirmed)),
        Err(reason) => FetchEnd::Unread(whole.into_response(), reason),
    }
}

/// Reads a response whose head may be stored; hands on any other unread.
async fn read<R, E>(
    cache: &HeaderCache,
    request: &HeaderMap,
    response: Response<R>,
    received: Received,
) -> FetchEnd<R, E>
where
    R: Body<Data = Bytes> + Send,
{
    let (parts, body) = response.into_parts();
    let admitted = match admit(
        request,
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

    // A body without an end must reach its client all the same.
    let deadline = tokio::time::sleep(READ_TIMEOUT);
    let (limit, share) = (cache.memory.largest_body(), cache.room.share());
    match read_while(body, limit, Some(share), deadline).await {
        Read::Whole { bytes, trailers } if is_length(&parts.headers, bytes.len()) => {
            let whole = WholeResponse {
                parts,
                body: bytes,
                trailers,
                received,
            };
            admit_whole(whole, admitted)
        }
        Read::Whole { .. } | Read::Cut => FetchEnd::Failed(Reason::Cut),
        Read::TooLarge(body) => {
            FetchEnd::Unread(Response::from_parts(parts, body), Reason::TooLarge)
        }
        Read::NoRoom(body) => FetchEnd::Unread(Response::from_parts(parts, body), Reason::Crowded),
    }
}

/// Judges the trailers: a cookie there is for one client, as it is in the head.
fn admit_whole<R, E>(whole: WholeResponse, admitted: Admitted) -> FetchEnd<R, E> {
    let sets_cookie = whole
        .trailers
        .as_ref()
        .is_some_and(|trailers| trailers.contains_key(SET_COOKIE));
    if sets_cookie {
        FetchEnd::Unread(whole.into_response(), Reason::SetCookie)
    } else {
        FetchEnd::Whole(whole, admitted, None)
    }
}

/// Reason for which a fetch ends that no client waits for.
enum Unwaited {
    HasNoPlace,
    TookLong,
}

/// Resolves once no client waits for the fetch and it may not go on.
async fn unwaited<R, E>(
    cache: &HeaderCache,
    leader: &Leader,
    started_for: &mut StartedFor<R, E>,
) -> Unwaited {
    if let StartedFor::Client(client) = started_for {
        client.closed().await;
    }
    if matches!(started_for, StartedFor::Refresh(Turn::Granted(_))) {
        tokio::time::sleep(READ_TIMEOUT).await;
        return Unwaited::TookLong;
    }

    leader.unfollowed().await;
    let Some(_place) = cache.places.try_take() else {
        return Unwaited::HasNoPlace;
    };
    tokio::time::sleep(READ_TIMEOUT).await;
    Unwaited::TookLong
}
