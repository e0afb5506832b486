//! The suite that every store passes.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::at_once::within;
use super::promise::Broken;
use super::promises::{ACROSS_RESTARTS, Check, LARGE, LAST, WITHIN_ONE_RUN};
use super::trial::{Handle, Open, Trial};
use crate::catch_panic::catch_panic;
use crate::store::Store;

/// The time that the check of one promise may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The tests of a store, made by [`store_suite`]. They run when this is awaited.
#[must_use = "the suite tests nothing until it is awaited"]
pub struct StoreSuite<'a> {
    open: Open<'a>,
    outlives: bool,
    timeout: Duration,
}

/// Tests that a store keeps each promise of the trait [`Store`].
///
/// `open` opens a new handle on one and the same place each time it is called. The suite drops a
/// handle before it opens the next, as a restart does. The place is empty at first, and used by the
/// suite alone. At most two builds are joined.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/testing/example_store.rs"));
/// use isr_layer::testing::store_suite;
///
/// # /*
/// #[tokio::test]
/// # */
/// # #[tokio::main(flavor = "current_thread")]
/// async fn my_store_keeps_its_promises() {
///     let place = Place::default(); // such as an empty folder
///
///     store_suite(|| MyStore::open(&place)).await;
/// }
/// # fn main() { my_store_keeps_its_promises() }
/// ```
///
/// A restart is a handle that is dropped and opened again. That a purge survives `kill -9` and a
/// power cut is a promise, too, and no test within the process can hold it: give each
/// [`record`](Store::record) to the disk before it returns.
///
/// # Panics
///
/// When the suite is awaited, if the store breaks a promise. The message names each promise that is
/// broken, with the value that was expected and the one that came. Promises that build on a broken
/// one are left out. It panics outside of a tokio runtime, too: a test under `#[tokio::test]` has
/// one.
pub fn store_suite<'a, S, F>(open: impl Fn() -> F + Send + Sync + 'a) -> StoreSuite<'a>
where
    S: Store,
    F: Future<Output = S> + Send + 'a,
{
    StoreSuite {
        open: Box::new(move || {
            let opened = open();
            Box::pin(async move { Arc::new(opened.await) as Handle })
        }),
        outlives: true,
        timeout: TIMEOUT,
    }
}

impl StoreSuite<'_> {
    /// Leaves out the promises that only a store can keep that outlives its handle: those about
    /// restarts and builds. Any other store is a second memory, whose pages and purges end
    /// together.
    pub fn forgets_on_restart(mut self) -> Self {
        self.outlives = false;
        self
    }

    /// Sets the time that the check of one promise may take, by the clock on the wall. The default
    /// is a minute.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn run(self) {
        let checks = match self.outlives {
            true => [WITHIN_ONE_RUN, ACROSS_RESTARTS, LARGE, LAST].concat(),
            false => [WITHIN_ONE_RUN, LARGE].concat(),
        };
        let mut trial = Trial::new(self.open, self.outlives);
        let mut skipped = Vec::new();
        for check in &checks {
            let broken = |base| trial.is_broken(base) || skipped.contains(base);
            if check.builds_on.iter().any(broken) {
                skipped.push(check.promise);
            } else {
                run_check(&mut trial, check, self.timeout).await;
            }
        }

        let report = Report {
            broken: &trial.broken,
            skipped: skipped.len(),
            all: checks.len(),
        };
        assert!(report.broken.is_empty(), "{report}");
    }
}

async fn run_check(trial: &mut Trial<'_>, check: &Check, limit: Duration) {
    trial.promise = check.promise;
    let work = catch_panic(async {
        trial.begin().await?;
        (check.run)(trial).await
    });
    let broken = match within(limit, work).await {
        Some(Some(Ok(()))) => return,
        Some(Some(Err(broken))) => broken,
        Some(None) => trial.broken("no panic", "a panic, whose message is above"),
        None => trial.broken(format!("an end within {limit:?}"), "no end"),
    };

    trial.note(broken);
    // The handle may be in any state.
    trial.close();
}

impl<'a> IntoFuture for StoreSuite<'a> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for StoreSuite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSuite").finish_non_exhaustive()
    }
}

/// The promises that are [`Broken`], the number of those that build on them, and of all.
struct Report<'a> {
    broken: &'a [Broken],
    skipped: usize,
    all: usize,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = self.broken.len();
        write!(f, "the store breaks {broken} of {} promises:", self.all)?;
        for broken in self.broken {
            write!(f, "\n{broken}")?;
        }
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, "\n{skipped} more build on these, and were not checked"),
        }
    }
}
