//! Keeps the lists of `params` functions: the paths that each page has.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::list_error::ListError;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::invalidation::{Marks, Sequence, Subject, TagMark, Validity};
use crate::observe;
use crate::page::{Fallback, ListParams, ParamSet, RegisteredPage, Registry, declared_list};
use crate::render::Recipe;

/// The lists of all pages, by page.
pub(crate) struct ParamLists(Box<[Option<List>]>);

/// The list of one page.
pub(super) struct List {
    pub(super) function: ListParams,
    last: Mutex<Arc<ListSnapshot>>,
    /// Held by the task that reads the list; the others wait for its result.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
}

/// The result of the last reading of a list.
#[derive(Debug, Default)]
pub(crate) struct ListSnapshot {
    /// The paths of the last reading that succeeded.
    pub(crate) listed: Option<Arc<ListedPaths>>,
    /// The reason why the last reading failed, if it did.
    pub(crate) failure: Option<Arc<ListError>>,
    /// The time for which the reading counts without a purge.
    pub(super) until: ValidUntil,
    /// The last number published before the reading began.
    pub(super) as_of: Sequence,
    /// The mark of the page, and those of the tags that all its instances carry. A purge of any of
    /// them ends the reading.
    pub(super) tags: Box<[Arc<TagMark>]>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum ValidUntil {
    /// There was no reading yet.
    #[default]
    Never,
    Time(Instant),
    Purged,
}

/// The canonical paths that a page has.
#[derive(Debug)]
pub(crate) struct ListedPaths {
    /// The paths in the order of the list.
    pub(crate) order: Vec<Arc<str>>,
    paths: HashSet<Arc<str>>,
}

impl ParamLists {
    /// Takes the lists that pages declare. A list in `given` replaces that of its page.
    ///
    /// # Errors
    ///
    /// If a list is for an unknown page, a page without parameters, or a page that is given two; or
    /// if a page with [`Fallback::NotFound`] has no list.
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
                .and_then(|page| lists.get_mut(page.id as usize))
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

    pub(super) fn of(&self, page: &RegisteredPage) -> Option<&List> {
        self.0.get(page.id as usize)?.as_ref()
    }

    /// Returns the list of a page that has only the paths it lists.
    pub(super) fn exclusive(&self, page: &RegisteredPage) -> Option<&List> {
        self.of(page)
            .filter(|_| page.policy().fallback == Fallback::NotFound)
    }

    /// True if the last reading lists the path.
    pub(super) fn include(&self, recipe: &Recipe) -> bool {
        let listed = self
            .of(&recipe.page)
            .and_then(|list| list.last().listed.clone());
        listed.is_some_and(|listed| listed.has(recipe.key.path()))
    }

    /// True if the page has only listed paths and the last reading lacks this one.
    pub(super) fn exclude(&self, recipe: &Recipe) -> bool {
        self.exclusive(&recipe.page)
            .is_some_and(|list| !list.last().has(recipe.key.path()))
    }
}

/// Prepares the list of a page. Refuses one that does not fit the policy of the page.
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
            turn: Arc::default(),
        })),
    }
}

impl List {
    pub(super) fn last(&self) -> Arc<ListSnapshot> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// True if the list was never read and is not being read.
    pub(super) fn is_untouched(&self) -> bool {
        let is_unread = matches!(self.last().until, ValidUntil::Never);
        is_unread && self.turn.try_lock().is_ok()
    }

    pub(super) fn set(&self, reading: Arc<ListSnapshot>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

impl ListSnapshot {
    /// True if the list need not be read again for this path, or for the page as a whole.
    ///
    /// A purge of a single path matters only if the list lacks the path: the page may have got it
    /// since.
    pub(super) fn is_current(
        &self,
        marks: &Marks,
        page: &RegisteredPage,
        path: Option<&str>,
        now: Instant,
    ) -> bool {
        let in_time = match self.until {
            ValidUntil::Never => false,
            ValidUntil::Time(until) => now < until,
            ValidUntil::Purged => true,
        };
        let subject = match path {
            Some(path) if !self.has(path) => Subject::at(path, &self.tags),
            Some(path) => Subject::list(path, &self.tags),
            None => Subject::list(page.beginning(), &self.tags),
        };
        in_time && marks.validity(subject, self.as_of) == Validity::Valid
    }

    /// True if the page has this path. Without any list it may have every path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.listed.as_ref().is_none_or(|listed| listed.has(path))
    }
}

impl ListedPaths {
    /// Makes the paths of `sets`. Leaves out invalid paths and those of other pages.
    pub(super) fn new(registry: &Registry, page: &RegisteredPage, sets: &[ParamSet]) -> Self {
        let is_own = |path: &String| registry.find(path).is_some_and(|found| found.id == page.id);
        let mut order = sets
            .iter()
            .filter_map(|set| page.path_with(set).ok())
            .collect::<Vec<_>>();
        order.retain(is_own);
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
