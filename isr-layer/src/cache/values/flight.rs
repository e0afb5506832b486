//! The flights of values: the work is one load.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::load::SharedError;
use super::value::Value;
use crate::cache::flight::Work;
use crate::cache::negative_cache::{Backoff, NegativeKey, Remember};
use crate::invalidation::{Sequence, Subject, TagMark};
use crate::outcome::Reason;
use crate::value::ValueKey;

/// The load of one value.
pub(crate) struct Load {
    pub(super) key: ValueKey,
    pub(super) arguments: Arc<dyn Any + Send + Sync>,
    /// The marks that are known before the load: those of the name, of the value, and of its tags.
    pub(super) marks: Box<[Arc<TagMark>]>,
    pub(super) timeout: Duration,
    /// The newest purge of the thing that the value is for: it is made of nothing that is older.
    pub(super) needs: Sequence,
}

/// The end of a load, for all who wait.
pub(crate) enum LoadEnd {
    /// A value for everybody.
    Loaded(Arc<Value>),
    /// A value for the one who began the load: nothing that is made of it may be kept.
    ForOne(Arc<Value>),
    Failed(LoadFailure),
}

/// A load that failed.
#[derive(Clone)]
pub(crate) struct LoadFailure {
    /// Its error, if that can be shared.
    pub(crate) error: Option<SharedError>,
    /// The value of a response that says that the upstream is in trouble. Nothing keeps it, and all
    /// get it while the next try waits.
    pub(crate) value: Option<Arc<Value>>,
    pub(crate) reason: Reason,
}

/// A failure that is remembered, for the same arguments.
#[derive(Clone)]
pub(crate) struct RememberedFailure {
    pub(super) failure: LoadFailure,
    pub(super) arguments: Arc<dyn Any + Send + Sync>,
}

impl LoadFailure {
    pub(super) fn of(error: Option<SharedError>) -> Self {
        let (value, reason) = (None, Reason::ServiceError);
        Self {
            error,
            value,
            reason,
        }
    }

    /// Returns the failure as it is remembered, for a call with these arguments.
    pub(super) fn remembered_for(
        self,
        arguments: &Arc<dyn Any + Send + Sync>,
    ) -> RememberedFailure {
        RememberedFailure {
            failure: self,
            arguments: arguments.clone(),
        }
    }

    /// A response of an upstream that says that it is in trouble.
    pub(super) fn with_value(value: Arc<Value>) -> Self {
        Self {
            value: Some(value),
            ..Self::without_error(Reason::FailedStatus)
        }
    }

    pub(super) fn without_error(reason: Reason) -> Self {
        let (error, value) = (None, None);
        Self {
            error,
            value,
            reason,
        }
    }

    /// True if a reader that takes shared errors, or not, can end with the failure: it has an error
    /// to return, or ends as the load did, by a panic.
    pub(super) fn can_end(&self, takes_shared: bool) -> bool {
        let has_panicked = matches!(self.reason, Reason::Panic | Reason::Timeout);
        has_panicked || self.error.is_some() && takes_shared
    }
}

impl Work for Load {
    type Key = ValueKey;
    type Outcome = LoadEnd;

    const AT_ONCE: usize = 3;

    fn key(&self) -> &ValueKey {
        &self.key
    }

    fn subject(&self) -> Subject<'_> {
        Subject::nowhere(&self.marks)
    }

    fn limit(&self) -> Option<Duration> {
        Some(self.timeout)
    }

    fn is_timeless(outcome: &LoadEnd) -> bool {
        // No purge makes a failure wrong.
        matches!(outcome, LoadEnd::Failed(_))
    }

    fn outruns(outcome: &LoadEnd) -> bool {
        // An older load that succeeds is better than a failure.
        !matches!(outcome, LoadEnd::Failed(_))
    }
}

impl NegativeKey for ValueKey {
    fn subject<'a>(&'a self, tags: &'a [Arc<TagMark>]) -> Subject<'a> {
        Subject::nowhere(tags)
    }

    fn size(&self) -> usize {
        Self::size(self)
    }
}

impl Remember for RememberedFailure {
    /// Loads are cheap to try again, but not for as many readers as a cold value has.
    const COLD: Backoff = Backoff::FAILURE;

    fn remembered(&self) -> Self {
        self.clone()
    }

    fn size(&self) -> usize {
        // The size of an error is not known: so much that about a thousand are remembered.
        let value = self.failure.value.as_ref().map_or(0, |value| value.size());
        let error = self.failure.error.as_ref().map_or(128, |_| 8 * 1024);
        value + error
    }
}
