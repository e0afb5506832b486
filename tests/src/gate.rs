//! A gate in the middle of a render: open until a test closes it.

use std::time::Duration;

use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(60);

/// A place where renders wait while it is closed. It counts who came, so that a test knows that somebody stands there.
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
    /// Lets nobody through from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Lets everybody through, those who wait as well.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many came so far, whether they had to wait or not.
    pub fn arrivals(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Waits until `count` have come, since the beginning.
    ///
    /// # Panics
    ///
    /// When they do not come within a minute: a test that waits for ever says nothing.
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

    /// Passes, or waits until that is possible.
    pub async fn pass(&self) {
        self.arrived.send_modify(|arrived| *arrived += 1);
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open)
            .await
            .expect("the gate itself holds the sender");
    }
}
