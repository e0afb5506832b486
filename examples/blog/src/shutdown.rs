//! Stops the program: SIGINT or SIGTERM asks for it; after thirty-five more seconds, or at a second
//! signal, it no longer waits.

use std::future::Future;
use std::io;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::watch;

/// Longer than the time limit of a render, thirty seconds, so that a render that began with the
/// signal can end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(35);

/// Counts the signals received.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<u32>);

impl Stop {
    /// Begins to listen at once, so that no signal is missed while the site starts.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut signals = signals::Signals::new()?;
        let (count, counted) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                signals.next().await;
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(counted))
    }

    /// Waits for the first signal.
    pub(crate) async fn requested(self) {
        self.signalled(1).await;
    }

    /// Runs `work` to its end, but not longer than [`PATIENCE`] after the first signal.
    pub(crate) async fn bound(self, work: impl Future<Output = Result<()>>) -> Result<()> {
        tokio::select! {
            done = work => done,
            () = self.overdue() => bail!("stopped before every request and render had ended"),
        }
    }

    async fn overdue(self) {
        self.clone().signalled(1).await;
        tokio::select! {
            () = self.signalled(2) => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
    }

    async fn signalled(mut self, times: u32) {
        if self.0.wait_for(|count| *count >= times).await.is_err() {
            // The listening task ended with its runtime, so no signal can arrive any more.
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
mod signals {
    //! SIGINT and SIGTERM.

    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }

        pub(super) async fn next(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        }
    }
}

#[cfg(not(unix))]
mod signals {
    //! Ctrl-C, on systems without signals.

    use std::io;

    pub(super) struct Signals;

    impl Signals {
        #[expect(clippy::unnecessary_wraps, reason = "the other systems can fail")]
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending().await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_is_not_waited_for_any_longer() {
        let (_count, counted) = watch::channel(1);

        let done = Stop(counted).bound(async { Ok(()) }).await;

        assert!(done.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_never_ends_is_left_after_the_first_signal_and_some_patience() {
        let (_count, counted) = watch::channel(1);
        let before = tokio::time::Instant::now();

        let done = Stop(counted).bound(std::future::pending()).await;

        assert!(done.is_err());
        assert_eq!(before.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_the_waiting_at_once() {
        let (_count, counted) = watch::channel(2);
        let before = tokio::time::Instant::now();

        let done = Stop(counted).bound(std::future::pending()).await;

        assert!(done.is_err() && before.elapsed().is_zero());
    }
}
