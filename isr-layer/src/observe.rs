//! Tells the operator everything that we log; the only file that knows whether `tracing` is there.

#[cfg(feature = "tracing")]
macro_rules! log {
    ($level:ident, $($rest:tt)*) => { ::tracing::$level!(target: "isr", $($rest)*) };
}

#[cfg(not(feature = "tracing"))]
macro_rules! log {
    ($level:ident, $($name:ident = $value:expr,)* $text:literal) => {{ $(let _ = &$value;)* }};
}

mod data;

use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;
#[cfg(feature = "disk")]
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

use http::{HeaderName, StatusCode};

pub(crate) use self::data::{
    arguments_differ, arguments_make_no_key, load_failed, no_cache, tag_of_data_ignored,
    two_data_of_one_name, unkeyed_says_who_asks, value_too_large,
};
use crate::entry::NotStored;
use crate::outcome::Reason;
use crate::page::{NameError, Page};

/// The keys for which a line was logged, so that it is logged once for each.
struct Logged<K>(Mutex<Option<HashSet<K>>>);

impl<K: Eq + Hash> Logged<K> {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns whether `key` comes for the first time, and is one of the first `most` keys.
    fn is_new(&self, key: K, most: usize) -> bool {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.get_or_insert_with(HashSet::new);
        keys.len() < most && keys.insert(key)
    }
}

/// The bound of keys that the program chooses, such as its pages.
const ALL: usize = usize::MAX;

/// Runs a render in the span of the client's request that started it, so that the lines which the
/// page logs have the request's fields.
#[cfg(feature = "tracing")]
pub(crate) fn in_callers_span<F: Future>(render: F) -> impl Future<Output = F::Output> + use<F> {
    tracing::Instrument::in_current_span(render)
}

/// Runs a render that no client waits for in a span of its own, which follows from the current one.
#[cfg(feature = "tracing")]
pub(crate) fn in_own_span<F: Future>(
    render: F,
    page: &Page,
    path: &str,
    purpose: &str,
) -> impl Future<Output = F::Output> + use<F> {
    let route = page.path();
    let span =
        tracing::debug_span!(target: "isr", parent: None, "isr.render", route, path, purpose);
    span.follows_from(tracing::Span::current());
    tracing::Instrument::instrument(render, span)
}

/// Does nothing without `tracing`.
#[cfg(not(feature = "tracing"))]
pub(crate) fn in_callers_span<F: Future>(render: F) -> impl Future<Output = F::Output> + use<F> {
    render
}

/// Does nothing without `tracing`.
#[cfg(not(feature = "tracing"))]
pub(crate) fn in_own_span<F: Future>(
    render: F,
    _: &Page,
    _: &str,
    _: &str,
) -> impl Future<Output = F::Output> + use<F> {
    render
}

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
    static LOGGED: Logged<&str> = Logged::new();
    if !LOGGED.is_new(page.path(), ALL) {
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

/// Logs once for each page that it has a tag which no purge can name. The tag is not logged: it may
/// hold text of a client.
pub(crate) fn tag_ignored(page: &Page, error: NameError) {
    static LOGGED: Logged<&str> = Logged::new();
    if !LOGGED.is_new(page.path(), ALL) {
        return;
    }

    let (page, error) = (page.describe(), error.to_string());
    log!(
        warn,
        page = page,
        error = error.as_str(),
        "a tag of a page was not taken, since no purge can name it: a tag has 1 to 1,024 octets \
         and no control characters; logged once for each page"
    );
}

/// Logs once for each page that its tags do not fit into the header for caches in front.
pub(crate) fn tags_do_not_fit(page: &Page) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(page.path(), ALL) {
        let page = page.describe();
        log!(
            warn,
            page = page,
            "the tags of a page do not fit into the header of `surrogate_keys`, so no cache in \
             front may keep it: see `max_surrogate_keys_bytes`; logged once for each page"
        );
    }
}

/// Logs once that a function of hosts panicked. The host is not logged: a client chose it.
pub(crate) fn hosts_by_panicked() {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        log!(
            warn,
            "a function that `hosts_by` was given panicked; the host counts as not listed; logged \
             once"
        );
    });
}

/// Logs once for each header that its function panicked, or gave a text that no header can have.
/// The client's value is not logged.
pub(crate) fn vary_by_failed(name: &HeaderName) {
    static LOGGED: Logged<HeaderName> = Logged::new();
    if LOGGED.is_new(name.clone(), ALL) {
        log!(
            warn,
            header = name.as_str(),
            "the function that `vary_by` was given for a header panicked, or its result cannot be \
             a header; the request was passed on and is not cached; logged once for each header"
        );
    }
}

