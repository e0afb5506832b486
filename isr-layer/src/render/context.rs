//! Hints of a handler while its page is rendered: tags, lifetimes, and that the response must not
//! be stored.
//!
//! The functions work anywhere on the render's own task, from sync helpers too, and also while the
//! body is polled. They have no effect in a task that the render spawns: pass [`current`] to it.
//!
//! ```
//! use isr_layer::context;
//!
//! async fn load_post(slug: &str) -> String {
//!     context::tag(format!("post:{slug}"));
//!     format!("the post {slug}")
//! }
//! ```

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Instant;
use crate::invalidation::Sequence;
use crate::observe;
use crate::page::{NameError, Page, check_text};
use crate::render::Key;
use crate::render::here;
use crate::render::once::Once;
pub use crate::render::once::once;
use crate::render::reads::{Inherited, Reads};

/// A handle to the render in progress, to be carried into tasks that the render spawns.
///
/// Hints that are given after the render has ended have no effect. Outside a render the handle does
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct Current {
    scope: Option<Arc<Scope>>,
}

/// The cache that a scope belongs to. Only the engine knows more of it.
pub(crate) type Home = Arc<dyn Any + Send + Sync>;

/// One piece of work, as the code in it sees it.
struct Scope {
    work: Work,
    home: Option<Home>,
    /// The time limit of the work.
    deadline: Option<Instant>,
    /// The newest purge of the thing that is made: it is made of nothing that is older.
    needs: Sequence,
    /// True once the inner service has the request: before that it was not ready.
    was_asked: AtomicBool,
    handler_ran: AtomicBool,
    hints: Mutex<HandlerHints>,
    once: Once,
}

/// The work that [`HandlerHints`] are for.
#[derive(Debug)]
enum Work {
    /// A render of this key, for all clients.
    Render(Page, Key),
    /// A draft, for one client.
    Draft(Page),
    /// One client's own request, whose response is not stored.
    OwnRequest(Page),
    /// A fetch of header mode, whose response may be stored.
    Fetch,
    /// The load of a value of this name.
    Load(&'static str),
    /// A request that is no page's, or a job: hints have no effect.
    Other,
}

/// The use that is made of the values that are read in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It becomes part of something that is kept.
    Kept,
    /// It goes to one client, or to a job.
    Passing,
    /// It goes to a client that may see drafts, and is read anew each time.
    Draft,
}

/// The hints that a handler gave during one render.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandlerHints {
    pub(crate) tags: BTreeSet<String>,
    pub(crate) revalidate: Option<Duration>,
    pub(crate) expire: Option<Duration>,
    pub(crate) no_store: bool,
    /// The inheritance from the values that were read.
    pub(crate) reads: Reads,
}

/// Tags the page being rendered: a purge of `tag` reaches it.
///
/// A tag has 1 to 1,024 octets and no control characters. Any other has no effect, since no purge
/// can name it; that is logged once for each page.
pub fn tag(tag: impl Into<String>) {
    current().tag(tag);
}

/// Lowers the time after which the page goes stale. The lowest of all calls and of the page's own
/// policy wins.
pub fn revalidate_after(after: Duration) {
    current().revalidate_after(after);
}

/// Lowers the time after which the page is never served again. The lowest of all calls and of the
/// page's own policy wins.
pub fn expire_after(after: Duration) {
    current().expire_after(after);
}

/// Keeps the response of this render from being stored.
pub fn no_store() {
    current().no_store();
}

/// Returns whether this request may see unpublished content: draft mode is on for its client, and
/// the response is not stored.
///
/// `false` in every render whose response other clients may get, and outside a page.
///
/// ```
/// use isr_layer::context;
///
/// async fn load_post(slug: &str) -> String {
///     let state = if context::is_draft() { "the latest version" } else { "what is published" };
///     format!("{state} of {slug}")
/// }
/// ```
pub fn is_draft() -> bool {
    here::with(Current::is_draft).unwrap_or(false)
}

/// Returns a handle to the render that this task works on. Outside a render the handle does
/// nothing, and that is logged once.
pub fn current() -> Current {
    here::with(Clone::clone).unwrap_or_else(|| {
        observe::context_outside_render();
        Current::default()
    })
}

impl Current {
    /// Starts the context of a render of `page`, for `key`.
    pub(crate) fn of(home: Home, page: Page, key: Key) -> Self {
        Self::within(Some(home), Work::Render(page, key))
    }

    /// Starts the context of a request that is shown a draft of `page`. Nothing of it is stored,
    /// whatever the hints.
    pub(crate) fn of_draft(page: Page) -> Self {
        Self::within(None, Work::Draft(page))
    }

