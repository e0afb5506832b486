//! Every page of one layer, found by path.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderName, Request};

use super::path_filter::PathFilter;
use super::{Page, ParamSet, Policy, path, pattern};
use crate::error::{Error, ErrorKind};
use crate::hosts::{Host, Hosts, Unlisted};
use crate::invalidation::TagMark;

/// A page as a layer knows it: its declaration, prepared, and the mark that purges of the page raise.
pub(crate) struct RegisteredPage {
    pub(crate) id: u32,
    pub(crate) page: Page,
    /// The headers that are part of its key: those it declares, and before them the host where hosts are listed.
    pub(crate) vary: Box<[HeaderName]>,
    pub(crate) hosts: Hosts,
    pub(crate) mark: Arc<TagMark>,
}

/// The pages of a layer.
pub(crate) struct Registry {
    router: matchit::Router<u32>,
    pages: Vec<Arc<RegisteredPage>>,
    beginnings: PathFilter,
    hosts: Hosts,
    /// The unary methods, by path.
    unary: HashMap<&'static str, u32>,
}

impl Registry {
    /// Registers `pages` for `hosts`. One declaration given several times is one page; anything else that overlaps is an
    /// error.
    pub(crate) fn new(pages: impl IntoIterator<Item = Page>, hosts: Hosts) -> Result<Self, Error> {
        let mut registry = Self {
            router: matchit::Router::new(),
            pages: Vec::new(),
            beginnings: PathFilter::default(),
            hosts,
            unary: HashMap::new(),
        };
        for page in pages {
            registry.add(page)?;
        }
        Ok(registry)
    }

    /// Whether a path, in any spelling, may be a page's. Costs less than [`find`](Self::find) and never errs on a no.
    #[inline]
    pub(crate) fn may_have(&self, path: &str) -> bool {
        self.beginnings.may_have(path)
    }

    /// The page a canonical path belongs to.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<RegisteredPage>> {
        self.router
            .at(path)
            .ok()
            .and_then(|found| self.by_id(*found.value))
    }

    /// How many pages there are; their ids are the numbers below that.
    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// The page of that pattern.
    pub(crate) fn by_pattern(&self, pattern: &str) -> Option<&Arc<RegisteredPage>> {
        self.pages.iter().find(|known| known.page.path() == pattern)
    }

    /// The unary method of that path.
    pub(crate) fn unary(&self, path: &str) -> Option<&Arc<RegisteredPage>> {
        self.unary.get(path).and_then(|id| self.by_id(*id))
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<&Arc<RegisteredPage>> {
        self.pages.get(id as usize)
    }

    /// All pages, by their number.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Arc<RegisteredPage>> {
        self.pages.iter()
    }

    /// The decoded parameters a canonical path has under its page's pattern.
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
        if let Some(known) = self.by_pattern(page.path()) {
            return if known.page.is_same(&page) {
                Ok(())
            } else {
                Err(conflict(&page, &known.page))
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
        self.beginnings.add(page.path());
        if page.is_unary() {
            self.unary.insert(page.path(), id);
        }
        let hosts = self.hosts.clone();
        self.pages.push(Arc::new(RegisteredPage {
            id,
            page,
            vary,
            hosts,
            mark: Arc::default(),
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
                format!("the path of {} is refused", page.describe()),
            ),
        }
        .with_source(error)
    }
}

impl RegisteredPage {
    /// The host that stands in the key of a request for it: one of the list, or none where nothing is listed.
    pub(crate) fn host<B>(&self, request: &Request<B>) -> Result<Option<&Arc<Host>>, Unlisted> {
        self.hosts.of(request.uri(), request.headers())
    }

    pub(crate) fn policy(&self) -> &Policy {
        self.page.get_policy()
    }

    /// Whether it has more than one path.
    pub(crate) fn has_parameters(&self) -> bool {
        pattern::names(self.page.path()).next().is_some()
    }

    /// What all its paths begin with.
    pub(crate) fn beginning(&self) -> &'static str {
        let path = self.page.path();
        path.split('{').next().unwrap_or(path)
    }

    /// Whether its key is the path and nothing else.
    pub(crate) fn is_keyed_by_path(&self) -> bool {
        !self.has_variants() && !self.hosts.are_listed()
    }

    /// Whether more of a request counts than its path and its host: declared query parameters or headers, or a message.
    pub(crate) fn has_variants(&self) -> bool {
        let varies = self.vary.iter().any(|name| *name != HOST);
        !self.policy().query.is_empty() || varies || self.is_unary()
    }

    /// Whether it is a unary gRPC method.
    pub(crate) fn is_unary(&self) -> bool {
        self.page.is_unary()
    }

    /// Whether strangers choose among its keys: by the path's parameters, declared query parameters or headers. Hosts are
    /// chosen by who lists them.
    pub(crate) fn has_many_keys(&self) -> bool {
        self.has_variants() || self.has_parameters()
    }

    /// The page's declared tags, their parameters filled in.
    pub(crate) fn declared_tags(
        &self,
        params: &[(String, String)],
    ) -> impl Iterator<Item = String> {
        self.policy()
            .tags
            .iter()
            .map(|template| fill(template, |name| value(params, name)))
    }

    /// The declared tags without parameters: every instance of the page carries them.
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

        let raw = pattern
            .split('/')
            .map(|segment| segment_with(segment, params.pairs()))
            .collect::<Vec<_>>()
            .join("/");
        path::canonical(&raw)
            .map(Into::into)
            .ok_or_else(|| format!("`params` give `{raw}`, which is not a valid path"))
    }
}

