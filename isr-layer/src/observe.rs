//! Everything we tell an operator goes through here; the only file that knows whether `tracing` is there.

#[cfg(feature = "tracing")]
macro_rules! log {
    ($level:ident, $($rest:tt)*) => { ::tracing::$level!(target: "isr", $($rest)*) };
}

#[cfg(not(feature = "tracing"))]
macro_rules! log {
    ($level:ident, $($name:ident = $value:expr,)* $text:literal) => {{ $(let _ = &$value;)* }};
}

use std::collections::HashSet;
use std::sync::{Mutex, Once, PoisonError};

use http::StatusCode;

use crate::entry::NotStored;
use crate::outcome::Reason;
use crate::page::Page;

/// `context::…` was called where no render is in progress. Said once.
pub(crate) fn context_outside_render() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        log!(
            warn,
            "isr_layer::context was used outside a render: it had no effect here. A spawned task takes `context::current()` along"
        );
    });
}

/// A page's function ran where its page is not being rendered. Said once a page.
pub(crate) fn page_outside_render(page: &Page, rendering: Option<&Page>) {
    static SAID: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.get_or_insert_with(HashSet::new).insert(page.path()) {
        return;
    }
    let page = page.describe();
    let rendering = rendering.map_or_else(|| "no page".to_owned(), Page::describe);
    log!(
        warn,
        page = page,
        rendering = rendering,
        "a page ran outside its own render, so it is not cached: is it mounted at another path, is the layer missing, the host \
         not among `hosts`, or did the request bring a body?"
    );
}

/// An answer was not stored: once a page for what is refused, each time for what failed.
pub(crate) fn not_stored(page: &Page, path: &str, why: NotStored, status: StatusCode) {
    static SAID: Mutex<Option<HashSet<(&'static str, Reason)>>> = Mutex::new(None);
    let (reason, status) = (why.reason(), status.as_u16());
    if let NotStored::Failed(_) = why {
        log!(
            warn,
            path = path,
            reason = reason.as_str(),
            status = status,
            "a render failed; the last good page stays"
        );
        return;
    }
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.get_or_insert_with(HashSet::new).insert((page.path(), reason)) {
        let page = page.describe();
        log!(
            warn,
            page = page,
            path = path,
            reason = reason.as_str(),
            status = status,
            "an answer of this page may not be stored and was served to one client only; said once a page"
        );
    }
}

/// The endpoint refused a request. Neither who sent it nor what it said is logged: either may hold a secret.
pub(crate) fn revalidation_refused(status: StatusCode) {
    log!(warn, status = status.as_u16(), "a revalidation was refused");
}

/// Draft mode was refused to somebody. What was asked is not logged: the secret may be in it.
#[cfg(feature = "hmac")]
pub(crate) fn draft_refused(status: StatusCode) {
    log!(warn, status = status.as_u16(), "draft mode was refused");
}

/// A page's `params` could not be read. The error is the user's own.
pub(crate) fn params_failed(page: &Page, error: &str) {
    let page = page.describe();
    log!(warn, page = page, error = error, "the params of a page could not be read; the last list stays");
}

/// A page's `params` gave values that no path of the page has.
pub(crate) fn params_without_path(page: &Page, count: usize) {
    let page = page.describe();
    log!(
        warn,
        page = page,
        count = count,
        "the params of a page gave values that are no path of it: empty ones, or a path that another page has"
    );
}

/// A purge was recorded.
pub(crate) fn purged(sequence: u64, selectors: usize) {
    log!(debug, sequence = sequence, selectors = selectors, "a purge was recorded");
}
