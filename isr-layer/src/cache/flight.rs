//! Flights: one piece of work in progress per key, however many requests wait for it and
//! whichever of them leave.
//!
//! A request may take the result of a running flight only if no mark it could have seen on arrival
//! is newer than the number the flight began at. So a flight that a purge has overtaken takes no
//! new followers: the next request starts its successor, and the two run side by side until both
//! have completed. One that began later can mark the older flights of its key as outrun: these then
//! change nothing when they complete. Only so many flights of one key run at once; the next one
//! waits, with all who need it, until one of them ends.

mod leader;
mod patience;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

pub(crate) use self::leader::{Leader, Nothing};
use super::waits::{FlightId, Wait};
use crate::clock::{self, Instant};
use crate::invalidation::{AtomicSequence, Marks, Sequence, Subject, Validity};

/// A kind of work that one flight does for every request for its key.
pub(crate) trait Work: Send + Sync + 'static {
    type Key: Clone + Eq + Hash + Send + Sync;
    /// The end of a flight, shared by everyone who waits for it.
    type Outcome: Send + Sync;

    /// The number of flights of one key that may have begun and not ended.
    const AT_ONCE: usize;

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
    id: FlightId,
    work: W,
    started: Instant,
    as_of: AtomicSequence,
    /// The position in the order in which flights began, from 1.
    number: AtomicU64,
    /// Set once a flight that began later has completed, or by [`Flights::outrun`]: this one then
    /// changes nothing.
    is_outrun: AtomicBool,
    /// True while the leader looks for a result that is kept elsewhere: another result makes that
    /// one useless, whenever this flight was started.
    is_loading: AtomicBool,
    state: watch::Sender<FlightState<W>>,
    gained_waiter: Notify,
    /// Notified when another flight of the key ends before this one has begun.
    gained_place: Notify,
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

/// A place in a flight that somebody else leads.
pub(crate) struct Follower<W: Work> {
    flight: Arc<Flight<W>>,
    state: watch::Receiver<FlightState<W>>,
    /// The last number published when the caller arrived.
    arrival: Sequence,
}

/// A flight that was in progress a moment ago, as one that looks through all of them sees it.
pub(crate) struct InProgress<W: Work>(Arc<Flight<W>>);

impl<W: Work> InProgress<W> {
    pub(crate) fn work(&self) -> &W {
        &self.0.work
    }

    /// Returns a place in the flight for somebody to whom every result is acceptable.
    pub(crate) fn follow(&self) -> Follower<W> {
        self.0.follow(Sequence::NO_MARK)
    }
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
        let can_join = |flight: &&Arc<Flight<W>>| admits(&flight.work) && flight.can_join(marks);
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

    /// Returns every flight in progress. One that is looked at later may have ended meanwhile.
    pub(crate) fn in_progress(&self) -> Vec<InProgress<W>> {
        let table = self.lock();
        let flights = table.values().flatten();
        flights.cloned().map(InProgress).collect()
    }

    /// True if a flight of the key of `flight` that is another one may be joined.
    fn has_other(&self, table: &Table<W>, flight: &Arc<Flight<W>>, marks: &Marks) -> bool {
        let flights = table.get(flight.work.key()).into_iter().flatten();
        let mut others = flights.filter(|one| !Arc::ptr_eq(one, flight));
        others.any(|other| other.can_join(marks))
    }

    /// True if nothing is in progress.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// True if there is a flight of `key`.
    pub(crate) fn is_in_progress(&self, key: &W::Key) -> bool {
        self.lock().contains_key(key)
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
            id: FlightId::next(),
            work,
            started: clock::now(),
            as_of: AtomicSequence::new(Sequence::QUEUED),
            number: AtomicU64::new(0),
            is_outrun: AtomicBool::new(false),
            is_loading: AtomicBool::new(false),
            state: watch::Sender::new(FlightState::InProgress),
            gained_waiter: Notify::new(),
            gained_place: Notify::new(),
        })
    }

    fn has_begun(&self) -> bool {
        self.number.load(Ordering::Relaxed) > 0
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

impl<W: Work> Follower<W> {
    pub(crate) fn work(&self) -> &W {
        &self.flight.work
    }

    /// Notes that the render of this task, if it is one, waits for this flight. Returns `None` if
    /// the flight waits for that render.
    pub(crate) fn wait_for(&self) -> Option<Wait> {
        self.flight.id.wait_for()
    }

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