impl fmt::Debug for RegisteredPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Known").field(&self.page.path()).finish()
    }
}

/// One segment of a pattern with its parameter in place. Everything that could mean more than text is escaped; only a
/// wildcard's value keeps its slashes.
fn segment_with(segment: &str, params: &[(String, String)]) -> String {
    let Some(inner) = segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return segment.to_owned();
    };
    match inner.strip_prefix('*') {
        Some(name) => escape(&value(params, name)).replace("%2F", "/"),
        None => escape(&value(params, inner)),
    }
}

fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn value(params: &[(String, String)], name: &str) -> String {
    params
        .iter()
        .find(|(given, _)| given == name)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

/// `template` with every `{name}` replaced.
fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        filled.push_str(before);
        filled.push_str(&value(name));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Refuses a policy that contradicts itself, and gives the headers the page varies on beside the host.
fn checked(page: &Page, hosts: &Hosts) -> Result<Vec<HeaderName>, Error> {
    let policy = page.get_policy();
    let refuse = |what: String| {
        Err(Error::new(
            ErrorKind::Policy,
            format!("the page {}: {what}", page.describe()),
        ))
    };
    if let (Some(revalidate), Some(expire)) = (policy.revalidate, policy.expire)
        && expire < revalidate
    {
        return refuse(format!(
            "`expire` ({expire:?}) is below `revalidate` ({revalidate:?})"
        ));
    }
    if let Some(setting) = zero_setting(policy) {
        return refuse(format!("`{setting}` is 0: it must be greater than zero"));
    }
    for tag in policy.tags {
        if let Some(name) = unknown_name(tag, page.path()) {
            return refuse(format!(
                "the tag `{tag}` uses `{{{name}}}`, which its path does not have"
            ));
        }
    }
    if page.is_unary() && (page.path().contains('{') || !policy.query.is_empty()) {
        return refuse(
            "a unary method has no parameters and no query: its message is its key".to_owned(),
        );
    }
    let mut vary = Vec::with_capacity(policy.vary.len());
    for name in policy.vary {
        if page.is_unary() && (name.starts_with("grpc-") || matches!(*name, "content-type" | "te"))
        {
            return refuse(format!(
                "`vary` cannot name `{name}`: it says how a call is sent, not what is asked"
            ));
        }
        match HeaderName::from_bytes(name.as_bytes()) {
            // Where hosts are listed, it is part of every key without being named.
            Ok(name) if name == HOST && hosts.are_listed() => {}
            Ok(name) if name == HOST => {
                return refuse(
                    "`vary` can name `host` only if the layer is given a list by `hosts`"
                        .to_owned(),
                );
            }
            Ok(name) if !says_who_asks(&name) => vary.push(name),
            _ => {
                return refuse(format!(
                    "`vary` cannot name `{name}`: it is not a header, or it identifies a client"
                ));
            }
        }
    }
    Ok(vary)
}

/// Names the first setting that must not be zero and is.
fn zero_setting(policy: &Policy) -> Option<&'static str> {
    let settings = [
        (
            "revalidate",
            policy.revalidate.is_some_and(|after| after.is_zero()),
        ),
        ("timeout", policy.timeout.is_zero()),
        ("max_body", policy.max_body == 0),
    ];
    settings
        .into_iter()
        .find_map(|(name, is_zero)| is_zero.then_some(name))
}

/// Whether a header says who asks or how the request came here, and so can be no part of what everybody gets.
pub(crate) fn says_who_asks(name: &HeaderName) -> bool {
    const NAMES: [&str; 10] = [
        "authorization",
        "cookie",
        "proxy-authorization",
        "host",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "connection",
        "content-length",
    ];
    NAMES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-")
}

fn unknown_name<'a>(template: &'a str, page_path: &str) -> Option<&'a str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .find(|name| !pattern::names(page_path).any(|known| known == *name))
}

fn conflict(page: &Page, other: &Page) -> Error {
    let message = format!(
        "two pages want one path: {} and {}",
        other.describe(),
        page.describe()
    );
    Error::new(ErrorKind::PageConflict, message)
}

#[cfg(test)]
mod tests;
