//! What `params` functions listed: read when it is first needed, and again once a purge may have changed it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::core::Core;
use super::render::caught;
use crate::clock::{self, Instant};
use crate::error::{Error, ErrorKind};
use crate::invalidation::{Marks, TagMark, Validity};
use crate::observe;
use crate::page::{Fallback, ListParams, ParamSet, RegisteredPage, Registry, declared_list};
use crate::render::Recipe;

/// How long a list that could not be read is left alone, unless a purge asks for it.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The lists of all pages, by page.
pub(crate) struct ParamLists(Box<[Option<List>]>);

/// The list of one page.
struct List {
    function: ListParams,
    last: Mutex<Arc<ListSnapshot>>,
    /// Whose turn it is to read: the others wait for what comes of it.
    turn: tokio::sync::Mutex<()>,
}

/// What the last reading of a list gave.
#[derive(Debug, Default)]
pub(crate) struct ListSnapshot {
    /// What was listed when it was last read with success.
    pub(crate) listed: Option<Arc<ListedPaths>>,
    /// Why the last reading failed, if it did.
    pub(crate) failure: Option<String>,
    /// Until when this counts without a purge; none when there was no reading yet.
    until: Until,
    /// The last number published before the reading began.
    as_of: u64,
    /// What carries every instance of the page: a purge of one of them is a purge of the page.
    tags: Box<[Arc<TagMark>]>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Until {
    #[default]
    Never,
    Time(Instant),
    UntilPurged,
}

/// The canonical paths a page has.
#[derive(Debug)]
pub(crate) struct ListedPaths {
    /// As they were listed.
    pub(crate) order: Vec<Arc<str>>,
    paths: HashSet<Arc<str>>,
}

impl ParamLists {
    /// The lists the pages declare, or `given` in their place.
    ///
    /// # Errors
    ///
    /// When a list is for no page or for one without parameters, or a page says `not_found` for what no list names.
    pub(crate) fn new(
        registry: &Registry,
        given: Vec<(String, ListParams)>,
    ) -> Result<Self, Error> {
        let mut lists = registry
            .pages()
            .map(|page| declared_list(&page.page))
            .collect::<Vec<_>>();
        let mut seen = HashSet::new();
        for (pattern, function) in given {
            let refuse = |why: &str| {
                let message = format!("`params` is given for `{pattern}`, {why}");
                Error::new(ErrorKind::Configuration, message)
            };
            let list = registry
                .by_pattern(&pattern)
                .and_then(|known| lists.get_mut(known.id as usize))
                .ok_or_else(|| refuse("which is not the path of a registered page"))?;
            *list = Some(function);
            if !seen.insert(pattern.clone()) {
                return Err(refuse("which has one already"));
            }
        }
        let lists = registry
            .pages()
            .zip(lists)
            .map(|(page, list)| checked(page, list));
        Ok(Self(lists.collect::<Result<_, _>>()?))
    }

    fn of(&self, page: &RegisteredPage) -> Option<&List> {
        self.0.get(page.id as usize)?.as_ref()
    }

    /// The list of a page that has no other paths.
    fn exclusive(&self, page: &RegisteredPage) -> Option<&List> {
        self.of(page)
            .filter(|_| page.policy().fallback == Fallback::NotFound)
    }

    /// Whether a page lists that path, as far as its list was read.
    pub(super) fn include(&self, recipe: &Recipe) -> bool {
        let listed = self
            .of(&recipe.page)
            .and_then(|list| list.last().listed.clone());
        listed.is_some_and(|listed| listed.has(recipe.key.path()))
    }

    /// Whether a page has no such path, as far as its list was read.
    pub(super) fn exclude(&self, recipe: &Recipe) -> bool {
        self.exclusive(&recipe.page)
            .is_some_and(|list| !list.last().has(recipe.key.path()))
    }
}

/// The list of a page, made ready; refused where it could not do what the page says.
fn checked(page: &RegisteredPage, list: Option<ListParams>) -> Result<Option<List>, Error> {
    let refuse = |kind, what: &str| {
        Err(Error::new(
            kind,
            format!("the page {}: {what}", page.page.describe()),
        ))
    };
    match list {
        Some(_) if !page.has_parameters() => refuse(
            ErrorKind::Configuration,
            "`params` is given, but its path has no parameters",
        ),
        None if page.policy().fallback == Fallback::NotFound => refuse(
            ErrorKind::Policy,
            "`fallback` is `not_found`, but there are no `params` to list the paths",
        ),
        list => Ok(list.map(|function| List {
            function,
            last: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        })),
    }
}

impl List {
    fn last(&self) -> Arc<ListSnapshot> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, reading: Arc<ListSnapshot>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

impl ListSnapshot {
    /// Whether the list need not be read again for this path, or for the page as a whole. A purge of a path alone matters
    /// only where the list misses it: the page may have got it since.
    fn is_current(
        &self,
        marks: &Marks,
        page: &RegisteredPage,
        path: Option<&str>,
        now: Instant,
    ) -> bool {
        let in_time = match self.until {
            Until::Never => false,
            Until::Time(until) => now < until,
            Until::UntilPurged => true,
        };
        let validity = match path {
            Some(path) if !self.has(path) => marks.validity(path, &self.tags, self.as_of),
            Some(path) => marks.validity_of_many(path, &self.tags, self.as_of),
            None => marks.validity_of_many(page.beginning(), &self.tags, self.as_of),
        };
        in_time && validity == Validity::Valid
    }

