//! Hit: an entry that was found fresh, so that its response is ready at once.

use std::sync::Arc;

use http::Response;

use super::entry::Entry;
use crate::body::IsrBody;
use crate::clock::Instant;
use crate::deliver::ResponseKind;
use crate::outcome::Outcome;

/// An [`Entry`] that was found fresh. The response is made where it is handed out, since it is
/// large to move.
pub(crate) struct Hit {
    pub(super) entry: Arc<Entry>,
    pub(super) kind: ResponseKind,
    pub(super) cache_name: Option<&'static str>,
    /// Time at which the entry was fresh.
    pub(super) now: Instant,
}

impl Hit {
    /// Returns the client's response.
    pub(crate) fn respond<R>(&self) -> Response<IsrBody<R>> {
        self.entry
            .deliver(self.kind, Outcome::Hit, self.cache_name, self.now)
    }
}
