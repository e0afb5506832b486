//! The reach of a purge: this process, or the store.

use serde::Serialize;

/// The reach of a purge when its call returned, by [`Receipt::reach`](crate::Receipt::reach). Only
/// a layer with a [`store`](crate::IsrLayerBuilder::store) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reach {
    /// The purge holds in this process. The store did not record it within 1.5 seconds, so a
    /// restart may undo it: the call counts as failed
    /// ([`is_revalidated`](crate::Receipt::is_revalidated) is false, the endpoint responds with
    /// 503), and the sender should repeat it. The layer records it, too, as soon as the store
    /// allows that.
    Local,
    /// The purge is recorded in the store: no restart undoes it.
    Recorded,
}
