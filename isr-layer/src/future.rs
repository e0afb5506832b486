//! The future of an answer: ready at once, the inner service's own, or waiting for the engine.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::body::IsrBody;

pin_project! {
    /// The future of [`Isr`](crate::Isr).
    pub struct ResponseFuture<F, R, E> {
        #[pin]
        kind: Kind<F, R, E>,
    }
}

type Waiting<R, E> = Pin<Box<dyn Future<Output = Result<Response<IsrBody<R>>, E>> + Send>>;

pin_project! {
    #[project = KindProjected]
    enum Kind<F, R, E> {
        Ready { response: Option<Response<IsrBody<R>>> },
        Inner { #[pin] future: F },
        Waiting { future: Waiting<R, E> },
    }
}

impl<F, R, E> ResponseFuture<F, R, E> {
    #[inline]
    pub(crate) fn ready(response: Response<IsrBody<R>>) -> Self {
        Self { kind: Kind::Ready { response: Some(response) } }
    }

    #[inline]
    pub(crate) fn inner(future: F) -> Self {
        Self { kind: Kind::Inner { future } }
    }

    pub(crate) fn waiting(
        future: impl Future<Output = Result<Response<IsrBody<R>>, E>> + Send + 'static,
    ) -> Self {
        Self { kind: Kind::Waiting { future: Box::pin(future) } }
    }
}

impl<F, R, E> Future for ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<IsrBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjected::Ready { response } => {
                Poll::Ready(Ok(response.take().expect("a future is not polled after it was ready")))
            }
            KindProjected::Inner { future } => {
                let response = ready!(future.poll(cx));
                Poll::Ready(response.map(|response| response.map(IsrBody::inner)))
            }
            KindProjected::Waiting { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F, R, E> fmt::Debug for ResponseFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Ready { .. } => "ResponseFuture::Ready",
            Kind::Inner { .. } => "ResponseFuture::Inner",
            Kind::Waiting { .. } => "ResponseFuture::Waiting",
        })
    }
}
