//! Plans a purge: finds the targets of each selector, or says why it has none.

use std::cell::LazyCell;

use super::target::SelectorTarget;
use crate::cache::core::{Core, host_tag};
use crate::invalidation::{Item, Mistake, Mode, Selector, SelectorErrorKind, SelectorReceipt};
use crate::page::{
    NameError, ParamSet, Registry, canonical, check_path_length, check_text, normalize_page,
};
use crate::render::Key;

/// One target of a purge, with the selector that names it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) selector: Selector,
    pub(super) mode: Mode,
    pub(super) target: Result<SelectorTarget, SelectorErrorKind>,
    /// True if the target is the other spelling of the path before, with or without a last slash.
    is_other: bool,
    /// False if the target is only marked and never rendered, since nothing is cached there. The
    /// receipt is then the other spelling's.
    pub(super) is_told: bool,
}

/// The targets of one selector: a second one is the other spelling of a path.
type Targets = (SelectorTarget, Option<SelectorTarget>);

impl Core {
    /// Plans a purge, against the pages and against the responses that header mode stores. The
    /// latter are searched once at most, however many paths there are.
    pub(super) fn plan(&self, items: &[Item]) -> Vec<Planned> {
        let stored = LazyCell::new(|| self.header_mode.as_ref().map(|cache| cache.paths()));
        let is_stored = |path: &str| stored.as_ref().is_some_and(|paths| paths.contains(path));
        plan(items, &self.registry, is_stored)
    }

    /// Chooses between the two spellings of a path that is rendered: what is cached is, and if
    /// nothing is, the spelling of the purge. Called when both are marked, so that a render which
    /// begins later is a new one.
    pub(super) fn choose_spellings(&self, planned: &mut [Planned]) {
        for other in 1..planned.len() {
            let (before, rest) = planned.split_at_mut(other);
            let (Some(given), Some(other)) = (before.last_mut(), rest.first_mut()) else {
                continue;
            };
            if other.is_other && other.mode == Mode::Regenerate {
                other.is_told = self.is_cached(other);
                given.is_told = !other.is_told || self.is_cached(given);
            }
        }
    }

    /// True if a page at the path of a target is in memory or being rendered, or a variant of it may
    /// be: only a search of memory would tell.
    fn is_cached(&self, planned: &Planned) -> bool {
        match &planned.target {
            Ok(SelectorTarget::Path { page, .. }) if page.is_open() => true,
            Ok(SelectorTarget::Path { page, path }) => {
                let (memory, flights) = (&self.pages.memory, &self.pages.flights);
                let mut keys = Key::bare(page, path).into_iter();
                // Flights first: a render that completes in between is then in memory.
                keys.any(|key| flights.is_in_progress(&key) || memory.get_key(&key).is_some())
            }
            // A path at a host. Whatever was or is rendered there holds its mark.
            Ok(SelectorTarget::Tag(tag)) => {
                let mark = self.marks.tag(tag);
                mark.is_some_and(|mark| mark.is_held())
            }
            _ => false,
        }
    }
}

/// Returns one receipt for each selector, of one receipt for each target.
pub(super) fn told(planned: &[Planned], receipts: Vec<SelectorReceipt>) -> Vec<SelectorReceipt> {
    let mut told = Vec::<SelectorReceipt>::with_capacity(receipts.len());
    let mut is_previous_told = true;
    for (planned, receipt) in planned.iter().zip(receipts) {
        let previous = if planned.is_other { told.pop() } else { None };
        told.push(match previous {
            Some(previous) => planned.joined(previous, is_previous_told, receipt),
            None => receipt,
        });
        is_previous_told = planned.is_told;
    }

    told
}

impl Planned {
    /// Joins the receipts of the two spellings of a path: the worse one of those that are told, with
    /// the counts of both.
    fn joined(
        &self,
        previous: SelectorReceipt,
        is_previous_told: bool,
        mut receipt: SelectorReceipt,
    ) -> SelectorReceipt {
        let count = |of: fn(&SelectorReceipt) -> Option<u64>| {
            let counts = of(&previous).into_iter().chain(of(&receipt));
            counts.reduce(|one, other| one + other)
        };
        let matched = count(|receipt| receipt.matched);
        let regenerated = count(|receipt| receipt.regenerated);
        let failed = count(|receipt| receipt.failed);

        // The receipt shows the spelling that was sent, and not this one.
        if let Ok(SelectorTarget::Path { path, .. }) = &self.target {
            receipt.error = receipt.error.map(|error| error.or_at(path));
        }
        let told = match (is_previous_told, self.is_told) {
            (true, true) => previous.or_worse(receipt),
            (true, false) => previous,
            (false, _) => receipt,
        };
        SelectorReceipt {
            matched,
            regenerated,
            failed,
            ..told
        }
    }
}

/// Finds the targets of each selector. `is_stored` tells whether header mode has a response at a
/// path.
fn plan(items: &[Item], registry: &Registry, is_stored: impl Fn(&str) -> bool) -> Vec<Planned> {
    let plan = |item: &Item| {
        let targets = match &item.mistake {
            Some(mistake) => Err(SelectorErrorKind::Mistake(mistake.clone())),
            None => targets(&item.selector, registry, &is_stored),
        };

        let planned = |target, is_other| Planned {
            selector: item.selector.clone(),
            mode: item.effective_mode(),
            target,
            is_other,
            is_told: !is_other,
        };
        let (target, other) = match targets {
            Ok((target, other)) => (Ok(target), other),
            Err(error) => (Err(error), None),
        };
        let other = other.map(|other| planned(Ok(other), true));
        std::iter::once(planned(target, false)).chain(other)
    };
    items.iter().flat_map(plan).collect()
}

