//! The inner service, as the engine needs it: one name for the bounds that belong together.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::RenderBody;

/// A service whose pages can be rendered with or without a client. Implemented for every service that fits.
pub(crate) trait Inner<B>:
    Service<
        Request<B>,
        Response = Response<Self::Body>,
        Error: Send + 'static,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    /// The body of its answers.
    type Body: Body<Data = Bytes> + Send + 'static;
}

impl<S, B, R> Inner<B> for S
where
    S: Service<Request<B>, Response = Response<R>, Error: Send + 'static, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    B: RenderBody + Send + 'static,
{
    type Body = R;
}

/// Takes the ready service and leaves a clone that is not: whatever readiness holds goes where the ready one goes.
pub(crate) fn take_ready<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    std::mem::replace(inner, clone)
}

/// Calls a service that is ready, and lets it go before the answer is awaited, as a client's own would.
pub(crate) async fn call<S, B>(
    mut ready: S,
    request: Request<B>,
) -> Result<Response<S::Body>, S::Error>
where
    S: Inner<B>,
{
    let answer = ready.call(request);
    drop(ready);
    answer.await
}
