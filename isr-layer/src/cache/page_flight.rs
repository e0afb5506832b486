//! The flights of pages: the work is one render.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use http::StatusCode;

use super::failure::Failure;
use super::flight::{self, Work};
use crate::entry::Entry;
use crate::invalidation::{Subject, TagMark};
use crate::outcome::Reason;
use crate::render::{Key, Recipe};

pub(crate) type Flights = flight::Flights<PageRender>;
pub(crate) type Joined = flight::Joined<PageRender>;
pub(crate) type Leader = flight::Leader<PageRender>;
pub(crate) type Follower = flight::Follower<PageRender>;
pub(crate) type InProgress = flight::InProgress<PageRender>;
pub(crate) type CompletedFlight = flight::CompletedFlight<PageRender>;

/// The render of one page.
pub(crate) struct PageRender {
    pub(crate) recipe: Recipe,
    /// The page and its declared tags: known before the render.
    pub(crate) tags: Box<[Arc<TagMark>]>,
    start: Start,
    /// True while a store may have the page.
    is_loading: AtomicBool,
    /// True once a store was asked and has nothing.
    is_not_stored: AtomicBool,
    /// The entry that was stored when the flight was started.
    before: OnceLock<Weak<Entry>>,
    /// True once the application itself asked for this render: its key is no client's invention.
    is_asked_for: AtomicBool,
}

/// The knowledge of a page with which its flight is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// True if the flight asks a store first: a request came for something absent.
    pub(crate) asks_store: bool,
    /// True if there is a good page, in memory or in a store.
    pub(crate) is_known: bool,
}

/// The end of a render, for everybody who waits.
#[derive(Clone, Debug)]
pub(crate) enum RenderOutcome {
    /// An entry that everybody may have. The reason, if there is one, says that a store could not be
    /// asked for it before, or that it was made of a value that is out of date.
    Stored(Arc<Entry>, Option<Reason>),
    /// An entry that a store had, or none if another flight completed meanwhile: nothing was
    /// rendered, and everybody looks again.
    Loaded(Option<Arc<Entry>>),
    /// A store has nothing, and nothing was rendered, since another flight of the key is in
    /// progress or a failure is remembered: everybody looks again, and does not ask the store once
    /// more.
    NotLoaded,
    /// A page that everybody who waits gets, and that is not stored: its key is over the limit of
    /// [`NewKeyLimiter`](super::new_key_limiter::NewKeyLimiter).
    OverLimit(Arc<Failure>),
    /// A page that everybody who waits may have and that memory has no room for.
    NotKept(Arc<Entry>),
    /// One failure that everybody gets.
    Failed(Arc<Failure>),
    /// A response for the leader alone, and its status if there was one.
    Refused(Reason, Option<StatusCode>),
    /// The page's `params` do not list the path: nothing was rendered.
    NotListed,
}

impl PageRender {
    pub(crate) fn new(recipe: Recipe, tags: Vec<Arc<TagMark>>, start: Start) -> Self {
        Self {
            recipe,
            tags: tags.into(),
            start,
            is_loading: AtomicBool::new(start.asks_store),
            is_not_stored: AtomicBool::new(false),
            before: OnceLock::new(),
            is_asked_for: AtomicBool::new(false),
        }
    }

    /// True if the flight asks a store first.
    pub(crate) fn asks_store(&self) -> bool {
        self.start.asks_store
    }

    /// True if there was a good page when the flight was started.
    pub(crate) fn is_known(&self) -> bool {
        self.start.is_known
    }

    /// True until a store was asked, if the flight asks one: it may render nothing.
    pub(crate) fn is_loading(&self) -> bool {
        self.is_loading.load(Ordering::Relaxed)
    }

    /// Notes that the flight loads nothing.
    pub(crate) fn end_loading(&self) {
        self.is_loading.store(false, Ordering::Relaxed);
    }

    /// Notes that a store has nothing.
    pub(crate) fn set_not_stored(&self) {
        self.is_not_stored.store(true, Ordering::Relaxed);
    }

    /// True once a store was asked and has nothing.
    pub(crate) fn is_not_stored(&self) -> bool {
        self.is_not_stored.load(Ordering::Relaxed)
    }

    /// Notes that the application itself asked for the render.
    pub(crate) fn set_asked_for(&self) {
        self.is_asked_for.store(true, Ordering::Relaxed);
    }

    /// True if only clients asked for the render.
    pub(crate) fn is_for_client(&self) -> bool {
        !self.is_asked_for.load(Ordering::Relaxed)
    }

    /// Notes the entry that was stored before the render.
    pub(crate) fn set_before(&self, entry: &Arc<Entry>) {
        // A flight has one leader, who looks once. Weak: a render that waits for its turn keeps no
        // entry that memory has evicted.
        let _ = self.before.set(Arc::downgrade(entry));
    }

    /// Returns the entry that was stored before the render, unless it is gone.
    pub(crate) fn before(&self) -> Option<Arc<Entry>> {
        self.before.get()?.upgrade()
    }
}

impl Work for PageRender {
    type Key = Key;
    type Outcome = RenderOutcome;

    const AT_ONCE: usize = 3;

    fn key(&self) -> &Key {
        &self.recipe.key
    }

    fn subject(&self) -> Subject<'_> {
        Subject::at(self.recipe.key.path(), &self.tags)
    }

    fn limit(&self) -> Option<Duration> {
        Some(self.recipe.page.policy().timeout)
    }

    fn is_timeless(outcome: &RenderOutcome) -> bool {
        // Everything but a rendered page is a failure, and no purge makes that wrong; one that was
        // loaded is judged anew.
        !matches!(
            outcome,
            RenderOutcome::Stored(..) | RenderOutcome::OverLimit(_) | RenderOutcome::NotKept(_)
        )
    }

    fn outruns(outcome: &RenderOutcome) -> bool {
        // An older render that succeeds is better than this failure, or than nothing, and newer
        // than a page that was loaded.
        !matches!(
            outcome,
            RenderOutcome::Failed(_)
                | RenderOutcome::OverLimit(_)
                | RenderOutcome::Loaded(_)
                | RenderOutcome::NotLoaded
        )
    }
}

impl fmt::Debug for CompletedFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CompletedFlight")
            .field(&self.outcome)
            .finish()
    }
}