    /// Starts the context of a client's own request for `page`. Nothing of it is stored, whatever
    /// the hints.
    pub(crate) fn of_own_request(home: Home, page: Page) -> Self {
        Self::within(Some(home), Work::OwnRequest(page))
    }

    /// Starts the context of a fetch of header mode.
    pub(crate) fn of_fetch(home: Home) -> Self {
        Self::within(Some(home), Work::Fetch)
    }

    /// Starts the context of the load of a value.
    pub(crate) fn of_load(home: Home, name: &'static str) -> Self {
        Self::within(Some(home), Work::Load(name))
    }

    /// Makes the context of work of no page. Many tasks may share it.
    pub(crate) fn of_other(home: Home) -> Self {
        Self::within(Some(home), Work::Other)
    }

    fn within(home: Option<Home>, work: Work) -> Self {
        let scope = Scope {
            work,
            home,
            deadline: None,
            needs: Sequence::NO_MARK,
            was_asked: AtomicBool::new(false),
            handler_ran: AtomicBool::new(false),
            hints: Mutex::default(),
            once: Once::default(),
        };
        Self {
            scope: Some(Arc::new(scope)),
        }
    }

    /// Sets the time limit of the work, and the newest purge of its result, before it begins.
    pub(crate) fn within_limits(mut self, deadline: Option<Instant>, needs: Sequence) -> Self {
        if let Some(scope) = self.scope.as_mut().and_then(Arc::get_mut) {
            scope.deadline = deadline;
            scope.needs = needs;
        }
        self
    }

    /// Returns the newest purge of the thing that is made.
    pub(crate) fn needs(&self) -> Sequence {
        let scope = self.scope.as_ref();
        scope.map_or(Sequence::NO_MARK, |scope| scope.needs)
    }

