//! A run of the suites with a store behind every layer: memory drops a part of the entries as soon as
//! they are stored, so that requests have to load them.
//!
//! `ISR_BREAK=<rule>` leaves out one of the rules that keep memory and store in step: a test must fail.
//!
//! `ISR_SUITE_STORE=<file>` switches it on. The file gets the number of requests for pages so far, and
//! the number of those that waited for the store.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use http::header::HeaderValue;
use isr_layer::__private::{EveryLayer, break_rule, inventory};

use crate::MemoryStore;

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static LOADS: AtomicU64 = AtomicU64::new(0);

inventory::submit! {
    EveryLayer(|builder| {
        if let Ok(rule) = std::env::var("ISR_BREAK") {
            assert!(break_rule(&rule), "there is no rule `{rule}`");
        }
        match file() {
            Some(_) if !builder.has_store() => builder
                .build_id("suite")
                .store(MemoryStore::new())
                .forgets(forgets),
            _ => builder,
        }
    })
}

/// Says if memory drops an entry at once: always, or by chance with `ISR_SUITE_FORGETS=half`.
fn forgets() -> bool {
    static HALF: OnceLock<bool> = OnceLock::new();
    let half = HALF.get_or_init(|| std::env::var("ISR_SUITE_FORGETS").is_ok());
    !half || fastrand::bool()
}

/// True if the suites run with a store behind every layer.
pub fn is_behind() -> bool {
    file().is_some()
}

fn file() -> Option<&'static str> {
    static FILE: OnceLock<Option<String>> = OnceLock::new();
    FILE.get_or_init(|| std::env::var("ISR_SUITE_STORE").ok())
        .as_deref()
}

/// Counts a response of a page, and takes the member that a store adds from its `Cache-Status`: the
/// tests expect of a response that was loaded what they expect of one from memory.
pub(crate) fn count(headers: &mut HeaderMap) {
    let Some(file) = file() else { return };
    let Some(status) = headers
        .get("cache-status")
        .and_then(|status| status.to_str().ok())
    else {
        return;
    };
    let requests = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
    let plain = status.replace("; isr-from=store", "");
    if plain != status {
        LOADS.fetch_add(1, Ordering::Relaxed);
        let plain = HeaderValue::from_str(&plain).expect("a part of a header value");
        headers.insert("cache-status", plain);
    }
    if requests.is_multiple_of(100) {
        let counts = format!(
            "{requests} requests, {} loads\n",
            LOADS.load(Ordering::Relaxed)
        );
        fs::write(file, counts).expect("the file of ISR_SUITE_STORE can be written");
    }
}
