//! Flights: one piece of work in progress per key, however many requests wait for it and
//! whichever of them leave.
//!
//! A request may take the result of a running flight only if no mark it could have seen on arrival
//! is newer than the number the flight began at. So a flight that a purge has overtaken takes no
//! new followers: the next request starts its successor, and the two run side by side until both
//! have completed. One that began later can mark the older flights of its key as outrun: these then
//! change nothing when they complete.

mod patience;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::{self, Instant};
use crate::invalidation::{AtomicSequence, Marks, Sequence, Subject, Validity};

/// A kind of work that one flight does for every request for its key.
pub(crate) trait Work: Send + Sync + 'static {
    type Key: Clone + Eq + Hash + Send + Sync;
    /// The end of a flight, shared by everyone who waits for it.
    type Outcome: Send + Sync;

    fn key(&self) -> &Self::Key;

    /// Everything a mark can reach that is known before the work is done.
    fn subject(&self) -> Subject<'_>;

    /// True if no purge can have made this outcome wrong.
    fn is_timeless(outcome: &Self::Outcome) -> bool;

    /// Returns the time that the work itself takes at most, if it has a limit.
    fn limit(&self) -> Option<Duration>;

    /// True if this outcome replaces whatever older flights of the key will find.
    fn outruns(outcome: &Self::Outcome) -> bool;
}

/// The flights of one kind of work.
///
/// Clients choose the keys. The map's hash has a random seed, so a client cannot make keys collide.
pub(crate) struct Flights<W: Work> {
    table: Mutex<Table<W>>,
    /// The number of flights that have begun. It grows under the lock of `table`.
    begun: AtomicU64,
}

/// The flights of each key, in the order in which they were started.
type Table<W> = HashMap<<W as Work>::Key, Vec<Arc<Flight<W>>>>;

struct Flight<W: Work> {
    work: W,
    started: Instant,
    as_of: AtomicSequence,
    /// The position in the order in which flights began, from 1.
    number: AtomicU64,
    /// Set once a flight that began later has completed, or by [`Flights::outrun`]: this one then
    /// changes nothing.
    is_outrun: AtomicBool,
    state: watch::Sender<FlightState<W>>,
    gained_waiter: Notify,
}

enum FlightState<W: Work> {
    InProgress,
    Completed(Arc<CompletedFlight<W>>),
    /// Ended without completing: the followers look the key up again.
    Abandoned,
}

/// A flight that completed, as its followers see it.
pub(crate) struct CompletedFlight<W: Work> {
    pub(crate) outcome: W::Outcome,
    pub(crate) took: Duration,
    as_of: Sequence,
    /// The newest mark on the tags that were learnt while the work was done.
    late_mark: Sequence,
}

/// The role of a caller in a flight.
pub(crate) enum Joined<W: Work> {
    Lead(Leader<W>),
    Follow(Follower<W>),
}

/// Held by the task that does the work, which must call [`complete`](Self::complete). If it is
/// dropped instead, the flight is abandoned and waiting requests look their key up again.
pub(crate) struct Leader<W: Work> {
    flights: Arc<Flights<W>>,
    flight: Arc<Flight<W>>,
}

/// A place in a flight that somebody else leads.
pub(crate) struct Follower<W: Work> {
    flight: Arc<Flight<W>>,
    state: watch::Receiver<FlightState<W>>,
    /// The last number published when the caller arrived.
    arrival: Sequence,
}

