//! Fetches in progress: who asks for the same target may wait for one that is on its way.
//!
//! Every fetch is noted here, also one that nobody may join, so that an unsafe request can void all of its target: what
//! began before is then not stored.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use tokio::sync::{Notify, watch};

use super::cache::HeaderCache;
use super::entry::Entry;
use super::target::TargetUri;
use crate::invalidation::{Marks, Sequence, Subject, Validity};

/// How long a request waits for a fetch that another one started. Its answer may turn out to be for that one alone.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The fetches in progress, by target.
#[derive(Default)]
pub(super) struct Flights {
    running: Mutex<Running>,
}

#[derive(Default)]
pub(super) struct Running {
    flights: HashMap<TargetUri, Vec<Arc<Flight>>>,
    last_number: u64,
}

/// One fetch in progress.
pub(super) struct Flight {
    number: u64,
    /// The last purge it may claim to know.
    as_of: Sequence,
    /// The headers of the request that started it, if others may join.
    shared: Option<HeaderMap>,
    is_void: AtomicBool,
    landed: watch::Sender<Option<Landed>>,
    gained_waiter: Notify,
}

/// How a fetch ended, for those who waited.
#[derive(Clone, Debug)]
pub(super) enum Landed {
    Stored(Arc<Entry>),
    /// The origin is in trouble.
    Failed,
    /// Its answer is for one client alone.
    Unstored,
}

/// The right and the duty to end a flight. Dropped without that it ends as unstored, so that nobody waits for ever.
pub(super) struct Lead {
    mode: Arc<HeaderCache>,
    target: TargetUri,
    flight: Arc<Flight>,
}

/// A place in somebody else's flight.
pub(super) struct Follower {
    flight: Arc<Flight>,
    landed: watch::Receiver<Option<Landed>>,
}

impl Flights {
    pub(super) fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().flights.len()
    }
}

impl Running {
    /// A place in a flight that no purge and no unsafe request has overtaken, and whose request `may_share`.
    pub(super) fn follow(
        &self,
        target: &TargetUri,
        marks: &Marks,
        may_share: impl Fn(&HeaderMap) -> bool,
    ) -> Option<Follower> {
        let is_joinable = |flight: &&Arc<Flight>| {
            flight.shared.as_ref().is_some_and(&may_share)
                && !flight.is_void.load(Ordering::Relaxed)
                && marks.validity(Subject::at(target.path(), &[]), flight.as_of) == Validity::Valid
        };
        let flight = self.flights.get(target)?.iter().find(is_joinable)?;
        Some(Follower {
            flight: flight.clone(),
            landed: flight.landed.subscribe(),
        })
    }

    /// A flight of one's own.
    pub(super) fn lead(
        &mut self,
        mode: &Arc<HeaderCache>,
        target: &TargetUri,
        shared: Option<HeaderMap>,
        marks: &Marks,
    ) -> Lead {
        self.last_number += 1;
        let flight = Arc::new(Flight {
            number: self.last_number,
            as_of: marks.published(),
            shared,
            is_void: AtomicBool::new(false),
            landed: watch::Sender::new(None),
            gained_waiter: Notify::new(),
        });
        self.flights
            .entry(target.clone())
            .or_default()
            .push(flight.clone());
        Lead {
            mode: mode.clone(),
            target: target.clone(),
            flight,
        }
    }

    /// Keeps what is on its way from being stored and from being joined.
    pub(super) fn void(&mut self, target: &TargetUri) {
        for flight in self.flights.get(target).into_iter().flatten() {
            flight.is_void.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &TargetUri> {
        self.flights.keys()
    }

    fn leave(&mut self, target: &TargetUri, flight: &Arc<Flight>) {
        let Some(flights) = self.flights.get_mut(target) else {
            return;
        };
        flights.retain(|other| !Arc::ptr_eq(other, flight));
        if flights.is_empty() {
            self.flights.remove(target);
        }
    }
}

impl Lead {
    pub(super) fn target(&self) -> &TargetUri {
        &self.target
    }

    /// The fields in which an answer speaks to this cache by name.
    pub(super) fn targets(&self) -> &Arc<[HeaderName]> {
        &self.mode.targets
    }

    /// The largest body that is kept; a larger one is streamed on.
    pub(super) fn largest_body(&self) -> usize {
        self.mode.memory.largest_body()
    }

    pub(super) fn number(&self) -> u64 {
        self.flight.number
    }

    pub(super) fn as_of(&self) -> Sequence {
        self.flight.as_of
    }

    /// Resolves when somebody waits for the flight.
    pub(super) async fn gained_waiter(&self) {
        self.flight.gained_waiter.notified().await;
    }

    /// Ends the flight. `settle` changes what is stored, unless an unsafe request came between; it says how the flight ends.
    pub(super) fn land(self, settle: impl FnOnce(&HeaderCache) -> Landed) -> Landed {
        let landed = {
            let mut running = self.mode.flights.lock();
            let is_void = self.flight.is_void.load(Ordering::Relaxed);
            let landed = if is_void {
                Landed::Unstored
            } else {
                settle(&self.mode)
            };
            running.leave(&self.target, &self.flight);
            landed
        };
        self.flight.landed.send_replace(Some(landed.clone()));
        landed
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if self.flight.landed.borrow().is_none() {
            self.mode.flights.lock().leave(&self.target, &self.flight);
            self.flight.landed.send_replace(Some(Landed::Unstored));
        }
    }
}

impl Follower {
    /// Waits for the flight to end, but not for too long.
    pub(super) async fn wait(mut self) -> Landed {
        self.flight.gained_waiter.notify_one();
        let landed = tokio::time::timeout(MAX_WAIT, self.landed.wait_for(Option::is_some)).await;
        landed
            .ok()
            .and_then(Result::ok)
            .and_then(|landed| landed.clone())
            .unwrap_or(Landed::Unstored)
    }
}
