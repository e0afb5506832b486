//! Limits the renders that no client waits for: at most so many at once, at most so many of one
//! group, renders on demand before refreshes.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// The renders that run, and wait to run, without a client.
#[derive(Debug)]
pub(crate) struct Permits {
    state: Mutex<State>,
    limits: Limits,
}

/// The numbers of renders without a client that may run, and may wait to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) at_once: usize,
    pub(crate) per_group: usize,
    pub(crate) queued: usize,
}

/// The renders that share one limit, so that none of them can take every place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    /// The instances of one page, by the page's id.
    Page(u32),
    /// The fetches of header mode.
    Headers,
    /// The loads of the values of this name.
    Data(&'static str),
}

/// The purpose of a render without a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A purge asked for the render.
    OnDemand,
    /// A client got a stale page.
    Refresh,
}

/// A render's permission to begin.
#[derive(Debug)]
pub(crate) enum Turn {
    Granted(Permit),
    /// A client waits by now: its render needs no permit.
    NotNeeded,
}

/// The right to run one render. Dropped, it goes to the next render that waits.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Arc<Permits>,
    group: Group,
}

#[derive(Debug, Default)]
struct State {
    running: Running,
    on_demand: VecDeque<Waiting>,
    refreshes: VecDeque<Waiting>,
}

#[derive(Debug, Default)]
struct Running {
    all: usize,
    of_group: HashMap<Group, usize>,
}

#[derive(Debug)]
struct Waiting {
    group: Group,
    granted: oneshot::Sender<Permit>,
}

impl Group {
    /// Returns the number of renders of the group that may run at once. The fetches of header mode
    /// get no more than half of all places: they have the headers of clients, which may make the
    /// origin hang.
    fn limit(self, limits: Limits) -> usize {
        match self {
            Self::Page(_) | Self::Data(_) => limits.per_group,
            Self::Headers => limits.per_group.min((limits.at_once / 2).max(1)),
        }
    }
}

impl Purpose {
    /// Returns the word for the purpose in spans.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Refresh => "refresh",
        }
    }

    /// Returns the time for which a render waits for its turn. A render on demand then queues anew,
    /// twice. After that the page stays stale, or marked, until a request comes.
    fn max_wait(self) -> Duration {
        match self {
            Self::OnDemand => Duration::from_secs(600),
            Self::Refresh => Duration::from_secs(60),
        }
    }
}

