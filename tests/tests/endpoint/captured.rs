//! Everything that is said to `tracing` on a test's thread, as a log would show it.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

thread_local! {
    /// What was said on this thread since a test began to listen: its runtime has no other thread.
    static SAID: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Listens to this thread while it lives.
pub(crate) struct Captured(());

/// Where the one subscriber writes.
struct Ear;

/// Subscribes to every event and span of every crate, once and for all tests: with a subscriber for each, an event that
/// another test is the first to reach at the same moment may be taken for one that nobody wants.
pub(crate) fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(|| Ear)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("there is no other");
    });
}

impl Captured {
    pub(crate) fn start() -> Self {
        subscribe();
        SAID.set(Some(Vec::new()));
        Self(())
    }

    pub(crate) fn text(&self) -> String {
        SAID.with_borrow(|said| {
            String::from_utf8_lossy(said.as_deref().unwrap_or_default()).into_owned()
        })
    }

    /// How many lines have this text.
    pub(crate) fn lines_with(&self, text: &str) -> usize {
        self.text()
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        SAID.set(None);
    }
}

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SAID.with_borrow_mut(|said| said.iter_mut().for_each(|said| said.extend(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
