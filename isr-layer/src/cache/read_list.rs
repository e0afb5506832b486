//! Reads the lists of `params` functions: at the first need, and again once a purge may have
//! changed them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, oneshot};

use super::core::Core;
use super::list_error::ListError;
use super::param_lists::{List, ListSnapshot, ListedPaths, ValidUntil};
use super::steps::Steps;
use crate::catch_panic::catch_panic;
use crate::clock;
use crate::observe;
use crate::page::{ParamSet, RegisteredPage};
use crate::render::Recipe;

/// The pause after a reading that failed, unless a purge asks for another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

impl Core {
    /// True if it is known, without reading the list, that the page has no such path.
    pub(crate) fn is_unlisted(&self, recipe: &Recipe) -> bool {
        let Some(list) = self.pages.lists.exclusive(&recipe.page) else {
            return false;
        };
        let (last, path) = (list.last(), recipe.key.path());
        let now = clock::now();
        !last.has(path) && last.is_current(&self.marks, &recipe.page, Some(path), now)
    }

    /// True if the page has this path, by its list as it is now. A page that renders every path has
    /// every path.
    pub(crate) async fn admits(self: &Arc<Self>, recipe: &Recipe) -> bool {
        let Some(list) = self.pages.lists.exclusive(&recipe.page) else {
            return true;
        };
        let path = recipe.key.path();
        let current = self.current(list, &recipe.page, Some(path));
        current.await.has(path)
    }

    /// Returns the list of a page as it is now, if the page has one.
    pub(crate) async fn listed(
        self: &Arc<Self>,
        page: &Arc<RegisteredPage>,
    ) -> Option<Arc<ListSnapshot>> {
        let list = self.pages.lists.of(page)?;
        Some(self.current(list, page, None).await)
    }

    /// Reads the list of a page in the background, unless it has been read or is being read.
    pub(super) fn read_list_once(self: &Arc<Self>, page: &Arc<RegisteredPage>) {
        let list = self.pages.lists.of(page);
        if list.is_some_and(List::is_untouched) {
            let (core, page) = (self.clone(), page.clone());
            self.tasks.spawn(async move {
                core.listed(&page).await;
            });
        }
    }

    /// Returns a list as it is now. One caller reads it and the others wait, none of them longer
    /// than two renders of the page may take.
    async fn current(
        self: &Arc<Self>,
        list: &List,
        page: &Arc<RegisteredPage>,
        path: Option<&str>,
    ) -> Arc<ListSnapshot> {
        let is_current = |last: &ListSnapshot| {
            let now = clock::now();
            last.is_current(&self.marks, page, path, now)
        };
        let last = list.last();
        if is_current(&last) {
            return last;
        }

        let turn = list.turn.clone().lock_owned();
        let turn = tokio::time::timeout(page.policy().timeout, turn).await;
        // The one before may have read it meanwhile.
        let last = list.last();
        match turn {
            Ok(turn) if !is_current(&last) => self.read_on_task(page, turn).await.unwrap_or(last),
            _ => last,
        }
    }

    /// Reads a list on a task of its own: it is read to its end, and what is no longer listed goes,
    /// though the caller may leave. Returns `None` if the runtime shuts down.
    async fn read_on_task(
        self: &Arc<Self>,
        page: &Arc<RegisteredPage>,
        turn: OwnedMutexGuard<()>,
    ) -> Option<Arc<ListSnapshot>> {
        let (core, page) = (self.clone(), page.clone());
        let (read, snapshot) = oneshot::channel();
        self.tasks.spawn(async move {
            if let Some(list) = core.pages.lists.of(&page) {
                // The caller may have left.
                let _ = read.send(core.read(list, &page).await);
            }
            drop(turn);
        });
        snapshot.await.ok()
    }

    async fn read(&self, list: &List, page: &RegisteredPage) -> Arc<ListSnapshot> {
        let as_of = self.marks.published();
        let mut tags = self.marks.intern(page.tags_of_all());
        tags.push(page.mark.clone());

        let read = call(list, page.policy().timeout).await;
        let (listed, failure, until) = match read {
            Ok(sets) => {
                let listed = ListedPaths::new(&self.registry, page, &sets);
                (Some(Arc::new(listed)), None, ValidUntil::Purged)
            }
            Err(failure) => {
                observe::params_failed(&page.page, &failure.to_string());
                let until = ValidUntil::Time(clock::now() + RETRY_DELAY);
                (list.last().listed.clone(), Some(Arc::new(failure)), until)
            }
        };
        let is_exclusive = self.pages.lists.exclusive(page).is_some();
        let drops_unlisted = is_exclusive && failure.is_none();
        let snapshot = Arc::new(ListSnapshot {
            listed,
            failure,
            until,
            as_of,
            tags: tags.into(),
        });

        // A flight that completes from now on knows the new list; the others have stored already.
        let flights = &self.pages.flights;
        flights.hold(|| list.set(snapshot.clone()));
        if drops_unlisted {
            self.drop_unlisted(page, &snapshot).await;
        }
        snapshot
    }

    /// Drops the entries of paths that are no longer listed, so that every entry of the page is
    /// listed.
    async fn drop_unlisted(&self, page: &RegisteredPage, list: &ListSnapshot) {
        let memory = &self.pages.memory;
        let mut steps = Steps::default();
        for entry in memory.iter() {
            if entry.key.page() == page.id && !list.has(entry.key.path()) {
                memory.remove(&entry.key);
            }
            steps.next().await;
        }
    }
}

/// Calls the `params` function.
async fn call(list: &List, limit: Duration) -> Result<Vec<ParamSet>, ListError> {
    // Called inside, so that a panic of the function itself is caught too.
    let work = catch_panic(async { (list.function)().await });
    match tokio::time::timeout(limit, work).await {
        Ok(Some(sets)) => sets.map_err(ListError::Failed),
        Ok(None) => Err(ListError::Panicked),
        Err(_) => Err(ListError::TimedOut(limit)),
    }
}
