//! The body of a response: the inner service's own, or a stored page.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::room::Share;
use crate::render::context::Current;

/// Weight of a chunk beside its bytes, since a body may come as many small chunks.
const CHUNK_OVERHEAD: usize = 64;

pin_project! {
    /// The body of a response: the inner service's own, untouched, or a stored page.
    pub struct IsrBody<R> {
        #[pin]
        pub(crate) kind: Kind<R>,
    }
}

pin_project! {
    #[project = KindProjected]
    pub(crate) enum Kind<R> {
        Inner { #[pin] body: R },
        Stored { bytes: Option<Bytes>, trailers: Option<Box<HeaderMap>> },
        Continued { read: Box<ReadPart>, rest: Pin<Box<R>> },
        Within { scope: Current, body: Pin<Box<R>> },
    }
}

/// The part of a body that was read already, and its share of a [`Room`](super::Room), given back
/// as the client takes the chunks.
#[derive(Debug)]
pub(crate) struct ReadPart {
    pub(super) chunks: VecDeque<Bytes>,
    share: Option<Share>,
}

impl ReadPart {
    pub(super) fn new(share: Option<Share>) -> Self {
        Self {
            chunks: VecDeque::new(),
            share,
        }
    }

    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.share
            .as_ref()
            .is_none_or(|share| share.can_grow(bytes))
    }

    /// Adds a chunk. Returns false if there is no room for it.
    pub(super) fn push(&mut self, chunk: Bytes) -> bool {
        let weight = weight(&chunk);
        self.chunks.push_back(chunk);
        self.share.as_mut().is_none_or(|share| share.grow(weight))
    }

    fn pop(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.pop_front()?;
        if let Some(share) = &mut self.share {
            share.give_back(weight(&chunk));
        }
        Some(chunk)
    }
}

/// Returns the room that a chunk takes.
fn weight(chunk: &Bytes) -> usize {
    chunk.len() + CHUNK_OVERHEAD
}

impl<R> IsrBody<R> {
    /// Passes on the inner service's body as it is.
    #[inline]
    pub(crate) fn inner(body: R) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }

    /// Makes a body of stored bytes, followed by the trailers.
    #[inline]
    pub(crate) fn stored(bytes: Bytes, trailers: Option<Box<HeaderMap>>) -> Self {
        Self {
            kind: Kind::Stored {
                bytes: (!bytes.is_empty()).then_some(bytes),
                trailers,
            },
        }
    }

    #[inline]
    pub(crate) fn empty() -> Self {
        Self {
            kind: Kind::Stored {
                bytes: None,
                trailers: None,
            },
        }
    }

    /// Passes on the inner service's body and polls it within `scope`, so that
    /// [`context`](crate::context) also works in a body that is polled after the handler has
    /// returned.
    pub(crate) fn within(scope: Current, body: R) -> Self {
        Self {
            kind: Kind::Within {
                scope,
                body: Box::pin(body),
            },
        }
    }

    /// Makes a body of the chunks that were read already and the rest behind them. They take room
    /// until the client has them, but not if they are few: then many clients that take nothing
    /// would leave none.
    pub(super) fn continued(mut read: ReadPart, rest: Pin<Box<R>>) -> Self {
        read.share = read.share.filter(|share| !share.is_small());
        let read = Box::new(read);
        Self {
            kind: Kind::Continued { read, rest },
        }
    }

    /// Returns the inner service's body if this body is nothing else, or else this body again.
    pub fn into_inner(self) -> Result<R, Self> {
        match self.kind {
            Kind::Inner { body } => Ok(body),
            kind => Err(Self { kind }),
        }
    }
}

impl<R: Body<Data = Bytes>> Body for IsrBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().kind.project() {
            KindProjected::Inner { body } => body.poll_frame(cx),
            KindProjected::Stored { bytes, trailers } => {
                if let Some(bytes) = bytes.take() {
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                match trailers.take() {
                    Some(trailers) => Poll::Ready(Some(Ok(Frame::trailers(*trailers)))),
                    None => Poll::Ready(None),
                }
            }
            KindProjected::Continued { read, rest } => match read.pop() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => rest.as_mut().poll_frame(cx),
            },
            KindProjected::Within { scope, body } => scope.run(|| body.as_mut().poll_frame(cx)),
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Stored { bytes, trailers } => bytes.is_none() && trailers.is_none(),
            Kind::Continued { read, rest } => read.chunks.is_empty() && rest.is_end_stream(),
            Kind::Within { body, .. } => body.is_end_stream(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Stored { bytes, trailers } => {
                let length = bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
                let mut hint = SizeHint::new();
                hint.set_lower(length);

                // A server announces an exact length, and over HTTP/1.1 that leaves no room for
                // trailers.
                if trailers.is_none() {
                    hint.set_upper(length);
                }
                hint
            }
            Kind::Continued { read, rest } => {
                let read = read.chunks.iter();
                let read = read.map(|bytes| bytes.len() as u64).sum::<u64>();
                let rest = rest.size_hint();
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower().saturating_add(read));
                if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
                    hint.set_upper(upper);
                }
                hint
            }
            Kind::Within { body, .. } => body.size_hint(),
        }
    }
}

impl<R> fmt::Debug for IsrBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Inner { .. } => "IsrBody::Inner",
            Kind::Stored { .. } => "IsrBody::Stored",
            Kind::Continued { .. } => "IsrBody::Continued",
            Kind::Within { .. } => "IsrBody::Within",
        })
    }
}