fn targets(
    selector: &Selector,
    registry: &Registry,
    is_stored: &impl Fn(&str) -> bool,
) -> Result<Targets, SelectorErrorKind> {
    let target = match selector {
        Selector::Path(raw) => return path(raw, registry, is_stored),
        Selector::Page { pattern, params } => return page(pattern, params, registry),
        Selector::Prefix(raw) => {
            check_path_length(raw).map_err(|error| name_error("prefix", error))?;
            let prefix = canonical(raw).ok_or(SelectorErrorKind::InvalidPrefix)?;
            SelectorTarget::Prefix(prefix.into_owned())
        }
        Selector::Tag(tag) => {
            check_text(tag).map_err(|error| name_error("tag", error))?;
            SelectorTarget::Tag(tag.clone())
        }
        Selector::All => SelectorTarget::All,
        Selector::AtHost { host, path: at } => return at_host(host, at.as_deref(), registry),
    };

    Ok((target, None))
}

/// Finds a path at one host, or everything there, by the tags that its entries carry.
fn at_host(
    host: &str,
    at: Option<&str>,
    registry: &Registry,
) -> Result<Targets, SelectorErrorKind> {
    let host = registry.hosts().spelled(host);
    let host = host.ok_or(SelectorErrorKind::UnknownHost)?;
    let tag = |path: &str| SelectorTarget::Tag(host_tag(&host, path));
    let Some(raw) = at else {
        return Ok((tag(""), None));
    };

    let (target, other) = path(raw, registry, &|_| false)?;
    let at_host = |target: &SelectorTarget| match target {
        SelectorTarget::Path { path, .. } => Some(tag(path)),
        _ => None,
    };
    let target = at_host(&target).ok_or(SelectorErrorKind::NotAPage)?;
    Ok((target, other.as_ref().and_then(at_host)))
}

fn name_error(part: &str, error: NameError) -> SelectorErrorKind {
    SelectorErrorKind::Mistake(Mistake::Name(part.to_owned(), error))
}

/// Finds a page by its pattern, or the path of its instance with these `params`.
fn page(
    pattern: &str,
    params: &ParamSet,
    registry: &Registry,
) -> Result<Targets, SelectorErrorKind> {
    let pattern = normalize_page(pattern);
    let page = registry.by_pattern(&pattern);
    let page = page.ok_or(SelectorErrorKind::UnknownPattern)?.clone();
    if params.is_empty() {
        return Ok((SelectorTarget::Page(page), None));
    }

    let path = page
        .path_with(params)
        .map_err(SelectorErrorKind::WrongParams)?;
    // Routing decides: another page has `/posts/new`, though `/posts/{slug}` would match it.
    let found = registry.find(&path);
    if found.is_none_or(|found| found.id != page.id) {
        let owner = found.map(|found| found.page.path());
        return Err(SelectorErrorKind::OtherPagesPath(path, owner));
    }

    // Only the value of a wildcard can end in a slash.
    let other = other_spelling(&path);
    let is_of_page = registry
        .find(&other)
        .is_some_and(|found| found.id == page.id);
    let of_page = |path| SelectorTarget::Path {
        page: page.clone(),
        path,
    };
    Ok((of_page(path), is_of_page.then(|| of_page(other))))
}

/// Finds a path as it is given, raw or encoded, with and without the trailing slash of its route.
fn path(
    raw: &str,
    registry: &Registry,
    is_stored: &impl Fn(&str) -> bool,
) -> Result<Targets, SelectorErrorKind> {
    if raw.contains(['{', '[']) && registry.by_pattern(&normalize_page(raw)).is_some() {
        return Err(SelectorErrorKind::PatternAsPath);
    }
    if raw.contains(['?', '#']) {
        return Err(SelectorErrorKind::PathWithQuery);
    }

    check_path_length(raw).map_err(|error| name_error("path", error))?;
    let Some(path) = canonical(raw) else {
        // No page has such a path, but header mode stores what is there as it was sent.
        let stored = is_stored(raw).then(|| SelectorTarget::HeaderMode(raw.to_owned()));
        let stored = stored.ok_or(SelectorErrorKind::InvalidPath)?;
        return Ok((stored, None));
    };
    let (given, other) = (&path.to_string(), &other_spelling(&path));

    // Pages come first: only they can be rendered.
    let pages = [given, other].into_iter().filter_map(|path| {
        let (page, path) = (registry.find(path)?.clone(), path.clone());
        Some(SelectorTarget::Path { page, path })
    });
    let stored = [given, other].into_iter().filter(|path| {
        let is_page = registry.find(path).is_some();
        !is_page && is_stored(path)
    });
    let stored = stored.map(|path| SelectorTarget::HeaderMode(path.clone()));
    let mut targets = pages.chain(stored);
    let target = targets.next().ok_or(SelectorErrorKind::NotAPage)?;
    Ok((target, targets.next()))
}

/// Returns the path without its last slash, or with one.
fn other_spelling(path: &str) -> String {
    match path.strip_suffix('/') {
        Some(shorter) => shorter.to_owned(),
        None => format!("{path}/"),
    }
}