impl Permits {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            limits,
        })
    }

    /// Returns a permit, if one is free now.
    pub(crate) fn try_acquire(self: &Arc<Self>, group: Group) -> Option<Permit> {
        let mut state = self.lock();
        let is_free = state.running.has_room(group, self.limits);
        is_free.then(|| self.grant(&mut state, group))
    }

    /// Waits until a render may begin. Returns `None` if its time is over, or at once if too many
    /// refreshes wait: the page then stays as it is until a request comes.
    pub(crate) async fn turn(
        self: &Arc<Self>,
        group: Group,
        purpose: Purpose,
        gained_waiter: impl Future<Output = ()>,
    ) -> Option<Turn> {
        tokio::select! {
            biased;
            permit = self.acquire(group, purpose) => permit.map(Turn::Granted),
            () = gained_waiter => Some(Turn::NotNeeded),
            () = tokio::time::sleep(purpose.max_wait()) => None,
        }
    }

    /// Waits for a permit. Returns `None` at once if too many refreshes wait already. A render on
    /// demand always waits.
    async fn acquire(self: &Arc<Self>, group: Group, purpose: Purpose) -> Option<Permit> {
        let turn = {
            let mut state = self.lock();
            if state.running.has_room(group, self.limits) {
                return Some(self.grant(&mut state, group));
            }
            if purpose == Purpose::Refresh && state.has_full_queue(self.limits) {
                return None;
            }

            let (granted, turn) = oneshot::channel();
            let queue = match purpose {
                Purpose::OnDemand => &mut state.on_demand,
                Purpose::Refresh => &mut state.refreshes,
            };
            queue.push_back(Waiting { group, granted });
            turn
        };
        turn.await.ok()
    }

    fn grant(self: &Arc<Self>, state: &mut State, group: Group) -> Permit {
        state.running.all += 1;
        *state.running.of_group.entry(group).or_default() += 1;
        Permit {
            permits: self.clone(),
            group,
        }
    }

    /// Gives free places to the renders that wait.
    fn grant_waiting(self: &Arc<Self>) {
        loop {
            let (granted, permit) = {
                let mut state = self.lock();
                let Some(waiting) = state.next(self.limits) else {
                    return;
                };
                let permit = self.grant(&mut state, waiting.group);
                (waiting.granted, permit)
            };
            // Outside of the lock: if the waiter has left, the permit comes back here by its drop.
            let _ = granted.send(permit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// True if as many refreshes wait as may. Those whose waiter has left do not count.
    fn has_full_queue(&mut self, limits: Limits) -> bool {
        if self.refreshes.len() >= limits.queued {
            self.refreshes
                .retain(|waiting| !waiting.granted.is_closed());
        }
        self.refreshes.len() >= limits.queued
    }

    /// Takes the first waiting render that may run, on demand before refreshes.
    fn next(&mut self, limits: Limits) -> Option<Waiting> {
        let Self {
            running,
            on_demand,
            refreshes,
        } = self;
        [on_demand, refreshes].into_iter().find_map(|queue| {
            // The waiters that have left go here.
            queue.retain(|waiting| !waiting.granted.is_closed());
            let has_room = |waiting: &Waiting| running.has_room(waiting.group, limits);
            let first = queue.iter().position(has_room)?;
            queue.remove(first)
        })
    }
}

impl Running {
    fn has_room(&self, group: Group, limits: Limits) -> bool {
        let of_group = self.of_group.get(&group).copied().unwrap_or(0);
        self.all < limits.at_once && of_group < group.limit(limits)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let running = &mut self.permits.lock().running;
            running.all = running.all.saturating_sub(1);
            if let Some(of_group) = running.of_group.get_mut(&self.group) {
                *of_group = of_group.saturating_sub(1);
            }
        }
        self.permits.grant_waiting();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Group = Group::Page(0);
    const OTHER: Group = Group::Page(1);

    fn permits(at_once: usize, per_group: usize, queued: usize) -> Arc<Permits> {
        Permits::new(Limits {
            at_once,
            per_group,
            queued,
        })
    }

    #[tokio::test]
    async fn what_was_asked_for_goes_before_refreshes() {
        let permits = permits(1, 1, 10);
        let first = permits.acquire(ONE, Purpose::Refresh).await;
        let mut refresh = Box::pin(permits.acquire(ONE, Purpose::Refresh));
        assert!(futures_poll(refresh.as_mut()).await.is_none());
        let mut on_demand = Box::pin(permits.acquire(ONE, Purpose::OnDemand));
        assert!(futures_poll(on_demand.as_mut()).await.is_none());

        drop(first);

        assert!(futures_poll(refresh.as_mut()).await.is_none());
        let second = on_demand.await;
        assert!(second.is_some());
        drop(second);
        assert!(refresh.await.is_some());
    }

    #[tokio::test]
    async fn one_page_cannot_take_every_place() {
        let permits = permits(3, 2, 10);
        let _one = permits.acquire(ONE, Purpose::OnDemand).await;
        let two = permits.acquire(ONE, Purpose::OnDemand).await;
        let mut three = Box::pin(permits.acquire(ONE, Purpose::OnDemand));

        assert!(futures_poll(three.as_mut()).await.is_none());
        assert!(
            permits.acquire(OTHER, Purpose::OnDemand).await.is_some(),
            "another page has a place"
        );
        drop(two);
        assert!(three.await.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_takes_no_more_refreshes_and_a_waiter_that_left_takes_no_place() {
        let permits = permits(1, 1, 1);
        let held = permits.acquire(ONE, Purpose::Refresh).await;
        let mut left = Box::pin(permits.acquire(ONE, Purpose::Refresh));
        assert!(futures_poll(left.as_mut()).await.is_none());

        assert!(
            permits.acquire(ONE, Purpose::Refresh).await.is_none(),
            "the queue is full"
        );
        drop(left);
        drop(held);

        assert!(permits.acquire(ONE, Purpose::Refresh).await.is_some());
    }

    async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut future).poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
