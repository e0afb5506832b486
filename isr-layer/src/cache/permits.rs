//! Limits on the renders that no client waits for: so many at once, so many a page, on-demand before refreshes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// The renders that may run at once without a client waiting.
#[derive(Debug)]
pub(crate) struct Permits {
    state: Mutex<State>,
    limits: Limits,
}

/// How many renders nobody waits for may run, and may wait to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) at_once: usize,
    pub(crate) per_page: usize,
    pub(crate) queued: usize,
}

/// Why a render is made without a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A revalidation asked for it.
    OnDemand,
    /// A page is stale and somebody saw it.
    Refresh,
}

impl Purpose {
    /// How long a render waits for its turn; one on demand then queues anew, twice. After that the page stays stale, or
    /// marked, until somebody asks for it.
    pub(crate) fn max_wait(self) -> Duration {
        match self {
            Self::OnDemand => Duration::from_secs(600),
            Self::Refresh => Duration::from_secs(60),
        }
    }
}

/// The right to run one render; gives itself back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    permits: Arc<Permits>,
    page: u32,
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
    of_page: HashMap<u32, usize>,
}

#[derive(Debug)]
struct Waiting {
    page: u32,
    granted: oneshot::Sender<Permit>,
}

impl Permits {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            limits,
        })
    }

    /// A permit, if one is free now.
    pub(crate) fn try_acquire(self: &Arc<Self>, page: u32) -> Option<Permit> {
        let mut state = self.lock();
        state
            .running
            .may_grow(page, self.limits)
            .then(|| self.grant(&mut state, page))
    }

    /// Waits for a permit. `None` at once when too many refreshes wait already: the page stays stale until it is asked for
    /// again. What was asked for on demand always waits.
    pub(crate) async fn acquire(self: &Arc<Self>, page: u32, purpose: Purpose) -> Option<Permit> {
        let turn = {
            let mut state = self.lock();
            if state.running.may_grow(page, self.limits) {
                return Some(self.grant(&mut state, page));
            }
            if purpose == Purpose::Refresh && state.refreshes.len() >= self.limits.queued {
                return None;
            }
            let (granted, turn) = oneshot::channel();
            let queue = match purpose {
                Purpose::OnDemand => &mut state.on_demand,
                Purpose::Refresh => &mut state.refreshes,
            };
            queue.push_back(Waiting { page, granted });
            turn
        };
        turn.await.ok()
    }

    fn grant(self: &Arc<Self>, state: &mut State, page: u32) -> Permit {
        state.running.all += 1;
        *state.running.of_page.entry(page).or_default() += 1;
        Permit {
            permits: self.clone(),
            page,
        }
    }

    /// Gives free places to those that wait. A permit that nobody takes any more comes back here by its drop.
    fn pass_on(self: &Arc<Self>) {
        loop {
            let (granted, permit) = {
                let mut state = self.lock();
                let Some(waiting) = state.next(self.limits) else {
                    return;
                };
                let permit = self.grant(&mut state, waiting.page);
                (waiting.granted, permit)
            };
            let _ = granted.send(permit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first that waits and may run, on-demand before refreshes. Those whose waiter has left are dropped.
    fn next(&mut self, limits: Limits) -> Option<Waiting> {
        let Self {
            running,
            on_demand,
            refreshes,
        } = self;
        [on_demand, refreshes].into_iter().find_map(|queue| {
            queue.retain(|waiting| !waiting.granted.is_closed());
            let first = queue
                .iter()
                .position(|waiting| running.may_grow(waiting.page, limits))?;
            queue.remove(first)
        })
    }
}

impl Running {
    fn may_grow(&self, page: u32, limits: Limits) -> bool {
        let of_page = self.of_page.get(&page).copied().unwrap_or(0);
        self.all < limits.at_once && of_page < limits.per_page
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let running = &mut self.permits.lock().running;
            running.all = running.all.saturating_sub(1);
            if let Some(of_page) = running.of_page.get_mut(&self.page) {
                *of_page = of_page.saturating_sub(1);
            }
        }
        self.permits.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(at_once: usize, per_page: usize, queued: usize) -> Arc<Permits> {
        Permits::new(Limits {
            at_once,
            per_page,
            queued,
        })
    }

    #[tokio::test]
    async fn what_was_asked_for_goes_before_refreshes() {
        let permits = permits(1, 1, 10);
        let first = permits.acquire(0, Purpose::Refresh).await;
        let mut refresh = Box::pin(permits.acquire(0, Purpose::Refresh));
        assert!(futures_poll(refresh.as_mut()).await.is_none());
        let mut on_demand = Box::pin(permits.acquire(0, Purpose::OnDemand));
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
        let _one = permits.acquire(0, Purpose::OnDemand).await;
        let two = permits.acquire(0, Purpose::OnDemand).await;
        let mut three = Box::pin(permits.acquire(0, Purpose::OnDemand));

        assert!(futures_poll(three.as_mut()).await.is_none());
        assert!(
            permits.acquire(1, Purpose::OnDemand).await.is_some(),
            "another page has a place"
        );
        drop(two);
        assert!(three.await.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_takes_no_more_refreshes_and_a_waiter_that_left_takes_no_place() {
        let permits = permits(1, 1, 1);
        let held = permits.acquire(0, Purpose::Refresh).await;
        let mut left = Box::pin(permits.acquire(0, Purpose::Refresh));
        assert!(futures_poll(left.as_mut()).await.is_none());

        assert!(
            permits.acquire(0, Purpose::Refresh).await.is_none(),
            "the queue is full"
        );
        drop(left);
        drop(held);

        assert!(permits.acquire(0, Purpose::Refresh).await.is_some());
    }

    async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut future).poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
