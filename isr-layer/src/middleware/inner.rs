//! The bounds that the engine needs of the inner service, under one name: [`Inner`].

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::RenderBody;

/// A service whose pages can be rendered with or without a client. Implemented for every service
/// with these bounds.
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
    /// The body of its responses.
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

/// Takes the ready service and leaves a clone, which is not ready. A permit that readiness holds
/// goes with the service taken.
pub(crate) fn take_ready<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    std::mem::replace(inner, clone)
}

/// Calls a ready service, and drops it before the response is awaited: the response future does not
/// need it.
pub(crate) async fn call<S, B>(
    mut ready: S,
    request: Request<B>,
) -> Result<Response<S::Body>, S::Error>
where
    S: Inner<B>,
{
    let response = ready.call(request);
    drop(ready);
    response.await
}
