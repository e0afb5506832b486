//! Flights: fetches in progress, so that several requests for one target can wait for one fetch.
//!
//! Every fetch is registered here, also one that no other request may join. An unsafe request marks
//! all flights to its target as outrun ([`Flights::outrun`]): they then store nothing, since their
//! responses may be older than the change.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::HeaderMap;
use tokio::sync::{Notify, watch};

use super::entry::Entry;
use super::target::TargetUri;
use crate::invalidation::{Marks, Sequence, Subject, Validity};

/// Longest wait for another request's fetch, whose response may yet be for that request alone.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Fetches in progress.
///
/// Clients choose the targets. The map's hash has a seed of its own, so that they cannot make
/// targets collide.
pub(super) struct Flights {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Several flights to one target run at once if their requests may not share a response.
    by_target: HashMap<TargetUri, Vec<Arc<Flight>>>,
    last_number: u64,
}

/// One fetch in progress.
struct Flight {
    target: TargetUri,
    /// Position in the order in which all flights started.
    number: u64,
    /// Number of the last mark published before the flight started.
    as_of: Sequence,
    /// Headers of the request that started the flight, if other requests may join.
    request: Option<HeaderMap>,
    is_outrun: AtomicBool,
    state: watch::Sender<FlightState>,
    gained_waiter: Notify,
}

/// Progress of a flight.
enum FlightState {
    InProgress,
    Completed(Arc<CompletedFlight>),
    /// Ended by dropping its [`Leader`]: each waiting request fetches for itself.
    Abandoned,
}

/// Result of a flight, for all requests that waited for it.
#[derive(Debug)]
pub(super) struct CompletedFlight {
    pub(super) outcome: FetchOutcome,
}

/// Outcome of a fetch.
#[derive(Clone, Debug)]
pub(super) enum FetchOutcome {
    /// An entry for all requests that it [may serve](Entry::may_serve).
    Stored(Arc<Entry>),
    /// The origin is in trouble.
    Failed,
    /// The response is for the leader alone, or an unsafe request outran it.
    Refused,
}

/// Part that a request has in a flight.
pub(super) enum Joined {
    Lead(Leader),
    Follow(Follower),
}

/// Held by the task that fetches, which must call [`complete`](Leader::complete). If it is dropped
/// instead, the flight is marked abandoned, so that no request waits in vain.
pub(super) struct Leader {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
}

/// Held by a request that waits for the fetch of another.
pub(super) struct Follower {
    flight: Arc<Flight>,
    state: watch::Receiver<FlightState>,
}

