//! A store in memory: one that keeps every promise, until a test tells it to make trouble.

mod state;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use isr_layer::store::{Found, Mark, Store, StoreError, StoreErrorKind, Validity, Write};

use self::state::State;

/// A place in memory, and a handle on it. A clone is a new handle, as a process has one that opens
/// the place again: it shares all that is kept, and no build.
///
/// ```
/// # use isr_tests::{MemoryStore, Trouble};
/// let disk = MemoryStore::new();
/// let before = disk.clone(); // for the layer of one process
/// drop(before);
/// let after = disk.clone(); // for the layer of the next
/// disk.fail(Trouble::Hang);
/// assert_eq!(after.calls().gets, 0);
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    build: Mutex<String>,
}

/// The behaviour of a [`MemoryStore`] that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No call ends.
    Hang,
    /// Each call panics.
    Panic,
    /// Each call succeeds and tells nonsense: each key has a valid page of octets that nothing
    /// wrote, a write does nothing, and each purge has the number 0.
    Garbage,
    /// Each call fails with an error of this kind.
    Error(StoreErrorKind),
}

/// A method of the store that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `get`
    Get,
    /// `write`
    Write,
    /// `record`
    Record,
}

/// The numbers of calls that began, those that fail included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// The calls of `join`.
    pub joins: usize,
    /// The calls of `get`.
    pub gets: usize,
    /// The calls of `write`.
    pub writes: usize,
    /// The calls of `record`.
    pub records: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// By the number of the [`Call`].
    troubles: Mutex<[Option<Trouble>; 3]>,
    joins: AtomicUsize,
    /// By the number of the [`Call`].
    calls: [AtomicUsize; 3],
}

impl MemoryStore {
    /// Makes an empty place.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every call of every handle fail from now on. `join` goes on working.
    pub fn fail(&self, trouble: Trouble) {
        *lock(&self.shared.troubles) = [Some(trouble); 3];
    }

    /// Makes every call of one method fail from now on.
    pub fn fail_at(&self, call: Call, trouble: Trouble) {
        lock(&self.shared.troubles)[call as usize] = Some(trouble);
    }

    /// Ends all trouble. A call that hangs goes on hanging.
    pub fn heal(&self) {
        *lock(&self.shared.troubles) = [None; 3];
    }

    /// Returns the numbers of calls of all handles.
    pub fn calls(&self) -> Calls {
        let of = |call: Call| self.shared.calls[call as usize].load(Ordering::SeqCst);
        Calls {
            joins: self.shared.joins.load(Ordering::SeqCst),
            gets: of(Call::Get),
            writes: of(Call::Write),
            records: of(Call::Record),
        }
    }

    /// Returns the number of pages of all builds.
    pub fn len(&self) -> usize {
        self.state().len()
    }

    /// True if no page of any build is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all pages, and no purge.
    pub fn forget_pages(&self) {
        self.state().forget_pages();
    }

    /// Returns the highest number of a purge or a page.
    pub fn highest(&self) -> u64 {
        self.state().highest()
    }

    /// Returns all marks that were recorded, in their order, with the numbers of their calls.
    pub fn recorded(&self) -> Vec<(u64, Mark)> {
        self.state().recorded().to_vec()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    /// Counts a call. Returns true if it has to tell nonsense.
    async fn begin(&self, call: Call) -> Result<bool, StoreError> {
        self.shared.calls[call as usize].fetch_add(1, Ordering::SeqCst);
        let trouble = lock(&self.shared.troubles)[call as usize];

        match trouble {
            None => Ok(false),
            Some(Trouble::Garbage) => Ok(true),
            Some(Trouble::Hang) => pending().await,
            Some(Trouble::Panic) => panic!("the store was told to panic"),
            Some(Trouble::Error(kind)) => Err(StoreError::new(kind, "the store was told to fail")),
        }
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            build: Mutex::default(),
        }
    }
}

impl Store for MemoryStore {
    fn join(&self, build: &str) -> Result<u64, StoreError> {
        self.shared.joins.fetch_add(1, Ordering::SeqCst);
        build.clone_into(&mut lock(&self.build));
        Ok(self.state().highest())
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Found>, StoreError> {
        if self.begin(Call::Get).await? {
            let octets = Bytes::from_static(b"\xff\0 no page of yours");
            return Ok(Some(Found::new(octets, Validity::Valid)));
        }
        let build = lock(&self.build);
        Ok(self.state().find(&build, key))
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        if self.begin(Call::Write).await? {
            return Ok(());
        }
        let build = lock(&self.build);
        let mut state = self.state();
        for write in writes {
            state.write(&build, write);
        }
        Ok(())
    }

    async fn record(&self, marks: &[Mark]) -> Result<u64, StoreError> {
        if self.begin(Call::Record).await? {
            return Ok(0);
        }
        Ok(self.state().record(marks))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
