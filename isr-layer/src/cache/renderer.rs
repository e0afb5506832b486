//! The two ways to render: through a service for one recipe, and through the whole application for
//! any page.

use std::future::Future;

use bytes::Bytes;
use http::Response;
use http_body::Body;

use super::page_flight::Leader;
use super::permits::Purpose;
use crate::render::Recipe;

/// Renders one recipe once.
pub(crate) trait Render: Send + 'static {
    type Body: Body<Data = Bytes> + Send + 'static;
    type Error: Send + 'static;

    /// Returns one response of the inner service.
    fn render(
        self,
        recipe: &Recipe,
    ) -> impl Future<Output = RenderResult<Self::Body, Self::Error>> + Send;
}

/// A response of the inner service, or the reason why it gave none.
pub(crate) type RenderResult<B, E> = Result<Response<B>, RenderError<E>>;

/// The reason why the inner service gave no response.
pub(crate) enum RenderError<E> {
    /// The inner service's own error.
    Service(E),
    /// The application is gone.
    Gone,
}

/// An application that renders without a client for as long as it lives.
pub(crate) trait Renderer: Send + Sync {
    /// Starts the render of a flight on a task of its own. Without an application the leader is
    /// dropped, which abandons the flight.
    fn start(&self, leader: Leader, purpose: Purpose);

    /// True if the application is still there.
    fn is_alive(&self) -> bool;
}
