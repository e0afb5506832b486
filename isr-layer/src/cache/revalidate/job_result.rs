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
    /// The store had a page that knew of the purge, so nothing was rendered.
    Loaded(Arc<Entry>),
    /// There is no application to render through: the next request renders.
    NoApplication,
    /// Its turn did not come in time, or a render in progress may yet add the tag: the page is
    /// marked, and the next request renders.
    GaveUp,
    /// The render was for another tag after all.
    NotReached,
}
