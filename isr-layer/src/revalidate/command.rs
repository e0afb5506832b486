//! Parses a JSON body or a query into a [`Purge`]: strictly, since a typing error must not purge
//! the wrong pages.

mod members;
mod options;
mod query;
mod selector;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::json;
use super::response::{Refusal, clip};
use crate::invalidation::{Mistake, Purge, Selector};
use crate::page::NameError;
use members::{Members, flag, malformed, params, present, text, texts};

pub(super) use query::from_query;

/// The maximum number of selectors in one request.
const MAX_SELECTORS: usize = 1_000;

/// The maximum number if all are tags that are only marked: a bulk edit of a content system is one
/// call, which it repeats as it is.
const MAX_MARKED_TAGS: usize = 10_000;

/// The maximum number of selectors that are patterns: see [`is_pattern`].
const MAX_PATTERNS: usize = 16;

/// The members of a body. The guide on content systems has a row for each.
const MEMBERS: [&str; 18] = [
    "path",
    "paths",
    "page",
    "pages",
    "params",
    "prefix",
    "prefixes",
    "tag",
    "tags",
    "data",
    "args",
    "all",
    "host",
    "mode",
    "only_cached",
    "dry_run",
    "settle",
    "wait",
];

/// A request as it is written.
#[derive(Debug, Default)]
struct Command {
    paths: Vec<String>,
    page: Option<String>,
    pages: Vec<String>,
    params: Option<BTreeMap<String, Value>>,
    prefixes: Vec<String>,
    tags: Vec<String>,
    data: Option<String>,
    args: Option<Value>,
    all: bool,
    host: Option<String>,
    mode: Option<String>,
    only_cached: bool,
    dry_run: bool,
    settle: Option<f64>,
    wait: Option<String>,
}

/// Reads a JSON body. `is_credential` is true for the members that carry a credential: they name no
/// selector, and are ignored.
pub(super) fn from_json(
    body: &[u8],
    is_credential: impl Fn(&str) -> bool,
) -> Result<Purge, Refusal> {
    let parsed = json::parse::<Members>(body).map_err(Refusal::Malformed)?;
    let mut command = Command::default();
    let mut seen = BTreeSet::new();
    for (name, value) in parsed.value.0 {
        if is_credential(&name) {
            continue;
        }

        command.set(&name, value)?;
        if let Some(twice) = seen.replace(name) {
            return Err(malformed(format!("`{twice}` is given twice")));
        }
    }
    command.into_purge(parsed.is_mended)
}

/// Checks every selector of a [`Purge`] that the mapping of a [`Webhook`](super::Webhook) made. One
/// that is wrong is refused alone.
pub(super) fn checked(purge: Purge) -> Purge {
    purge.checked(selector::check)
}

/// Refuses each selector of a mended body that is made of a broken text: nothing has that name.
pub(super) fn whole(purge: Purge) -> Purge {
    purge.checked(selector::check_whole)
}

/// Checks a purge against the limits of one request, whether a request or a webhook's mapping made
/// it. Wrong selectors are an error only if there are no others.
pub(super) fn within_limits(purge: Purge) -> Result<Purge, Refusal> {
    let count = purge.len();
    let max = match purge.only_marks_tags() {
        true => MAX_MARKED_TAGS,
        false => MAX_SELECTORS,
    };
    if count > max {
        return Err(Refusal::TooLarge(format!(
            "too many selectors: {count}, but at most {max} are accepted"
        )));
    }

    // A pattern has its own, lower limit: each may reach every page there is.
    let patterns = purge.accepted().filter(|one| is_pattern(one)).count();
    if patterns > MAX_PATTERNS {
        let detail = format!(
            "too many patterns (a page, a prefix or `all`): {patterns}, but at most {MAX_PATTERNS} \
             are accepted"
        );
        return Err(Refusal::TooLarge(detail));
    }

    match purge.mistake_of_all() {
        Some(mistake @ Mistake::Name(_, NameError::TooLong(_))) => {
            Err(Refusal::TooLarge(mistake.to_string()))
        }
        Some(mistake) => Err(Refusal::Malformed(mistake.to_string())),
        None => Ok(purge),
    }
}