    /// Returns the time limit of the work.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.scope.as_ref()?.deadline
    }

    /// Returns the scope of this task, and logs nothing if it has no scope.
    pub(crate) fn try_here() -> Option<Self> {
        here::with(Clone::clone)
    }

    /// Returns the cache of the scope.
    pub(crate) fn home(&self) -> Option<&Home> {
        self.scope.as_ref()?.home.as_ref()
    }

    /// Returns the use that is made of the values that are read here.
    pub(crate) fn what_is_read_is(&self) -> Use {
        match self.scope.as_ref().map(|scope| &scope.work) {
            Some(Work::Render(..) | Work::Fetch | Work::Load(_)) => Use::Kept,
            Some(Work::Draft(_)) => Use::Draft,
            Some(Work::OwnRequest(_) | Work::Other) | None => Use::Passing,
        }
    }

    /// Returns the values for the time of this work; none for work that many tasks share.
    pub(super) fn once(&self) -> Option<&Once> {
        let scope = self.scope.as_ref();
        let scope = scope.filter(|scope| !matches!(scope.work, Work::Other));
        scope.map(|scope| &scope.once)
    }

    /// Takes over the state of a value that was read here.
    pub(crate) fn inherit(&self, value: Inherited<'_>) {
        self.update(|hints| hints.reads.inherit(value));
    }

    /// Runs the future `work` as part of this render: what it does counts for the page, in a task
    /// of its own, too.
    ///
    /// ```
    /// use isr_layer::context;
    ///
    /// # async fn page() {
    /// let current = context::current();
    /// let work = current.scope(async { context::tag("posts") });
    /// let task = tokio::spawn(work);
    /// # task.await.unwrap();
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.enter(work)
    }

    /// Runs the future `work` as part of this render.
    pub(crate) fn enter<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        here::enter(self.scope.is_some().then(|| self.clone()), work)
    }

    /// Runs the function `work` as part of this render.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        here::run(self.clone(), work)
    }

    /// See [`tag`].
    pub fn tag(&self, tag: impl Into<String>) {
        let tag = tag.into();
        match (check_text(&tag), &self.scope) {
            (Err(error), Some(scope)) => scope.tag_ignored(error),
            _ => self.update(|hints| {
                hints.tags.insert(tag);
            }),
        }
    }

    /// See [`revalidate_after`].
    pub fn revalidate_after(&self, after: Duration) {
        self.update(|hints| {
            hints.revalidate = Some(hints.revalidate.map_or(after, |before| before.min(after)))
        });
    }

    /// See [`expire_after`].
    pub fn expire_after(&self, after: Duration) {
        self.update(|hints| {
            hints.expire = Some(hints.expire.map_or(after, |before| before.min(after)))
        });
    }

    /// See [`no_store`].
    pub fn no_store(&self) {
        self.update(|hints| hints.no_store = true);
    }

    /// See [`is_draft`].
    pub fn is_draft(&self) -> bool {
        let scope = self.scope.as_ref();
        scope.is_some_and(|scope| matches!(scope.work, Work::Draft(_)))
    }

    /// Takes the hints at the end of the work. Those that are given later have no effect.
    pub(crate) fn take_hints(&self) -> HandlerHints {
        let scope = self.scope.as_ref();
        let hints = scope.map(|scope| scope.hints.lock().unwrap_or_else(PoisonError::into_inner));
        hints
            .map(|mut hints| std::mem::take(&mut *hints))
            .unwrap_or_default()
    }

    /// Returns whether the page's own function ran. A page built by hand has no function to mark,
    /// so it counts as run.
    pub(crate) fn handler_ran(&self) -> bool {
        self.scope.as_ref().is_some_and(|scope| {
            let page = scope.page();
            page.is_some_and(|page| page.declared_handler().is_none())
                || scope.handler_ran.load(Ordering::Acquire)
        })
    }

    /// True if the inner service had the request: it was ready for it.
    pub(crate) fn was_asked(&self) -> bool {
        let scope = self.scope.as_ref();
        scope.is_some_and(|scope| scope.was_asked.load(Ordering::Acquire))
    }

    fn update(&self, change: impl FnOnce(&mut HandlerHints)) {
        let Some(scope) = &self.scope else { return };
        if matches!(scope.work, Work::Other) {
            observe::context_outside_render();
        } else {
            change(&mut scope.hints.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Scope {
    /// Returns the page that the work is for.
    fn page(&self) -> Option<&Page> {
        match &self.work {
            Work::Render(page, _) | Work::Draft(page) | Work::OwnRequest(page) => Some(page),
            Work::Fetch | Work::Load(_) | Work::Other => None,
        }
    }

    /// True if the work is a render of `page` for all clients.
    fn renders(&self, page: &Page) -> bool {
        matches!(&self.work, Work::Render(own, _) if own.is_same(page))
    }

    fn tag_ignored(&self, error: NameError) {
        match (&self.work, self.page()) {
            (_, Some(page)) => observe::tag_ignored(page, error),
            (Work::Load(name), None) => observe::tag_of_data_ignored(name, error),
            _ => {}
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}

/// True if this task works in a scope.
pub(crate) fn is_in_scope() -> bool {
    here::with(|_| ()).is_some()
}

/// Returns whether this task is rendering `key`. A request for it would wait for itself.
pub(crate) fn is_rendering(key: &Key) -> bool {
    let is_it = |current: &Current| {
        let scope = current.scope.as_ref();
        scope.is_some_and(|scope| matches!(&scope.work, Work::Render(_, own) if own == key))
    };
    here::with(is_it).unwrap_or(false)
}

/// Returns whether this task is rendering `page`, for any key.
pub(crate) fn is_rendering_page(page: &Page) -> bool {
    let is_it = |current: &Current| {
        let scope = current.scope.as_ref();
        scope.is_some_and(|scope| scope.renders(page))
    };
    here::with(is_it).unwrap_or(false)
}

/// Records that the inner service gets the request of the render that this task works on.
pub(crate) fn mark_asked() {
    // Without a render there is nothing to record.
    here::with(|current| {
        if let Some(scope) = &current.scope {
            scope.was_asked.store(true, Ordering::Release);
        }
    });
}

/// Returns whether this task is rendering a page for all clients, or loading a value.
pub(crate) fn is_in_render() -> bool {
    let is_shared = |current: &Current| {
        let scope = current.scope.as_ref();
        scope.is_some_and(|scope| matches!(scope.work, Work::Render(..) | Work::Load(_)))
    };
    here::with(is_shared).unwrap_or(false)
}

/// Records that the function of these pages runs. Only then is the response known to be theirs.
pub(crate) fn mark_handler_ran(pages: &[Page]) {
    let rendering = here::with(|current| {
        let scope = current.scope.as_ref()?;
        let rendered = scope.page()?;
        let is_it = pages.iter().any(|page| rendered.is_same(page));
        if is_it {
            scope.handler_ran.store(true, Ordering::Release);
        }
        Some((*rendered, is_it))
    });

    let other = match rendering {
        Some(Some((_, true))) => return,
        Some(Some((other, false))) => Some(other),
        Some(None) | None => None,
    };
    if let Some(page) = pages.first() {
        observe::page_outside_render(page, other.as_ref());
    }
}