impl Flights {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::default(),
        })
    }

    /// Joins a flight to `target` that no purge and no unsafe request has overtaken and whose
    /// request `may_share`; else starts one, which others join only if `request` itself
    /// `may_share`. Takes a `second_look` at memory first, since the flight before may have
    /// completed just now; `Err` is the entry that it finds.
    pub(super) fn join(
        self: &Arc<Self>,
        marks: &Marks,
        target: &TargetUri,
        request: &HeaderMap,
        may_share: impl Fn(&HeaderMap) -> bool,
        second_look: impl FnOnce() -> Option<Arc<Entry>>,
    ) -> Result<Joined, Arc<Entry>> {
        // Entries are stored under this lock: no flight completes between the look and the joining.
        let mut table = self.lock();
        if let Some(fresh) = second_look() {
            return Err(fresh);
        }

        let mut running = table.by_target.get(target).into_iter().flatten();
        if let Some(flight) = running.find(|flight| flight.is_joinable(marks, &may_share)) {
            return Ok(Joined::Follow(flight.follow()));
        }

        let request = may_share(request).then(|| request.clone());
        let flight = table.start(marks, target, request);
        Ok(Joined::Lead(self.leader(flight)))
    }

    /// Starts a flight that no other request may join.
    pub(super) fn start(self: &Arc<Self>, marks: &Marks, target: &TargetUri) -> Leader {
        let flight = self.lock().start(marks, target, None);
        self.leader(flight)
    }

    /// Marks all flights to `targets` as outrun: none of them is joined or stores its response.
    /// Does `work` while no flight completes or starts.
    pub(super) fn outrun(&self, targets: &[TargetUri], work: impl FnOnce()) {
        let table = self.lock();
        for flight in targets
            .iter()
            .filter_map(|target| table.by_target.get(target))
            .flatten()
        {
            flight.is_outrun.store(true, Ordering::Relaxed);
        }
        work();
    }

    /// Returns the canonical path of every target that is being fetched.
    pub(super) fn paths(&self) -> HashSet<Arc<str>> {
        let table = self.lock();
        table.by_target.keys().map(TargetUri::path_kept).collect()
    }

    /// Returns the number of targets that are being fetched.
    pub(super) fn len(&self) -> usize {
        self.lock().by_target.len()
    }

    fn leader(self: &Arc<Self>, flight: Arc<Flight>) -> Leader {
        Leader {
            flights: self.clone(),
            flight,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn start(
        &mut self,
        marks: &Marks,
        target: &TargetUri,
        request: Option<HeaderMap>,
    ) -> Arc<Flight> {
        self.last_number += 1;
        let flight = Arc::new(Flight {
            target: target.clone(),
            number: self.last_number,
            as_of: marks.published(),
            request,
            is_outrun: AtomicBool::new(false),
            state: watch::Sender::new(FlightState::InProgress),
            gained_waiter: Notify::new(),
        });
        self.by_target
            .entry(target.clone())
            .or_default()
            .push(flight.clone());
        flight
    }

    fn remove(&mut self, flight: &Arc<Flight>) {
        let Some(flights) = self.by_target.get_mut(&flight.target) else {
            return;
        };
        flights.retain(|other| !Arc::ptr_eq(other, flight));
        if flights.is_empty() {
            self.by_target.remove(&flight.target);
        }
    }
}

impl Flight {
    fn is_joinable(&self, marks: &Marks, may_share: impl Fn(&HeaderMap) -> bool) -> bool {
        self.request.as_ref().is_some_and(may_share)
            && !self.is_outrun.load(Ordering::Relaxed)
            && marks.validity(Subject::at(self.target.path(), &[]), self.as_of) == Validity::Valid
    }

    fn follow(self: &Arc<Self>) -> Follower {
        Follower {
            state: self.state.subscribe(),
            flight: self.clone(),
        }
    }
}

impl Leader {
    pub(super) fn target(&self) -> &TargetUri {
        &self.flight.target
    }

    /// Returns the flight's position in the order in which all flights started.
    pub(super) fn number(&self) -> u64 {
        self.flight.number
    }

    /// Returns the number of the last mark published before the flight started.
    pub(super) fn as_of(&self) -> Sequence {
        self.flight.as_of
    }

    /// Resolves once a request waits for this flight.
    pub(super) async fn gained_waiter(&self) {
        self.flight.gained_waiter.notified().await;
    }

    /// Completes the flight. `settle` changes the cache and returns the outcome, unless an unsafe
    /// request outran the flight: then nothing is stored. No other flight completes or starts
    /// meanwhile.
    pub(super) fn complete(self, settle: impl FnOnce() -> FetchOutcome) -> Arc<CompletedFlight> {
        // If `settle` panics, the drop of `self` abandons the flight.
        let outcome = self.leave(|| {
            if self.flight.is_outrun.load(Ordering::Relaxed) {
                FetchOutcome::Refused
            } else {
                settle()
            }
        });
        let completed = Arc::new(CompletedFlight { outcome });
        self.flight
            .state
            .send_replace(FlightState::Completed(completed.clone()));
        completed
    }

    fn leave<T>(&self, settle: impl FnOnce() -> T) -> T {
        let mut table = self.flights.lock();
        let settled = settle();
        table.remove(&self.flight);
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
    /// Waits for the flight to end; `None` if it was abandoned or took too long.
    pub(super) async fn wait(mut self) -> Option<Arc<CompletedFlight>> {
        self.flight.gained_waiter.notify_one();
        let ended = self.state.wait_for(FlightState::is_over);
        match &*tokio::time::timeout(MAX_WAIT, ended).await.ok()?.ok()? {
            FlightState::Completed(completed) => Some(completed.clone()),
            FlightState::InProgress | FlightState::Abandoned => None,
        }
    }
}

impl FlightState {
    fn is_over(&self) -> bool {
        !matches!(self, Self::InProgress)
    }
}
