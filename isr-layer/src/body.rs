//! Bodies: [`RenderBody`] for requests that a page is rendered with, [`IsrBody`] for responses.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use pin_project_lite::pin_project;

pub use crate::grpc::RewoundBody;
use crate::render::context::Current;

/// A request body that can be made from kept bytes, so that a page can be rendered without the
/// client.
///
/// A service behind the layer takes such a body. The trait is implemented for axum's body and for
/// `Full<Bytes>`; wrap any other body in [`RequestBody`].
pub trait RenderBody: Body {
    /// Makes a body of exactly these bytes.
    fn from_bytes(bytes: Bytes) -> Self;

    /// Restores the body of a client, after a part of it was read and the request turned out not to
    /// be for a page.
    ///
    /// [`RewoundBody`] yields the same octets and trailers: in most types this is
    /// `Self::new(body)`.
    fn from_rewound(body: RewoundBody<Self>) -> Self
    where
        Self: Sized;
}

impl RenderBody for Full<Bytes> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::new(bytes)
    }

    fn from_rewound(body: RewoundBody<Self>) -> Self {
        // `Full` yields one chunk: it was read whole, or nothing of it was read.
        match body.into_whole() {
            Ok(whole) => whole,
            Err(read) => Self::new(read),
        }
    }
}

pin_project! {
    /// Wraps any request body, so that a page can be rendered with it:
    /// `RequestBody<hyper::body::Incoming>`.
    ///
    /// ```
    /// use http_body_util::Empty;
    /// use isr_layer::body::RequestBody;
    ///
    /// let from_a_client: RequestBody<Empty<bytes::Bytes>> = RequestBody::new(Empty::new());
    /// ```
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        kind: RequestKind<B>,
    }
}

pin_project! {
    #[project = RequestKindProjected]
    #[derive(Debug)]
    enum RequestKind<B> {
        Client { #[pin] body: B },
        Kept { body: Full<Bytes> },
        Rewound { body: Box<RewoundBody<RequestBody<B>>> },
    }
}

impl<B> RequestBody<B> {
    /// Wraps the body as it came from the client.
    pub fn new(body: B) -> Self {
        Self {
            kind: RequestKind::Client { body },
        }
    }
}

impl<B: Body<Data = Bytes>> RenderBody for RequestBody<B> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self {
            kind: RequestKind::Kept {
                body: Full::new(bytes),
            },
        }
    }

    fn from_rewound(body: RewoundBody<Self>) -> Self {
        Self {
            kind: RequestKind::Rewound {
                body: Box::new(body),
            },
        }
    }
}

impl<B: Body<Data = Bytes>> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            RequestKindProjected::Client { body } => body.poll_frame(cx),
            RequestKindProjected::Rewound { body } => Pin::new(&mut **body).poll_frame(cx),
            RequestKindProjected::Kept { body } => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.kind {
            RequestKind::Client { body } => body.is_end_stream(),
            RequestKind::Kept { body } => body.is_end_stream(),
            RequestKind::Rewound { body } => body.is_end_stream(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            RequestKind::Client { body } => body.size_hint(),
            RequestKind::Kept { body } => body.size_hint(),
            RequestKind::Rewound { body } => body.size_hint(),
        }
    }
}

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
        Continued { read: VecDeque<Bytes>, rest: Pin<Box<R>> },
        Within { scope: Current, body: Pin<Box<R>> },
    }
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

    /// Makes a body of the chunks that were read already and the rest behind them.
    fn continued(read: VecDeque<Bytes>, rest: Pin<Box<R>>) -> Self {
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
            KindProjected::Continued { read, rest } => match read.pop_front() {
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
            Kind::Continued { read, rest } => read.is_empty() && rest.is_end_stream(),
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
                let read = read.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
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
    /// The body failed midway.
    Cut,
}

/// Reads a response body to its end, unless it is larger than `limit` bytes. Bodies are buffered
/// here and in [`read_while`] alone.
pub(crate) async fn read<R: Body<Data = Bytes> + Send>(body: R, limit: usize) -> Read<R> {
    read_while(body, limit, std::future::pending()).await
}

/// Reads like [`read`], until `deadline` ends. A body that takes longer counts as too large.
pub(crate) async fn read_while<R: Body<Data = Bytes> + Send>(
    body: R,
    limit: usize,
    deadline: impl Future<Output = ()>,
) -> Read<R> {
    let mut deadline = pin!(deadline);
    let mut body = Box::pin(body);
    let mut read = VecDeque::new();
    let mut length = 0;
    let mut trailers = None;

    // A body that announces more than the limit need not be read at all.
    if body.size_hint().lower() > limit as u64 {
        return Read::TooLarge(IsrBody::continued(read, body));
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
                read.push_back(data);
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
        bytes: joined(read, length),
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
    chunks.iter().for_each(|chunk| all.extend_from_slice(chunk));
    all.freeze()
}

#[cfg(test)]
mod tests;
