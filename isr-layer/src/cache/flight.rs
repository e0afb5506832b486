//! Flights: one render per key in progress, whoever asks and whoever leaves.
//!
//! A request may take the result of a running render only if no mark it could have seen on arrival is newer than what that
//! render knew when it began. So a flight that a purge has overtaken takes no new joiners: the next request starts its
//! successor, and the two run side by side until both have landed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{Notify, watch};

use super::negative_cache::Failure;
use crate::entry::Entry;
use crate::invalidation::{Marks, TagMark, Validity};
use crate::outcome::Reason;
use crate::render::Key;
use crate::render::Recipe;

/// Stands for a render that has not begun: whatever is purged until it begins, it will know.
const QUEUED: u64 = u64::MAX;

/// The renders in progress.
///
/// Strangers choose the keys; the map's hash has a seed of its own, so they cannot make them collide.
pub(crate) struct Flights {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    joinable: HashMap<Key, Arc<Flight>>,
    /// Those that a purge has overtaken and whose successor has started. Few, and not for long.
    overtaken: Vec<Arc<Flight>>,
}

/// One render in progress.
struct Flight {
    recipe: Recipe,
    /// What is known to carry the page before it is rendered: its page and its declared tags.
    known: Box<[Arc<TagMark>]>,
    as_of: AtomicU64,
    state: watch::Sender<FlightState>,
    gained_waiter: Notify,
}

/// How far a flight is.
enum FlightState {
    InProgress,
    Completed(Arc<CompletedFlight>),
    /// It ended without landing: whoever waits looks again.
    Abandoned,
}

/// How a flight landed.
#[derive(Debug)]
pub(crate) struct CompletedFlight {
    pub(crate) outcome: RenderOutcome,
    pub(crate) took: Duration,
    as_of: u64,
    /// The newest mark on the tags that were learnt during the render.
    late_mark: u64,
}

/// What a flight landed with.
#[derive(Clone, Debug)]
pub(crate) enum RenderOutcome {
    /// An entry everybody may have.
    Stored(Arc<Entry>),
    /// One failure for all who waited.
    Failed(Arc<Failure>),
    /// An answer for the leader alone, and its status if there was one.
    Refused(Reason, Option<StatusCode>),
    /// The page's `params` do not list the path: nothing was rendered.
    NotListed,
}

/// Whether a caller is the leader of a flight or its follower.
pub(crate) enum Joined {
    Lead(Leader),
    Follow(Follower),
}

/// The right and the duty to land a flight. Dropped without landing, the flight is abandoned, so that nobody waits for ever.
pub(crate) struct Leader {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
}

/// A place in somebody else's flight.
pub(crate) struct Follower {
    flight: Arc<Flight>,
    state: watch::Receiver<FlightState>,
    /// The last number published when the caller arrived.
    arrival: u64,
}

/// Whether a render in progress is known to be one of those named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Certain,
    /// Its end will tell.
    Pending,
}

/// A render in progress whose end will tell whether it is one of those named.
pub(crate) struct PendingMatch {
    pub(crate) recipe: Recipe,
    state: watch::Receiver<FlightState>,
}

impl Flights {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::default(),
        })
    }

    /// Joins the flight of a recipe's key, or starts one when there is none that a purge has not overtaken. `arrival` is the
    /// last number published when the caller came.
    pub(crate) fn join(
        self: &Arc<Self>,
        marks: &Marks,
        recipe: &Recipe,
        known: &[Arc<TagMark>],
        arrival: u64,
    ) -> Joined {
        let mut table = self.lock();
        if let Some(flight) = table
            .joinable
            .get(&recipe.key)
            .filter(|flight| !flight.is_overtaken(marks))
        {
            return Joined::Follow(flight.follow(arrival));
        }
        let flight = Arc::new(Flight {
            recipe: recipe.clone(),
            known: known.into(),
            as_of: AtomicU64::new(QUEUED),
            state: watch::Sender::new(FlightState::InProgress),
            gained_waiter: Notify::new(),
        });
        let overtaken = table.joinable.insert(recipe.key.clone(), flight.clone());
        table.overtaken.extend(overtaken);
        Joined::Lead(Leader {
            flights: self.clone(),
            flight,
        })
    }

    /// The renders in progress that `is_named` names, by key and by what is known to carry the page: those it is sure of, and
    /// those it is not.
    pub(crate) fn in_progress(
        &self,
        is_named: impl Fn(&Key, &[Arc<TagMark>]) -> Option<Match>,
    ) -> (Vec<Recipe>, Vec<PendingMatch>) {
        let table = self.lock();
        let (mut sure, mut pending) = (Vec::new(), Vec::new());
        for flight in table.joinable.values().chain(&table.overtaken) {
            let recipe = flight.recipe.clone();
            match is_named(&recipe.key, &flight.known) {
                Some(Match::Certain) => sure.push(recipe),
                Some(Match::Pending) => pending.push(PendingMatch {
                    recipe,
                    state: flight.state.subscribe(),
                }),
                None => {}
            }
        }
        (sure, pending)
    }

    /// Whether a key is being rendered.
    pub(crate) fn is_in_progress(&self, key: &Key) -> bool {
        self.lock().joinable.contains_key(key)
    }

    /// How many flights take joiners.
    pub(crate) fn len(&self) -> usize {
        self.lock().joinable.len()
    }

    /// Does `work` while no flight lands or starts.
    pub(crate) fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        let _table = self.lock();
        work()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn is_overtaken(&self, marks: &Marks) -> bool {
        let as_of = self.as_of.load(Ordering::Acquire);
        as_of != QUEUED
            && marks.validity(self.recipe.key.path(), &self.known, as_of) != Validity::Valid
    }

    fn follow(self: &Arc<Self>, arrival: u64) -> Follower {
        Follower {
            state: self.state.subscribe(),
            flight: self.clone(),
            arrival,
        }
    }
}