/// Logs that a response was not stored: each time if the render failed, otherwise once for each
/// page and reason.
pub(crate) fn not_stored(page: &Page, path: &str, why: NotStored, status: StatusCode) {
    static LOGGED: Logged<(&str, Reason)> = Logged::new();
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

    if LOGGED.is_new((page.path(), reason), ALL) {
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

/// The number of covered routes that are logged by path. Clients choose paths.
const MAX_COVERED_ROUTES: usize = 64;

/// Logs once for each path of a page at which another route responds.
pub(crate) fn covered_route(page: &Page, path: &str) {
    static LOGGED: Logged<String> = Logged::new();
    if !LOGGED.is_new(path.to_owned(), MAX_COVERED_ROUTES) {
        return;
    }

    let page = page.describe();
    log!(
        warn,
        page = page,
        path = path,
        "the pattern of a page matches this path, but the page did not run: another route, or a \
         layer in front of the page, responded. Clients get their own responses, and the first one \
         ran twice: name the path in `IsrLayerBuilder::except` to prevent that"
    );
}

/// Logs once for each page that a response varies by headers that the page does not declare.
pub(crate) fn varies(page: &Page, path: &str, headers: &[String]) {
    static LOGGED: Logged<&str> = Logged::new();
    if !LOGGED.is_new(page.path(), ALL) {
        return;
    }

    let (page, headers) = (page.describe(), headers.join(", "));
    log!(
        warn,
        page = page,
        path = path,
        vary = headers,
        "a response of this page varies by headers that the page does not declare, so it is not \
         stored and each client's own request goes to the handler: declare them with \
         `vary = [..]`, or put the layer that adds this `Vary` around this one"
    );
}

/// Logs once that nothing is stored behind a router.
pub(crate) fn behind_router() {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        log!(
            warn,
            "the layer is behind a router, where a request's extensions may say who the client is, \
             so nothing is stored: put the layer in front of the application (`isr.wrap`), or name \
             the extensions that renders may see (`IsrLayerBuilder::keep_extension` or \
             `trust_extensions`)"
        );
    });
}

/// Logs once for each page that it includes itself, by requests of pages to pages.
pub(crate) fn includes_itself(page: &Page, path: &str) {
    static LOGGED: Logged<&str> = Logged::new();
    if LOGGED.is_new(page.path(), ALL) {
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

/// Logs that the endpoint refused requests: their status, and the number since the last line with
/// it. Neither sender nor content is logged: either may hold a secret.
pub(crate) fn revalidation_refused(status: StatusCode, refused: u64) {
    log!(
        warn,
        status = status.as_u16(),
        refused = refused,
        "a revalidation was refused; one line a minute for each status, with the number since"
    );
}

/// Logs that draft mode was refused, as [`revalidation_refused`] does.
#[cfg(feature = "hmac")]
pub(crate) fn draft_refused(status: StatusCode, refused: u64) {
    log!(
        warn,
        status = status.as_u16(),
        refused = refused,
        "draft mode was refused; one line a minute for each status, with the number since"
    );
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

/// Logs that a store fails, and the number of its failures since the last line.
pub(crate) fn store_failed(error: &str, failures: u64) {
    log!(
        warn,
        error = error,
        failures = failures,
        "a store failed: pages are served from memory and rendered, and a purge that cannot be \
         recorded is refused; one line a minute, with the number since"
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

/// Logs that a file of a store was set aside, and that the store goes on with an empty one.
#[cfg(feature = "disk")]
pub(crate) fn store_file_set_aside(path: &Path, aside: &Path, reason: &str) {
    let (path, aside) = (path.display().to_string(), aside.display().to_string());
    log!(
        warn,
        path = path,
        aside = aside,
        reason = reason,
        "a file of the store cannot be used: it was set aside, and an empty one is begun"
    );
}

/// Logs that purges are missing in a store, so that every page in it counts as purged.
#[cfg(feature = "disk")]
pub(crate) fn store_marks_lost(path: &Path, number: u64) {
    let path = path.display().to_string();
    log!(
        warn,
        path = path,
        number = number,
        "purges are missing in a file of the store: every page below this number counts as purged"
    );
}

/// Logs that pages cannot be written to a store. One line a minute at most.
#[cfg(feature = "disk")]
pub(crate) fn store_keeps_no_pages(path: &Path, error: &str) {
    let path = path.display().to_string();
    log!(
        warn,
        path = path,
        error = error,
        "pages cannot be kept on the disk for now: they are served from memory and rendered"
    );
}

/// Logs that purges cannot be made durable. One line a minute at most.
#[cfg(feature = "disk")]
pub(crate) fn store_refuses_purges(path: &Path, error: &str) {
    let path = path.display().to_string();
    log!(
        warn,
        path = path,
        error = error,
        "purges cannot be recorded on the disk for now, so they are refused"
    );
}
