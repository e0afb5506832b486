//! The registry: every page of one layer, found by path.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::HOST;
use http::{HeaderName, Request};

use super::checks::checked;
use super::excepted::Excepted;
use super::fill::{fill, segment_with, value};
use super::name::{check_path_length, check_text};
use super::path_filter::PathFilter;
use super::vary_by::VaryBy;
use super::{Page, ParamSet, Policy, path, pattern};
use crate::error::{Error, ErrorKind};
use crate::hosts::{Hosts, Unlisted};
use crate::invalidation::TagMark;
use crate::observe;

/// A [`Page`] that was registered with a layer, prepared, with the mark that purges of the page
/// raise.
pub(crate) struct RegisteredPage {
    pub(crate) id: u32,
    pub(crate) page: Page,
    /// The headers that are part of the key: the host first, if hosts are listed, then those that
    /// the page declares.
    pub(crate) vary: Box<[HeaderName]>,
    /// The functions of headers that the layer was given.
    pub(crate) vary_by: VaryBy,
    pub(crate) hosts: Hosts,
    pub(crate) mark: Arc<TagMark>,
    /// True once an inner layer met a request for the page.
    is_inner: AtomicBool,
}

/// The pages of one layer.
pub(crate) struct Registry {
    router: matchit::Router<u32>,
    pages: Vec<Arc<RegisteredPage>>,
    path_filter: PathFilter,
    hosts: Hosts,
    vary_by: VaryBy,
    /// The unary gRPC methods, by path.
    unary: HashMap<&'static str, u32>,
    excepted: Excepted,
}

impl Registry {
    /// Registers `pages` for `hosts`, without functions of headers.
    #[cfg(test)]
    pub(crate) fn new(pages: impl IntoIterator<Item = Page>, hosts: Hosts) -> Result<Self, Error> {
        Self::with(pages, hosts, VaryBy::default())
    }

    /// Registers `pages` for `hosts`, keyed by these functions of headers. A declaration that is
    /// given several times is one page; any other overlap is an error.
    pub(crate) fn with(
        pages: impl IntoIterator<Item = Page>,
        hosts: Hosts,
        vary_by: VaryBy,
    ) -> Result<Self, Error> {
        let mut registry = Self {
            router: matchit::Router::new(),
            pages: Vec::new(),
            path_filter: PathFilter::default(),
            hosts,
            vary_by,
            unary: HashMap::new(),
            excepted: Excepted::default(),
        };
        for page in pages {
            registry.add(page)?;
        }

        let pages = &registry.pages;
        let is_used = |name: &HeaderName| pages.iter().any(|page| page.vary.contains(name));
        registry.vary_by.check_use(is_used)?;
        Ok(registry)
    }

    /// Returns whether a page may have this path, in any spelling. This costs less than
    /// [`find`](Self::find), and `false` is always right.
    #[inline]
    pub(crate) fn may_have(&self, path: &str) -> bool {
        self.path_filter.may_have(path)
    }

    /// Excepts the paths that these patterns match: [`find`](Self::find) finds no page for them.
    pub(crate) fn except(&mut self, patterns: &[String]) -> Result<(), Error> {
        let pages = &self.pages;
        for raw in patterns {
            let page = |pattern: &str| pages.iter().find(|page| page.page.path() == pattern);
            self.excepted
                .add(raw, |pattern| page(pattern).map(AsRef::as_ref))?;
        }
        Ok(())
    }

    /// True if the layer must not look at this path, in any spelling.
    pub(crate) fn is_excepted(&self, raw: &str) -> bool {
        !self.excepted.is_empty()
            && path::canonical(raw).is_some_and(|path| self.excepted.contains(&path))
    }

    /// Finds the page of a canonical path.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<RegisteredPage>> {
        if self.excepted.contains(path) {
            return None;
        }
        self.router
            .at(path)
            .ok()
            .and_then(|found| self.by_id(*found.value))
    }

    /// Returns the hosts of the layer.
    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Returns the number of pages; their ids are the numbers below it.
    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Finds the page with this pattern.
    pub(crate) fn by_pattern(&self, pattern: &str) -> Option<&Arc<RegisteredPage>> {
        self.pages.iter().find(|page| page.page.path() == pattern)
    }

    /// Finds the unary gRPC method with this path.
    pub(crate) fn unary(&self, path: &str) -> Option<&Arc<RegisteredPage>> {
        self.unary.get(path).and_then(|id| self.by_id(*id))
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<&Arc<RegisteredPage>> {
        self.pages.get(id as usize)
    }

    /// Iterates over all pages, in the order of their ids.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Arc<RegisteredPage>> {
        self.pages.iter()
    }

    /// Returns the decoded parameters that a canonical path has in its page's pattern.
    pub(crate) fn params(&self, path: &str) -> Vec<(String, String)> {
        self.router.at(path).map_or_else(
            |_| Vec::new(),
            |found| {
                found
                    .params
                    .iter()
                    .map(|(name, value)| (name.to_owned(), path::decode(value).into_owned()))
                    .collect()
            },
        )
    }

    fn add(&mut self, page: Page) -> Result<(), Error> {
        // Other macros may copy a body, and its declaration with it: that is one page.
        if let Some(other) = self.by_pattern(page.path()) {
            return if other.page.is_same(&page) {
                Ok(())
            } else {
                Err(conflict(&page, &other.page))
            };
        }

        let declared = checked(&page, &self.hosts)?;
        let vary = self
            .hosts
            .are_listed()
            .then_some(HOST)
            .into_iter()
            .chain(declared)
            .collect();

        let id = u32::try_from(self.pages.len())
            .map_err(|_| Error::new(ErrorKind::Configuration, "too many pages"))?;
        if let Err(error) = self.router.insert(page.path(), id) {
            return Err(self.refused(&page, error));
        }
        self.path_filter.add(page.path());
        if page.is_unary() {
            self.unary.insert(page.path(), id);
        }

        let hosts = self.hosts.clone();
        self.pages.push(Arc::new(RegisteredPage {
            id,
            page,
            vary,
            vary_by: self.vary_by.clone(),
            hosts,
            mark: TagMark::page(),
            is_inner: AtomicBool::new(false),
        }));
        Ok(())
    }

    fn refused(&self, page: &Page, error: matchit::InsertError) -> Error {
        let other = match &error {
            matchit::InsertError::Conflict { with } => self.by_pattern(with),
            _ => None,
        };
        match other {
            Some(other) => conflict(page, &other.page),
            None => Error::new(
                ErrorKind::PageConflict,
                format!("the path of {} cannot be routed", page.describe()),
            ),
        }
        .with_source(error)
    }
}

