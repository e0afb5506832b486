//! Reads the message of a gRPC request before its key is known, and rewinds a body that turned out
//! to be something else.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

use super::frame::{FRAME_HEADER_LEN, Head, message};

/// The result of reading a gRPC request.
pub(crate) enum Message<B> {
    /// One message and nothing else, not compressed.
    One {
        message: Bytes,
        body: RewoundBody<B>,
    },
    /// Something else, for the inner service to judge.
    Other(RewoundBody<B>),
    /// The body failed midway.
    Cut,
}

/// A request body of which a part was read: yields those octets again, then the rest and the
/// trailers.
///
/// [`RenderBody::from_rewound`](crate::body::RenderBody::from_rewound) is given one. A
/// `RewoundBody` is a [`Body`] itself, so most body types are made of it the way they are made of
/// any other body.
pub struct RewoundBody<B> {
    read: Bytes,
    trailers: Option<HeaderMap>,
    rest: Pin<Box<B>>,
}

/// Reads a request up to the end of one message of at most `limit` octets. Stops as soon as the
/// body is seen to be something else.
pub(crate) async fn read<B: Body>(body: B, limit: usize) -> Message<B> {
    let mut rewound = RewoundBody {
        read: Bytes::new(),
        trailers: None,
        rest: Box::pin(body),
    };
    // A body that announces more than the limit need not be read at all.
    if rewound.rest.size_hint().lower() > limit.saturating_add(FRAME_HEADER_LEN) as u64 {
        return Message::Other(rewound);
    }

    let mut chunks = Chunks::default();
    while !chunks.is_beyond(limit) {
        let Some(frame) = rewound.rest.frame().await else {
            rewound.read = chunks.joined();
            return match message(&rewound.read) {
                Some(message) => Message::One {
                    message,
                    body: rewound,
                },
                None => Message::Other(rewound),
            };
        };

        let Ok(frame) = frame else {
            return Message::Cut;
        };
        match frame.into_data() {
            Ok(mut data) => chunks.push(data.copy_to_bytes(data.remaining())),
            Err(frame) => {
                // A gRPC client sends no trailers: this is something else.
                rewound.trailers = frame.into_trailers().ok();
                break;
            }
        }
    }

    rewound.read = chunks.joined();
    Message::Other(rewound)
}

/// The part of a body that was read so far. A message that came in one piece is not copied.
#[derive(Default)]
struct Chunks {
    first: Bytes,
    all: BytesMut,
}

impl Chunks {
    fn push(&mut self, chunk: Bytes) {
        if self.first.is_empty() && self.all.is_empty() {
            self.first = chunk;
            return;
        }
        self.all.extend_from_slice(&std::mem::take(&mut self.first));
        self.all.extend_from_slice(&chunk);
    }

    /// Returns whether the body is something else than one message of at most `limit` octets,
    /// whatever follows.
    fn is_beyond(&self, limit: usize) -> bool {
        let read = if self.all.is_empty() {
            &*self.first
        } else {
            &*self.all
        };

        match Head::of(read) {
            Head::Incomplete => false,
            Head::Plain(length) => length > limit || read.len() - FRAME_HEADER_LEN > length,
            Head::Flagged => true,
        }
    }

    fn joined(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}

impl<B> RewoundBody<B> {
    /// Returns the body as it was if nothing was read, or else the part that was read.
    pub(crate) fn into_whole(self) -> Result<B, Bytes>
    where
        B: Unpin,
    {
        if self.read.is_empty() {
            Ok(*Pin::into_inner(self.rest))
        } else {
            Err(self.read)
        }
    }
}

impl<B: Body> Body for RewoundBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        // The inner service gets all octets in the order in which the client sent them.
        if !self.read.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.read)))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }

        let frame = ready!(self.rest.as_mut().poll_frame(cx));
        let as_bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(as_bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.trailers.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (read, rest) = (self.read.len() as u64, self.rest.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B> fmt::Debug for RewoundBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RewoundBody")
            .field("read", &self.read.len())
            .finish_non_exhaustive()
    }
}
