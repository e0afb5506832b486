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
    breaker: Breaker,
    logged: Mutex<Logged>,
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
            breaker: Breaker::default(),
            logged: Mutex::default(),
        }
    }

    /// True if the store may be called now; otherwise it is being left alone.
    pub(super) fn admits(&self) -> bool {
        self.breaker.admits(clock::now())
    }

    /// True while the store is being left alone.
    pub(super) fn is_left_alone(&self) -> bool {
        self.breaker.is_open()
    }

    /// Calls the store, which has until `limit` for it. Outside of a runtime there is no clock to
    /// wait by, and so no limit.
    pub(super) async fn call<T, F>(
        &self,
        limit: Duration,
        call: impl FnOnce(Arc<dyn ErasedStore>) -> F,
    ) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let store = self.lock().clone().ok_or(Trouble::Closed)?;
        // Called inside, so that a panic before the first poll is caught, too.
        let work = catch_panic(async { call(store).await });
        let end = match is_in_runtime() {
            true => tokio::time::timeout(limit, work).await,
            false => Ok(work.await),
        };

        let result = match end {
            Ok(Some(result)) => result.map_err(Trouble::Error),
            Ok(None) => Err(Trouble::Panic),
            Err(_) => Err(Trouble::Slow),
        };
        self.breaker.note(result.is_ok(), clock::now());
        if let Err(trouble) = &result {
            self.log(trouble);
        }
        result
    }

    /// Lets the store go. Whoever calls it at this moment still has it.
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
