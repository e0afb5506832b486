//! The end of one render that a purge or a prerendering asked for.

use std::sync::Arc;

use crate::cache::page_flight::CompletedFlight;
use crate::entry::Entry;

/// The end of one render that a purge or a prerendering asked for.
pub(crate) enum JobResult {
    /// A flight completed that knew of the purge.
    Completed(Arc<CompletedFlight>),
    /// A render that knew of the purge had been stored before this one's turn came.
    Stored(Arc<Entry>),
    /// There is no application to render through: the next request renders.
    Marked,
    /// The render was for another tag after all.
    NotReached,
}