    /// Whether the page has this path. Without any list it may have every path.
    fn has(&self, path: &str) -> bool {
        self.listed.as_ref().is_none_or(|listed| listed.has(path))
    }
}

impl ListedPaths {
    /// Sets that are no path of the page, since another page has it or no request can name it, are left out.
    fn new(registry: &Registry, page: &RegisteredPage, sets: &[ParamSet]) -> Self {
        let is_its = |path: &String| registry.find(path).is_some_and(|found| found.id == page.id);
        let mut order = sets
            .iter()
            .filter_map(|set| page.path_with(set).ok())
            .collect::<Vec<_>>();
        order.retain(is_its);
        if order.len() < sets.len() {
            observe::params_without_path(&page.page, sets.len() - order.len());
        }
        let order = order.into_iter().map(Arc::from).collect::<Vec<_>>();
        Self {
            paths: order.iter().cloned().collect(),
            order,
        }
    }

    fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

impl Core {
    /// Whether it is known, without reading the list, that a page has no such path.
    pub(crate) fn is_unlisted(&self, recipe: &Recipe) -> bool {
        let Some(list) = self.lists.exclusive(&recipe.page) else {
            return false;
        };
        let (reading, path) = (list.last(), recipe.key.path());
        !reading.has(path)
            && reading.is_current(&self.marks, &recipe.page, Some(path), clock::now())
    }

    /// Whether the page has this path, as its list says now. A page that renders every path has it.
    pub(crate) async fn admits(&self, recipe: &Recipe) -> bool {
        let Some(list) = self.lists.exclusive(&recipe.page) else {
            return true;
        };
        let path = recipe.key.path();
        self.current(list, &recipe.page, Some(path)).await.has(path)
    }

    /// The list of a page, if it has one.
    pub(crate) async fn listed(&self, page: &RegisteredPage) -> Option<Arc<ListSnapshot>> {
        let list = self.lists.of(page)?;
        Some(self.current(list, page, None).await)
    }

    /// The list as it is now: one reads it, the others wait for that, none longer than two renders of the page may take.
    async fn current(
        &self,
        list: &List,
        page: &RegisteredPage,
        path: Option<&str>,
    ) -> Arc<ListSnapshot> {
        let is_current =
            |reading: &ListSnapshot| reading.is_current(&self.marks, page, path, clock::now());
        let last = list.last();
        if is_current(&last) {
            return last;
        }
        let turn = tokio::time::timeout(page.policy().timeout, list.turn.lock()).await;
        let last = list.last();
        if turn.is_err() || is_current(&last) {
            return last;
        }
        self.read(list, page).await
    }

    async fn read(&self, list: &List, page: &RegisteredPage) -> Arc<ListSnapshot> {
        let as_of = self.marks.published();
        let tags = [
            vec![page.mark.clone()],
            self.marks.intern(page.tags_of_all()),
        ]
        .concat()
        .into();
        let limit = page.policy().timeout;
        // Called inside, so that a panic of the function itself is caught too.
        let work = caught(async { (list.function)().await });
        let sets = match tokio::time::timeout(limit, work).await {
            Ok(Some(sets)) => sets.map_err(|error| error.to_string()),
            Ok(None) => Err("the function panicked".to_owned()),
            Err(_) => Err(format!("it took longer than {limit:?}")),
        };
        let reading = Arc::new(match sets {
            Ok(sets) => ListSnapshot {
                listed: Some(Arc::new(ListedPaths::new(&self.registry, page, &sets))),
                failure: None,
                until: Until::UntilPurged,
                as_of,
                tags,
            },
            Err(failure) => {
                observe::params_failed(&page.page, &failure);
                let listed = list.last().listed.clone();
                let until = Until::Time(clock::now() + RETRY_DELAY);
                ListSnapshot {
                    listed,
                    failure: Some(failure),
                    until,
                    as_of,
                    tags,
                }
            }
        });
        // What lands from now on knows the new list; what has landed is in memory.
        self.flights.hold(|| list.set(reading.clone()));
        if self.lists.exclusive(page).is_some() && reading.failure.is_none() {
            self.drop_unlisted(page, &reading).await;
        }
        reading
    }

    /// Drops what is stored for paths that are listed no more, so that whatever is found in memory is listed.
    async fn drop_unlisted(&self, page: &RegisteredPage, reading: &ListSnapshot) {
        for (at, entry) in self.memory.iter().enumerate() {
            if entry.key.page() == page.id && !reading.has(entry.key.path()) {
                self.memory.remove(&entry.key);
            }
            if at % 1024 == 1023 {
                tokio::task::yield_now().await;
            }
        }
    }
}