impl Leader {
    /// Begins the render: from here on it knows all purges up to the number returned, and none after.
    pub(crate) fn begin(&self, marks: &Marks) -> u64 {
        // Under the lock, so that whoever joined before knows that this render comes after its arrival.
        let _table = self.flights.lock();
        let as_of = marks.published();
        self.flight.as_of.store(as_of, Ordering::Release);
        as_of
    }

    /// A place in this flight for the one who starts it without a client of its own.
    pub(crate) fn follow(&self, arrival: u64) -> Follower {
        self.flight.follow(arrival)
    }

    /// What is known to carry the page before it is rendered.
    pub(crate) fn known(&self) -> &[Arc<TagMark>] {
        &self.flight.known
    }

    /// Resolves once somebody waits for this flight.
    pub(crate) async fn gained_waiter(&self) {
        self.flight.gained_waiter.notified().await;
    }

    /// Ends the flight. `settle` changes the cache and says what that ends it with, and the newest mark on the tags that were
    /// learnt during the render; no other flight of any key lands or starts meanwhile, and nobody joins: who joined before
    /// had seen no newer mark.
    pub(crate) fn complete(
        self,
        took: Duration,
        settle: impl FnOnce() -> (RenderOutcome, u64),
    ) -> Arc<CompletedFlight> {
        let as_of = self.flight.as_of.load(Ordering::Acquire);
        // Should this panic, the flight is abandoned.
        let (outcome, late_mark) = self.leave(settle);
        let landed = Arc::new(CompletedFlight {
            outcome,
            took,
            as_of,
            late_mark,
        });
        self.flight
            .state
            .send_replace(FlightState::Completed(landed.clone()));
        landed
    }

    fn leave<T>(&self, settle: impl FnOnce() -> T) -> T {
        let key = &self.flight.recipe.key;
        let mut table = self.flights.lock();
        let settled = settle();
        if table
            .joinable
            .get(key)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            table.joinable.remove(key);
        } else {
            table
                .overtaken
                .retain(|flight| !Arc::ptr_eq(flight, &self.flight));
        }
        settled
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.flight.state.borrow().is_over() {
            self.leave(|| {});
            self.flight.state.send_replace(FlightState::Abandoned);
        }
    }
}

impl Follower {
    /// Waits for the flight to end; `None` when it was abandoned or is too old for this caller, who looks again. A render that
    /// a client waits for needs no permit.
    pub(crate) async fn wait(self) -> Option<Arc<CompletedFlight>> {
        self.flight.gained_waiter.notify_one();
        self.landed().await
    }

    /// The same for a caller who is no client.
    pub(crate) async fn landed(mut self) -> Option<Arc<CompletedFlight>> {
        match &*self.state.wait_for(FlightState::is_over).await.ok()? {
            FlightState::Completed(landed) if landed.is_acceptable(self.arrival) => {
                Some(landed.clone())
            }
            _ => None,
        }
    }
}

impl PendingMatch {
    /// Waits for the flight to end, and gives the entry it stored.
    pub(crate) async fn stored(&mut self) -> Option<Arc<Entry>> {
        let state = self.state.wait_for(FlightState::is_over).await.ok()?;
        let FlightState::Completed(landed) = &*state else {
            return None;
        };
        match &landed.outcome {
            RenderOutcome::Stored(entry) => Some(entry.clone()),
            _ => None,
        }
    }
}

impl FlightState {
    fn is_over(&self) -> bool {
        !matches!(self, Self::InProgress)
    }
}

impl CompletedFlight {
    /// Marks on what was known before the render were looked at when the caller joined. A tag that was learnt later could
    /// have been purged before that, and its mark does not tell whether it was the only one.
    fn is_acceptable(&self, arrival: u64) -> bool {
        let is_old_news = !matches!(self.outcome, RenderOutcome::Stored(_));
        is_old_news || arrival <= self.as_of || self.late_mark <= self.as_of
    }
}
