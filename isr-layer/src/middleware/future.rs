//! The future of a response: a hit, ready at once; the inner service's own; or one that waits for
//! the engine.

use std::convert::identity;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::body::IsrBody;
use crate::deliver::Hit;
use crate::header_mode;
use crate::render::context::Current;
use crate::render::here::Entered;

pin_project! {
    /// The response future of [`Isr`](crate::Isr).
    pub struct ResponseFuture<F, R, E> {
        #[pin]
        kind: Kind<F, R, E>,
    }
}

type Waiting<R, E> = Pin<Box<dyn Future<Output = Result<Response<IsrBody<R>>, E>> + Send>>;

pin_project! {
    #[project = KindProjected]
    // Only `Waiting` is boxed: hits and requests that are passed through must not allocate.
    enum Kind<F, R, E> {
        Hit { hit: Hit },
        HeaderModeHit { hit: header_mode::Hit },
        Inner { #[pin] future: F },
        // Apart from `Inner`, which every other program has: it is moved as it is made.
        Scoped { #[pin] future: F, scope: Option<Current> },
        Waiting { future: Waiting<R, E> },
    }
}

impl<F, R, E> ResponseFuture<F, R, E> {
    #[inline]
    pub(crate) fn hit(hit: Hit) -> Self {
        Self {
            kind: Kind::Hit { hit },
        }
    }

    pub(crate) fn header_mode_hit(hit: header_mode::Hit) -> Self {
        Self {
            kind: Kind::HeaderModeHit { hit },
        }
    }

    #[inline]
    pub(crate) fn inner(future: F) -> Self {
        Self {
            kind: Kind::Inner { future },
        }
    }

    /// The inner service's future, with the cache of `scope` in reach, if there is one.
    #[inline]
    pub(crate) fn scoped(future: F, scope: Option<Current>) -> Self {
        Self {
            kind: Kind::Scoped { future, scope },
        }
    }

    pub(crate) fn waiting(
        future: impl Future<Output = Result<Response<IsrBody<R>>, E>> + Send + 'static,
    ) -> Self {
        Self {
            kind: Kind::Waiting {
                future: Box::pin(future),
            },
        }
    }
}

impl<F, R, E> ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    /// Polls for a response, and converts its body with `into`: a caller that converts the body
    /// itself would move the whole response once more.
    #[inline]
    pub(crate) fn poll_into<B>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: impl FnOnce(IsrBody<R>) -> B,
    ) -> Poll<Result<Response<B>, E>> {
        let (future, entered) = match self.project().kind.project() {
            KindProjected::Hit { hit } => return Poll::Ready(Ok(hit.respond(into))),
            KindProjected::HeaderModeHit { hit } => {
                return Poll::Ready(Ok(hit.respond().map(into)));
            }
            KindProjected::Waiting { future } => {
                let response = ready!(future.as_mut().poll(cx));
                return Poll::Ready(response.map(|response| response.map(into)));
            }
            KindProjected::Inner { future } => (future, None),
            KindProjected::Scoped { future, scope } => (future, Some(Entered::if_none(scope))),
        };

        // In one place: a function that is called from two is not inlined into either.
        let response = ready!(future.poll(cx));
        drop(entered);
        Poll::Ready(response.map(|response| response.map(|body| into(IsrBody::inner(body)))))
    }
}

impl<F, R, E> Future for ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<IsrBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_into(cx, identity)
    }
}

impl<F, R, E> fmt::Debug for ResponseFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Hit { .. } | Kind::HeaderModeHit { .. } => "ResponseFuture::Hit",
            Kind::Inner { .. } | Kind::Scoped { .. } => "ResponseFuture::Inner",
            Kind::Waiting { .. } => "ResponseFuture::Waiting",
        })
    }
}