impl Command {
    fn into_purge(mut self, is_mended: bool) -> Result<Purge, Refusal> {
        let options = options::parse(self.mode.as_deref(), self.settle, self.wait.as_deref())?;
        let purge = Purge::batch(self.selectors()?);
        let purge = if is_mended { whole(purge) } else { purge };
        let purge = options.apply(purge.only_cached(self.only_cached).dry_run(self.dry_run));
        let purge = within_limits(purge)?;

        // An empty request is a mistake, and must never mean everything.
        if purge.is_empty() {
            let detail = "no selector: give at least one of path, page, prefix, tag, data and all";
            return Err(malformed(detail));
        }
        Ok(purge)
    }

    /// Sets one of the [`MEMBERS`].
    fn set(&mut self, name: &str, value: Value) -> Result<(), Refusal> {
        if !MEMBERS.contains(&name) {
            return Err(unknown_field(name));
        }

        let value = present(name, value)?;
        match name {
            "path" => self.paths.push(text(name, value, Some("paths"))?),
            "paths" => self.paths.extend(texts(name, &value, "path")?),
            "page" => self.page = Some(text(name, value, Some("pages"))?),
            "pages" => self.pages = texts(name, &value, "page")?,
            "params" => self.params = Some(params(value)?),
            "prefix" => self.prefixes.push(text(name, value, Some("prefixes"))?),
            "prefixes" => self.prefixes.extend(texts(name, &value, "prefix")?),
            "tag" => self.tags.push(text(name, value, Some("tags"))?),
            "tags" => self.tags.extend(texts(name, &value, "tag")?),
            "data" => self.data = Some(text(name, value, None)?),
            "args" => self.args = Some(value),
            "all" => self.all = flag(name, &value)?,
            "host" => self.host = Some(text(name, value, None)?),
            "mode" => self.mode = Some(text(name, value, None)?),
            "only_cached" => self.only_cached = flag(name, &value)?,
            "dry_run" => self.dry_run = flag(name, &value)?,
            "settle" => self.settle = Some(options::seconds(value.as_f64())?),
            _ => self.wait = Some(text(name, value, None)?),
        }
        Ok(())
    }

    fn selectors(&mut self) -> Result<Vec<Purge>, Refusal> {
        let mut purges: Vec<_> = self.paths.iter().map(|path| selector::path(path)).collect();

        // `params` belong to `page` alone, so that one request never mixes those of several pages.
        purges.extend(self.page()?);
        purges.extend(self.pages.iter().map(|page| selector::page(page)));
        purges.extend(self.prefixes.iter().map(|prefix| selector::prefix(prefix)));
        purges.extend(self.tags.iter().map(|tag| selector::tag(tag)));
        purges.extend(self.data()?);
        if self.all {
            purges.push(Purge::all());
        }

        Ok(match &self.host {
            Some(host) => purges
                .into_iter()
                .map(|one| selector::at_host(one, host))
                .collect(),
            None => purges,
        })
    }

    fn page(&mut self) -> Result<Option<Purge>, Refusal> {
        match (&self.page, self.params.take()) {
            (Some(page), Some(params)) => Ok(Some(selector::instance(page, params))),
            (Some(page), None) => Ok(Some(selector::page(page))),
            (None, Some(_)) => {
                let detail =
                    "`params` belongs to a `page`, which is missing: add `page`, or give a `path`";
                Err(malformed(detail))
            }
            (None, None) => Ok(None),
        }
    }
}

impl Command {
    fn data(&mut self) -> Result<Option<Purge>, Refusal> {
        match (&self.data, self.args.take()) {
            (Some(data), args) => Ok(Some(selector::data(data, args))),
            (None, Some(_)) => Err(malformed(
                "`args` belong to `data`, which is missing: add the name of the values",
            )),
            (None, None) => Ok(None),
        }
    }
}

fn unknown_field(name: &str) -> Refusal {
    let name = clip_name(name);
    let accepted = MEMBERS.join(", ");
    malformed(format!("unknown field `{name}`: accepted are {accepted}"))
}

/// Shortens a name that the client chose, for an error message.
fn clip_name(name: &str) -> &str {
    clip(name, 64)
}

/// True if a selector can reach many pages: a page without parameters, a prefix, or everything.
fn is_pattern(selector: &Selector) -> bool {
    match selector {
        Selector::Page { params, .. } => params.is_empty(),
        Selector::Prefix(_) | Selector::All => true,
        Selector::AtHost { path, .. } => path.is_none(),
        Selector::Data { args, .. } => args.is_none(),
        Selector::Path(_) | Selector::Tag(_) => false,
    }
}

#[cfg(test)]
mod tests;
