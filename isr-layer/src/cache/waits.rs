//! Finds renders that would wait for each other: pages that include each other, by requests that
//! they send through the layer while they are rendered.
//!
//! A render that waits for a flight is noted as long as it waits. A wait that would close a circle
//! is refused at once: it would last until the time limit of a render. Renders inside of one
//! another on one task, which wait for no flight, are counted instead.
//!
//! All of it follows the task of a render. A task that a render spawns is not seen; there the time
//! limits of renders end such a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of renders that may be inside of one another on one task. Layers around layers need
/// two or three, and a page that includes itself any number.
const MAX_DEPTH: usize = 8;

tokio::task_local! {
    /// The flight whose render this task works on.
    static RENDERING: FlightId;
    /// The number of renders on this task that the present one is inside of.
    static DEPTH: usize;
}

/// The flights that each render waits for, in all layers of the program.
static WAITS: Mutex<BTreeMap<FlightId, Vec<FlightId>>> = Mutex::new(BTreeMap::new());

/// One flight of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlightId(u64);

/// The wait of a render for a flight. It ends when this is dropped.
#[derive(Debug)]
#[must_use = "the wait ends when this is dropped"]
pub(crate) struct Wait(Option<(FlightId, FlightId)>);

impl FlightId {
    /// Makes the id of a new flight.
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs `work` as the render of this flight.
    pub(super) fn render<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        RENDERING.scope(self, work)
    }

    /// Notes that the render of this task, if it is one, waits for this flight. Returns `None` if
    /// this flight waits for that render.
    pub(super) fn wait_for(self) -> Option<Wait> {
        let Ok(waiter) = RENDERING.try_with(|rendering| *rendering) else {
            return Some(Wait(None));
        };
        let mut waits = lock();
        if is_waiting(&waits, self, waiter) {
            return None;
        }
        waits.entry(waiter).or_default().push(self);
        Some(Wait(Some((waiter, self))))
    }
}

/// Runs `work` inside of the renders that this task works on. Returns `None` if they are too many:
/// then a page includes itself.
pub(crate) fn nested<F: Future>(work: F) -> Option<impl Future<Output = F::Output>> {
    let depth = DEPTH.try_with(|depth| *depth).unwrap_or(0) + 1;
    (depth <= MAX_DEPTH).then(|| DEPTH.scope(depth, work))
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some((waiter, flight)) = self.0 else {
            return;
        };
        let mut waits = lock();
        if let Some(flights) = waits.get_mut(&waiter) {
            // One of several equal waits, if a page includes another one twice at once.
            if let Some(at) = flights.iter().position(|one| *one == flight) {
                flights.swap_remove(at);
            }
            if flights.is_empty() {
                waits.remove(&waiter);
            }
        }
    }
}

/// True if `flight` is `other`, or waits for it by way of any flights.
fn is_waiting(
    waits: &BTreeMap<FlightId, Vec<FlightId>>,
    flight: FlightId,
    other: FlightId,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![flight];
    while let Some(flight) = next.pop() {
        if flight == other {
            return true;
        }
        if seen.insert(flight) {
            next.extend(waits.get(&flight).into_iter().flatten());
        }
    }
    false
}

fn lock() -> MutexGuard<'static, BTreeMap<FlightId, Vec<FlightId>>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_circle_is_closed_by_the_last_wait_only_and_ends_with_any_of_them() {
        let [a, b, c] = [FlightId::next(), FlightId::next(), FlightId::next()];
        let wait = async |waiter: FlightId, flight: FlightId| {
            waiter.render(async { flight.wait_for() }).await
        };
        let first = wait(a, b).await.expect("nobody waits yet");
        let second = wait(b, c).await.expect("no circle yet");
        let twice = wait(b, c).await.expect("once more");

        for (waiter, flight) in [(c, a), (c, b), (a, a)] {
            assert!(
                wait(waiter, flight).await.is_none(),
                "{waiter:?}, {flight:?}"
            );
        }
        assert!(wait(a, c).await.is_some(), "another way, and no circle");
        drop(second);
        assert!(wait(c, a).await.is_none(), "one of two equal waits is left");
        drop(twice);
        let third = wait(c, a).await.expect("B waits no longer");

        assert!(wait(b, c).await.is_none());
        drop((first, third));
        let is_left = |id: FlightId| lock().contains_key(&id);
        assert!(![a, b, c].into_iter().any(is_left));
    }

    #[tokio::test]
    async fn a_request_of_a_client_closes_no_circle() {
        let flight = FlightId::next();

        assert!(flight.wait_for().is_some());
    }
}
