//! Places: few requests go on though no client waits for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Number of requests that go on though their clients left, in one layer.
const MAX_UNWAITED: usize = 64;

/// The places for requests that no client waits for any more. Refreshes have
/// [`Permits`](crate::cache::Permits) instead.
#[derive(Debug)]
pub(super) struct Places(Arc<Semaphore>);

/// A place, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_UNWAITED)))
    }

    /// Returns a place, if one is free now.
    pub(super) fn try_take(&self) -> Option<Place> {
        let permit = self.0.clone().try_acquire_owned();
        permit.ok().map(|permit| Place { _permit: permit })
    }
}
