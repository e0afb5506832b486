//! The store of one layer as everything here calls it: with a time limit, without a panic, and left
//! alone while it fails.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::Breaker;
use super::{ErasedStore, StoreError};
use crate::catch_panic::catch_panic;
use crate::clock::{self, Instant};
use crate::observe;
use crate::outcome::Reason;
use crate::spawn::is_in_runtime;

/// The time between two lines of the log about a store that fails.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// The store of one layer.
pub(super) struct Backend {
    /// `None` once the layer is shut down.
    store: Mutex<Option<Arc<dyn ErasedStore>>>,
    /// By the number of the [`Work`].
    breakers: [Breaker; 3],
    logged: Mutex<Logged>,
}

/// The work that a store is called for. One kind may fail while the others succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Read,
    Write,
    Record,
}

/// The failures that were not logged, since the last line.
#[derive(Debug, Default)]
struct Logged {
    last: Option<Instant>,
    failures: u64,
}

/// The reason why a call of a store gave nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It took longer than its limit.
    Slow,
    Error(StoreError),
    Panic,
    /// It is being left alone, or the layer is shut down.
    Closed,
}

impl Backend {
    pub(super) fn new(store: Arc<dyn ErasedStore>) -> Self {
        Self {
            store: Mutex::new(Some(store)),
            breakers: Default::default(),
            logged: Mutex::default(),
        }
    }

    /// True if the store may be called now for that work; otherwise it is being left alone.
    pub(super) fn admits(&self, work: Work) -> bool {
        self.breaker(work).admits(clock::now())
    }

    /// True while the store is being left alone.
    pub(super) fn is_left_alone(&self, work: Work) -> bool {
        self.breaker(work).is_open()
    }

    fn breaker(&self, work: Work) -> &Breaker {
        &self.breakers[work as usize]
    }

    /// Calls the store, which has until `limit` for it. Outside of a runtime there is no clock to
    /// wait by, and so no limit.
    pub(super) async fn call<T, F>(
        &self,
        work: Work,
        limit: Duration,
        call: impl FnOnce(Arc<dyn ErasedStore>) -> F,
    ) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let store = self.lock().clone().ok_or(Trouble::Closed)?;
        // Called inside, so that a panic before the first poll is caught, too.
        let called = catch_panic(async { call(store).await });
        let end = match is_in_runtime() {
            true => tokio::time::timeout(limit, called).await,
            false => Ok(called.await),
        };

        let result = match end {
            Ok(Some(result)) => result.map_err(Trouble::Error),
            Ok(None) => Err(Trouble::Panic),
            Err(_) => Err(Trouble::Slow),
        };
        self.breaker(work).note(result.is_ok(), clock::now());
        if let Err(trouble) = &result {
            self.log(trouble);
        }
        result
    }

    /// True once the layer is shut down.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    /// Lets the store go. A call at this moment still has it.
    pub(super) fn close(&self) -> Option<Arc<dyn ErasedStore>> {
        self.lock().take()
    }

    fn log(&self, trouble: &Trouble) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.failures += 1;
        let now = clock::now();
        let is_due = logged
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= LOG_PAUSE);
        if is_due {
            observe::store_failed(&trouble.to_string(), logged.failures);
            *logged = Logged {
                last: Some(now),
                failures: 0,
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<dyn ErasedStore>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trouble {
    /// Returns the reason that a request is told.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Slow => Reason::StoreSlow,
            Self::Error(_) | Self::Panic | Self::Closed => Reason::StoreError,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow => f.write_str("the store took longer than its time limit"),
            Self::Error(error) => error.fmt(f),
            Self::Panic => f.write_str("the store panicked"),
            Self::Closed => f.write_str("the store is closed"),
        }
    }
}
