//! A gate in the middle of a render: open until a test closes it.

use std::time::Duration;

use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(60);

/// A place where renders wait while the gate is closed. It counts arrivals, so that a test can wait
/// until a render stands at the gate.
#[derive(Debug)]
pub struct Gate {
    open: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            open: watch::Sender::new(true),
            arrived: watch::Sender::new(0),
        }
    }
}

impl Gate {
    /// Stops every render that arrives from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Lets all renders pass, also those that wait.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Returns the number of arrivals so far, whether the render had to wait or not.
    pub fn arrivals(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Waits until there were `count` arrivals in total.
    ///
    /// # Panics
    ///
    /// If that takes longer than a minute: a test that waits for ever would give no reason.
    pub async fn reached(&self, count: usize) {
        let mut arrived = self.arrived.subscribe();
        let reached =
            tokio::time::timeout(PATIENCE, arrived.wait_for(|arrived| *arrived >= count)).await;
        let is_reached = reached.is_ok();
        assert!(
            is_reached,
            "{} came to the gate, {count} should have",
            self.arrivals()
        );
    }

    /// Passes the gate; waits while the gate is closed.
    pub async fn pass(&self) {
        self.arrived.send_modify(|arrived| *arrived += 1);
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open)
            .await
            .expect("the gate itself holds the sender");
    }
}
