//! Tells the operator everything that we log; the only file that knows whether `tracing` is there.

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

/// Logs once that `context::…` was called while no render was in progress.
pub(crate) fn context_outside_render() {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        log!(
            warn,
            "isr_layer::context was called outside a render and had no effect: carry \
             `context::current()` into spawned tasks"
        );
    });
}

/// Logs once for each page that its handler ran outside its own render.
pub(crate) fn page_outside_render(page: &Page, rendering: Option<&Page>) {
    static LOGGED: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if !logged.get_or_insert_with(HashSet::new).insert(page.path()) {
        return;
    }

    let page = page.describe();
    let rendering = rendering.map_or_else(|| "no page".to_owned(), Page::describe);
    log!(
        warn,
        page = page,
        rendering = rendering,
        "a page ran outside its own render, so it is not cached; possible causes: the handler is \
         mounted at another path, the layer is missing, the host is not in `hosts`, or the request \
         has a body"
    );
}

/// Logs that a response was not stored: each time if the render failed, otherwise once for each
/// page and reason.
pub(crate) fn not_stored(page: &Page, path: &str, why: NotStored, status: StatusCode) {
    static LOGGED: Mutex<Option<HashSet<(&'static str, Reason)>>> = Mutex::new(None);
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

    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if logged
        .get_or_insert_with(HashSet::new)
        .insert((page.path(), reason))
    {
        let page = page.describe();
        log!(
            warn,
            page = page,
            path = path,
            reason = reason.as_str(),
            status = status,
            "a response of this page may not be stored and was sent to one client only; logged \
             once for each page and reason"
        );
    }
}

/// Logs once for each page that it includes itself, by requests of pages to pages.
pub(crate) fn includes_itself(page: &Page, path: &str) {
    static LOGGED: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if logged.get_or_insert_with(HashSet::new).insert(page.path()) {
        let page = page.describe();
        log!(
            warn,
            page = page,
            path = path,
            "a page includes itself, by a request that it or another page sends while it is \
             rendered: the request that closes the circle gets status 508; logged once for each \
             page"
        );
    }
}

/// Logs that the endpoint refused a request. Neither its sender nor its content is logged: either
/// may hold a secret.
pub(crate) fn revalidation_refused(status: StatusCode) {
    log!(warn, status = status.as_u16(), "a revalidation was refused");
}

/// Logs that draft mode was refused. The request is not logged: the secret may be in it.
#[cfg(feature = "hmac")]
pub(crate) fn draft_refused(status: StatusCode) {
    log!(warn, status = status.as_u16(), "draft mode was refused");
}

/// Logs that a page's `params` could not be read. The error is the user's own.
pub(crate) fn params_failed(page: &Page, error: &str) {
    let page = page.describe();
    log!(
        warn,
        page = page,
        error = error,
        "`params` of a page could not be read; the last list stays"
    );
}

/// Logs that a page's `params` gave values that make no path of the page.
pub(crate) fn params_without_path(page: &Page, count: usize) {
    let page = page.describe();
    log!(
        warn,
        page = page,
        count = count,
        "`params` of a page gave values that make no path of the page: a value is empty, or the \
         path belongs to another page"
    );
}

/// Logs that a purge was recorded.
pub(crate) fn purged(sequence: u64, selectors: usize) {
    log!(
        debug,
        sequence = sequence,
        selectors = selectors,
        "a purge was recorded"
    );
}
