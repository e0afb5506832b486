//! The leader of a flight: the task that does the work, and the end of the flight in any way.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{CompletedFlight, Flight, FlightState, Flights, Follower, Table, Work};
use crate::cache::waits::Wait;
use crate::invalidation::{Marks, Sequence};
use crate::rules::{Rule, holds};

/// Held by the task that does the work, which must call [`complete`](Self::complete). If it is
/// dropped instead, the flight is abandoned and waiting requests look their key up again.
pub(crate) struct Leader<W: Work> {
    pub(super) flights: Arc<Flights<W>>,
    pub(super) flight: Arc<Flight<W>>,
}

/// The state of a key for which a search found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// There is no other flight: the work has to be done.
    Anywhere,
    /// Another flight is in progress that everybody can join.
    InProgress,
    /// Another flight has completed meanwhile.
    Outrun,
}

impl<W: Work> Leader<W> {
    pub(crate) fn work(&self) -> &W {
        &self.flight.work
    }

    /// Begins the work as soon as fewer than [`Work::AT_ONCE`] flights of the key run. From here on
    /// it knows all purges up to the number returned. Requests that come meanwhile join it.
    ///
    /// Flights that run for longer than `limit` stand still for good and take no place.
    pub(crate) async fn begin_in_turn(&self, marks: &Marks, limit: Duration) -> Sequence {
        let turn = async {
            loop {
                if let Some(as_of) = self.try_begin(marks) {
                    return as_of;
                }
                self.flight.gained_place.notified().await;
            }
        };
        let as_of = tokio::time::timeout(limit, turn).await;
        as_of.unwrap_or_else(|_| self.begin(marks))
    }

    /// True if the flight could begin now.
    pub(crate) fn has_place(&self) -> bool {
        self.has_place_in(&self.flights.lock())
    }

    fn try_begin(&self, marks: &Marks) -> Option<Sequence> {
        let table = self.flights.lock();
        let has_place = self.has_place_in(&table);
        has_place.then(|| self.begin_in(&table, marks))
    }

    fn has_place_in(&self, table: &Table<W>) -> bool {
        let flights = table.get(self.flight.work.key());
        let running = flights.into_iter().flatten().filter(|one| one.has_begun());
        running.count() < W::AT_ONCE
    }

    /// Begins the work, which from here on knows all purges up to the number returned.
    pub(crate) fn begin(&self, marks: &Marks) -> Sequence {
        self.begin_in(&self.flights.lock(), marks)
    }

    /// Under the lock: a follower that joined before must be sure that the work begins after its
    /// own arrival.
    fn begin_in(&self, _: &Table<W>, marks: &Marks) -> Sequence {
        let number = self.flights.begun.fetch_add(1, Ordering::Relaxed) + 1;
        self.flight.number.store(number, Ordering::Relaxed);
        let as_of = marks.published();
        self.flight.as_of.store(as_of, Ordering::Release);
        as_of
    }

    /// Notes that a result is looked for that is kept elsewhere, before the work begins.
    pub(crate) fn begin_loading(&self) {
        self.flight.is_loading.store(true, Ordering::Relaxed);
    }

    /// Ends the search, which found nothing.
    pub(crate) fn end_loading(&self, marks: &Marks) -> Nothing {
        let table = self.flights.lock();
        self.flight.is_loading.store(false, Ordering::Relaxed);
        if self.flight.is_outrun.load(Ordering::Relaxed) {
            Nothing::Outrun
        } else if self.flights.has_other(&table, &self.flight, marks) {
            Nothing::InProgress
        } else {
            Nothing::Anywhere
        }
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

    /// Runs `work` as the render of this flight.
    pub(crate) fn render<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        self.flight.id.render(work)
    }

    /// Notes the wait of the render that started this flight, if a render did.
    pub(crate) fn wait_for(&self) -> Option<Wait> {
        self.flight.id.wait_for()
    }

    /// Resolves once a client waits for this flight.
    pub(crate) async fn gained_waiter(&self) {
        self.flight.gained_waiter.notified().await;
    }

    /// Resolves once no request waits for this flight.
    pub(crate) async fn unfollowed(&self) {
        self.flight.state.closed().await;
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
            if W::outruns(&settled.0) && holds(Rule::Outrun) {
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
            for waiting in flights.iter().filter(|flight| !flight.has_begun()) {
                waiting.gained_place.notify_one();
            }
            if flights.is_empty() {
                table.remove(key);
            }
        }
        settled
    }
}

/// Keeps those of `flights` that began before `as_of`, or that load, from changing anything when
/// they complete.
fn outrun<W: Work>(flights: &[Arc<Flight<W>>], as_of: Sequence) {
    for flight in flights {
        let is_older = flight.as_of.load(Ordering::Acquire) < as_of;
        if is_older || flight.is_loading.load(Ordering::Relaxed) {
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
