//! Captures all events and spans of `tracing` on a test's thread, as a log would show them.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

thread_local! {
    /// The log of this thread since the test began to capture. Its runtime has no other thread.
    static SAID: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Captures the log of this thread until it is dropped.
pub(crate) struct Captured(());

/// The writer of the only subscriber.
struct Ear;

/// Subscribes to all events and spans of all crates, once for all tests. With one subscriber per
/// test, an event that another test reaches first at that moment could be taken for disabled.
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

    /// Returns the number of lines that contain this text.
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
