//! Wraps a request body that does not implement [`RenderBody`].

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

use super::render_body::RenderBody;
use crate::grpc::RewoundBody;

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
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjected]
    #[derive(Debug)]
    enum Kind<B> {
        Client { #[pin] body: B },
        Kept { body: Full<Bytes> },
        Rewound { body: Box<RewoundBody<RequestBody<B>>> },
    }
}

impl<B> RequestBody<B> {
    /// Wraps the body as it came from the client.
    pub fn new(body: B) -> Self {
        Self {
            kind: Kind::Client { body },
        }
    }
}

impl<B: Body<Data = Bytes>> RenderBody for RequestBody<B> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Kept {
                body: Full::new(bytes),
            },
        }
    }

    fn from_rewound(body: RewoundBody<Self>) -> Self {
        Self {
            kind: Kind::Rewound {
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
            KindProjected::Client { body } => body.poll_frame(cx),
            KindProjected::Rewound { body } => Pin::new(&mut **body).poll_frame(cx),
            KindProjected::Kept { body } => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Client { body } => body.is_end_stream(),
            Kind::Kept { body } => body.is_end_stream(),
            Kind::Rewound { body } => body.is_end_stream(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Client { body } => body.size_hint(),
            Kind::Kept { body } => body.size_hint(),
            Kind::Rewound { body } => body.size_hint(),
        }
    }
}
