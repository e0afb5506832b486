//! A stored answer that was found fresh: nothing has to be waited for.

use std::sync::Arc;

use http::Response;

use super::entry::Entry;
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::deliver::ResponseKind;
use crate::outcome::Outcome;

/// A stored answer that was found fresh. A client's is made of it only where it is handed out, since it is large to move.
pub(crate) struct Hit {
    pub(super) entry: Arc<Entry>,
    pub(super) kind: ResponseKind,
    pub(super) show_status: bool,
    /// When it was found fresh.
    pub(super) now: Instant,
}

impl Hit {
    /// The client's answer.
    pub(crate) fn answer<R>(&self) -> Response<IsrBody<R>> {
        self.entry
            .deliver(self.kind, Outcome::Hit, self.show_status, self.now)
    }
}
