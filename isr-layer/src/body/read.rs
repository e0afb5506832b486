//! Reads a response body into memory, up to a limit of bytes and of time.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body::Body;
use http_body_util::BodyExt;

use super::isr_body::{IsrBody, ReadPart};
use super::room::Share;

/// The result of reading a body.
pub(crate) enum Read<R> {
    /// The whole body.
    Whole {
        bytes: Bytes,
        trailers: Option<Box<HeaderMap>>,
    },
    /// The body is larger than the limit or took too long: holds the part that was read, and the
    /// rest.
    TooLarge(IsrBody<R>),
    /// There is no [`Room`](super::Room) for the body now: holds the part that was read, and the
    /// rest.
    NoRoom(IsrBody<R>),
    /// The body failed midway.
    Cut,
}

/// Reads a response body to its end, unless it is larger than `limit` bytes. Bodies are buffered
/// here and in [`read_while`] alone.
pub(crate) async fn read<R: Body<Data = Bytes> + Send>(body: R, limit: usize) -> Read<R> {
    read_while(body, limit, None, std::future::pending()).await
}

/// Reads like [`read`], until `deadline` ends. A body that takes longer counts as too large. If the
/// body has a `share` of a room, it is read only as long as the share can grow.
pub(crate) async fn read_while<R: Body<Data = Bytes> + Send>(
    body: R,
    limit: usize,
    share: Option<Share>,
    deadline: impl Future<Output = ()>,
) -> Read<R> {
    let mut deadline = pin!(deadline);
    let mut body = Box::pin(body);
    let mut read = ReadPart::new(share);
    let mut length = 0;
    let mut trailers = None;

    // A body that announces more than the limit, or than there is room for, need not be read.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Read::TooLarge(IsrBody::continued(read, body));
    }
    if !read.has_room_for(announced) {
        return Read::NoRoom(IsrBody::continued(read, body));
    }
    loop {
        let frame = tokio::select! {
            biased;
            // The error is dropped at once: it need not be `Send`, and it is not reported.
            frame = body.frame() => frame.map(|frame| frame.map_err(drop)),
            () = deadline.as_mut() => return Read::TooLarge(IsrBody::continued(read, body)),
        };
        let Some(frame) = frame else { break };
        let Ok(frame) = frame else { return Read::Cut };

        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                length += data.len();
                if !read.push(data) {
                    return Read::NoRoom(IsrBody::continued(read, body));
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok().map(Box::new),
        }
        if length > limit {
            return Read::TooLarge(IsrBody::continued(read, body));
        }
        // Without this, a body that is always ready would be read in one poll, and no time limit
        // could end it.
        tokio::task::consume_budget().await;
    }

    Read::Whole {
        bytes: joined(read.chunks, length),
        trailers,
    }
}

/// Returns whether a body is as long as its `Content-Length` says. If not, a part of it is missing
/// (RFC 9112, 8).
pub(crate) fn is_length(headers: &HeaderMap, length: usize) -> bool {
    let stated = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    stated.is_none_or(|stated| stated == length)
}

/// Joins the chunks in memory of just their length. A chunk may be a small part of a large buffer,
/// which would be kept with it and which no limit counts.
fn joined(chunks: VecDeque<Bytes>, length: usize) -> Bytes {
    let mut all = BytesMut::with_capacity(length);
    // Each is dropped once it is copied, so that no body is in memory twice.
    let chunks = chunks.into_iter();
    chunks.for_each(|chunk| all.extend_from_slice(&chunk));
    all.freeze()
}

#[cfg(test)]
mod tests;