impl RegisteredPage {
    /// Returns the field of the host in the key of a request, or `None` without a list.
    pub(crate) fn host<B>(&self, request: &Request<B>) -> Result<Option<Cow<'_, [u8]>>, Unlisted> {
        self.hosts.of(request.uri(), request.headers())
    }

    /// Notes a request that so many layers in front of this one have passed on.
    pub(crate) fn note_depth(&self, depth: u8) {
        if depth > 0 {
            self.is_inner.store(true, Ordering::Relaxed);
        }
    }

    /// True if an inner layer has the page, so that no render without its client reaches it.
    pub(crate) fn is_inner(&self) -> bool {
        self.is_inner.load(Ordering::Relaxed)
    }

    pub(crate) fn policy(&self) -> &Policy {
        self.page.policy()
    }

    /// Returns whether the page has more than one path.
    pub(crate) fn has_parameters(&self) -> bool {
        pattern::names(self.page.path()).next().is_some()
    }

    /// Returns the text with which all paths of the page begin.
    pub(crate) fn beginning(&self) -> &'static str {
        let path = self.page.path();
        path.split('{').next().unwrap_or(path)
    }

    /// Returns whether the key of the page is its path and nothing else.
    pub(crate) fn is_keyed_by_path(&self) -> bool {
        !self.has_variants() && !self.hosts.are_listed()
    }

    /// Returns whether more of a request counts than its path and host: declared query parameters
    /// or headers, or a message.
    pub(crate) fn has_variants(&self) -> bool {
        let varies = self.vary.iter().any(|name| *name != HOST);
        !self.policy().query.is_empty() || varies || self.is_unary()
    }

    /// Returns whether the page is a unary gRPC method.
    pub(crate) fn is_unary(&self) -> bool {
        self.page.is_unary()
    }

    /// Returns whether clients choose among many keys of the page, by parameters of the path or by
    /// the parts that [`is_open`](Self::is_open) names.
    pub(crate) fn has_many_keys(&self) -> bool {
        self.is_open() || self.has_parameters()
    }

    /// Returns true if clients choose among several keys of one path, by variants or by hosts.
    /// Hosts that the application lists by their names do not count.
    pub(crate) fn is_open(&self) -> bool {
        self.has_variants() || self.hosts.are_open()
    }

    /// Iterates over the declared tags with their parameters filled in. A tag that no purge can
    /// name is left out.
    pub(crate) fn declared_tags(
        &self,
        params: &[(String, String)],
    ) -> impl Iterator<Item = String> {
        self.policy()
            .tags
            .iter()
            .map(|template| fill(template, |name| value(params, name)))
            .filter(|tag| match check_text(tag) {
                Ok(()) => true,
                Err(error) => {
                    observe::tag_ignored(&self.page, error);
                    false
                }
            })
    }

    /// Iterates over the declared tags without parameters, which every instance of the page has.
    pub(crate) fn tags_of_all(&self) -> impl Iterator<Item = String> {
        self.policy()
            .tags
            .iter()
            .filter(|template| !template.contains('{'))
            .map(|tag| (*tag).to_owned())
    }

    /// Returns the canonical path of the instance with these decoded parameters.
    ///
    /// # Errors
    ///
    /// If they do not name each parameter of the page once, or their values give no valid path.
    pub(crate) fn path_with(&self, params: &ParamSet) -> Result<String, String> {
        let pattern = self.page.path();
        let names = pattern::names(pattern).collect::<Vec<_>>();
        if let Some(mismatch) = params.mismatch(&names) {
            return Err(format!("the page `{pattern}`: {mismatch}"));
        }

        // Values are escaped here and made canonical below, so `a/b` stays one segment.
        let raw = pattern
            .split('/')
            .map(|segment| segment_with(segment, params.pairs()))
            .collect::<Vec<_>>()
            .join("/");
        path::canonical(&raw)
            .map(Into::into)
            .ok_or_else(|| match check_path_length(&raw) {
                Ok(()) => format!("`params` give `{raw}`, which is not a valid path"),
                Err(error) => format!("`params` give a path that {error}"),
            })
    }
}

impl fmt::Debug for RegisteredPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegisteredPage")
            .field(&self.page.path())
            .finish()
    }
}

fn conflict(page: &Page, other: &Page) -> Error {
    let message = format!(
        "two pages match one path: {} and {}",
        other.describe(),
        page.describe()
    );
    Error::new(ErrorKind::PageConflict, message)
}

#[cfg(test)]
mod tests;
