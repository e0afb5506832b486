//! The reach of a purge: this process, or the store.

use serde::Serialize;

/// The reach of a purge when its call returned. Only a layer with a
/// [`store`](crate::IsrLayerBuilder::store) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reach {
    /// The purge holds in this process. The store did not record it, so a restart may undo it: the
    /// call counts as failed, and the sender should repeat it. The layer records it, too, as soon
    /// as the store allows that.
    Local,
    /// The purge is recorded in the store: no restart undoes it.
    Recorded,
}