impl<W: Work> Flights<W> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::default(),
            begun: AtomicU64::new(0),
        })
    }

    /// Joins a flight of the key of `work` that no purge has overtaken and that `admits` accepts,
    /// or starts one with `work`. `arrival` is the last number published when the caller came.
    ///
    /// First of all, `second_look` looks for a result once more: a flight may have completed since
    /// the caller's first look. `Err` is the result it finds.
    pub(crate) fn join<T>(
        self: &Arc<Self>,
        marks: &Marks,
        work: W,
        arrival: Sequence,
        admits: impl Fn(&W) -> bool,
        second_look: impl FnOnce() -> Option<T>,
    ) -> Result<Joined<W>, T> {
        // Results are stored under this lock: no flight completes between the look and the rest.
        let mut table = self.lock();
        if let Some(found) = second_look() {
            return Err(found);
        }

        let running = table.get(work.key()).map_or(&[][..], Vec::as_slice);
        let can_join = |flight: &&Arc<Flight<W>>| flight.can_join(marks) && admits(&flight.work);
        Ok(match running.iter().rev().find(can_join) {
            Some(flight) => Joined::Follow(flight.follow(arrival)),
            None => Joined::Lead(self.start_in(&mut table, work)),
        })
    }

    /// Starts a flight, whether others run or not.
    pub(crate) fn start(self: &Arc<Self>, work: W) -> Leader<W> {
        self.start_in(&mut self.lock(), work)
    }

    /// Keeps all flights of `keys` from being joined and from changing anything. Does `work` while
    /// no flight starts or completes.
    pub(crate) fn outrun<T>(&self, keys: &[W::Key], work: impl FnOnce() -> T) -> T {
        let table = self.lock();
        for flight in keys.iter().filter_map(|key| table.get(key)).flatten() {
            flight.is_outrun.store(true, Ordering::Relaxed);
        }
        work()
    }

    /// Calls `look` with the work of every flight, and with a way to wait for its end.
    pub(crate) fn for_each(&self, mut look: impl FnMut(&W, &dyn Fn() -> Follower<W>)) {
        for flight in self.lock().values().flatten() {
            look(&flight.work, &|| flight.follow(Sequence::NO_MARK));
        }
    }

    /// Returns the number of keys that have a flight.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Does `work` while no flight starts or completes.
    pub(crate) fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        let _table = self.lock();
        work()
    }

    fn start_in(self: &Arc<Self>, table: &mut Table<W>, work: W) -> Leader<W> {
        let key = work.key().clone();
        let flight = Flight::new(work);
        table.entry(key).or_default().push(flight.clone());
        Leader {
            flights: self.clone(),
            flight,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table<W>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Work> Flight<W> {
    fn new(work: W) -> Arc<Self> {
        Arc::new(Self {
            work,
            started: clock::now(),
            as_of: AtomicSequence::new(Sequence::QUEUED),
            number: AtomicU64::new(0),
            is_outrun: AtomicBool::new(false),
            state: watch::Sender::new(FlightState::InProgress),
            gained_waiter: Notify::new(),
        })
    }

    /// True if a request that comes now may wait for this flight: no purge has overtaken it, and
    /// its task cannot have been lost.
    fn can_join(&self, marks: &Marks) -> bool {
        let as_of = self.as_of.load(Ordering::Acquire);
        let is_overtaken = as_of != Sequence::QUEUED
            && marks.validity(self.work.subject(), as_of) != Validity::Valid;
        !is_overtaken && !self.is_outrun.load(Ordering::Relaxed) && !self.is_lost()
    }

    fn follow(self: &Arc<Self>, arrival: Sequence) -> Follower<W> {
        Follower {
            state: self.state.subscribe(),
            flight: self.clone(),
            arrival,
        }
    }
}

impl<W: Work> Leader<W> {
    pub(crate) fn work(&self) -> &W {
        &self.flight.work
    }

    /// Begins the work, which from here on knows all purges up to the number returned.
    pub(crate) fn begin(&self, marks: &Marks) -> Sequence {
        // Under the lock: a follower that joined before must be sure that the work begins after its
        // own arrival.
        let _table = self.flights.lock();
        let number = self.flights.begun.fetch_add(1, Ordering::Relaxed) + 1;
        self.flight.number.store(number, Ordering::Relaxed);
        let as_of = marks.published();
        self.flight.as_of.store(as_of, Ordering::Release);
        as_of
    }

    /// Returns the position in the order in which all flights began, once this one has.
    pub(crate) fn number(&self) -> u64 {
        self.flight.number.load(Ordering::Relaxed)
    }

    /// Returns the number up to which the work knows all purges, once it has begun.
    pub(crate) fn as_of(&self) -> Sequence {
        self.flight.as_of.load(Ordering::Acquire)
    }

    /// Returns a place in this flight for a caller that starts it without a client of its own.
    pub(crate) fn follow(&self, arrival: Sequence) -> Follower<W> {
        self.flight.follow(arrival)
    }

    /// Resolves once a client waits for this flight.
    pub(crate) async fn gained_waiter(&self) {
        self.flight.gained_waiter.notified().await;
    }

    /// Completes the flight.
    ///
    /// `settle` changes the cache, unless it is told that the flight is outrun, and returns the
    /// outcome with the newest mark on the tags that were learnt late. No flight starts or
    /// completes meanwhile, and no request joins one: all that joined before had seen no newer
    /// mark.
    pub(crate) fn complete(
        self,
        took: Duration,
        settle: impl FnOnce(bool) -> (W::Outcome, Sequence),
    ) -> Arc<CompletedFlight<W>> {
        let as_of = self.as_of();
        // Should this panic, the flight is abandoned by its drop.
        let (outcome, late_mark) = self.leave(|older| {
            let settled = settle(self.flight.is_outrun.load(Ordering::Relaxed));
            if W::outruns(&settled.0) {
                outrun(older, as_of);
            }
            settled
        });

        let completed = Arc::new(CompletedFlight {
            outcome,
            took,
            as_of,
            late_mark,
        });
        let state = FlightState::Completed(completed.clone());
        self.flight.state.send_replace(state);
        completed
    }

    /// Takes the flight out of the table, after `settle` has seen the flights of its key.
    fn leave<T>(&self, settle: impl FnOnce(&[Arc<Flight<W>>]) -> T) -> T {
        let key = self.flight.work.key();
        let mut table = self.flights.lock();
        let settled = settle(table.get(key).map_or(&[], Vec::as_slice));
        if let Some(flights) = table.get_mut(key) {
            flights.retain(|flight| !Arc::ptr_eq(flight, &self.flight));
            if flights.is_empty() {
                table.remove(key);
            }
        }
        settled
    }
}

/// Keeps those of `flights` that began before `as_of` from changing anything when they complete.
fn outrun<W: Work>(flights: &[Arc<Flight<W>>], as_of: Sequence) {
    for flight in flights {
        if flight.as_of.load(Ordering::Acquire) < as_of {
            flight.is_outrun.store(true, Ordering::Relaxed);
        }
    }
}

impl<W: Work> Drop for Leader<W> {
    fn drop(&mut self) {
        if !self.flight.state.borrow().is_over() {
            self.leave(|_| {});
            self.flight.state.send_replace(FlightState::Abandoned);
        }
    }
}

impl<W: Work> Follower<W> {
    /// Waits for the flight to end, as a client does: a flight that a client waits for needs no
    /// permit. Returns `None` if it was abandoned or is too old for this caller, who looks again.
    pub(crate) async fn wait(self) -> Option<Arc<CompletedFlight<W>>> {
        self.flight.gained_waiter.notify_one();
        self.completed().await
    }

    /// Waits for the flight to end on behalf of no client.
    pub(crate) async fn completed(mut self) -> Option<Arc<CompletedFlight<W>>> {
        let state = self.state.wait_for(FlightState::is_over).await.ok()?;
        match &*state {
            FlightState::Completed(flight) if flight.is_acceptable(self.arrival) => {
                Some(flight.clone())
            }
            _ => None,
        }
    }
}

impl<W: Work> FlightState<W> {
    fn is_over(&self) -> bool {
        !matches!(self, Self::InProgress)
    }
}

impl<W: Work> CompletedFlight<W> {
    /// True if a request that arrived at `arrival` may use this outcome.
    ///
    /// Tags known before the work began were checked when the request joined. A tag added during
    /// the work was not: if a purge named it after the work began, we cannot tell whether that was
    /// before or after `arrival` (only the newest mark is kept), so we say no and the request
    /// retries.
    fn is_acceptable(&self, arrival: Sequence) -> bool {
        W::is_timeless(&self.outcome) || arrival <= self.as_of || self.late_mark <= self.as_of
    }
}
