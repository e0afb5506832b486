//! The end of one render, and the reply to the client whose request started it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, response};

use super::page_flight::CompletedFlight;
use super::undecided::Undecided;
use crate::body::IsrBody;
use crate::entry::{Birth, NotStored};
use crate::invalidation::Sequence;
use crate::outcome::Reason;
use crate::render::context::HandlerHints;

/// The end of one render.
pub(crate) enum RenderEnd<B, E> {
    /// A response that was read whole, and the verdict on its head.
    Whole {
        parts: response::Parts,
        body: Bytes,
        trailers: Option<Box<HeaderMap>>,
        admitted: Result<(), NotStored>,
    },
    /// A response that was not read, or not to its end, and goes on to the client as it is.
    Unread {
        response: Response<IsrBody<B>>,
        why: NotStored,
    },
    /// No response, or half of one.
    Failed(Reason),
    /// The inner service's error.
    Error(E),
    /// The application is gone.
    Gone,
    /// The page's `params` do not list the path: nothing was rendered.
    NotListed,
}

/// The reply to the client whose request started a render.
pub(crate) enum LeaderReply<B, E> {
    /// The outcome that everybody who waits gets.
    Shared(Arc<CompletedFlight>),
    /// A response that was made for this client alone.
    Own {
        response: Response<IsrBody<B>>,
        why: NotStored,
    },
    /// For this reason only the client's own request can have a response: see
    /// [`Reason::needs_client`].
    AskForClient(Reason),
    /// The client's own request is needed too, and its response tells how the flight completes.
    Undecided(Undecided),
    /// The inner service's error.
    Error(E),
}

/// Everything that is known of a render beside its response.
pub(super) struct Attempt {
    /// The last number published before the render began.
    pub(super) as_of: Sequence,
    pub(super) born: Birth,
    pub(super) hints: HandlerHints,
    /// True if the page said that it runs.
    pub(super) handler_ran: bool,
    /// True if the inner service was ready and had the request.
    pub(super) was_asked: bool,
    /// The reason why a store could not be asked for the page before.
    pub(super) store_trouble: Option<Reason>,
}
