//! Plans a purge: finds the target of each selector, or says why it has none.

use std::cell::LazyCell;

use super::target::SelectorTarget;
use crate::cache::core::Core;
use crate::invalidation::{Item, Mistake, Mode, Selector, SelectorErrorKind};
use crate::page::{
    NameError, ParamSet, Registry, canonical, check_path_length, check_text, normalize_page,
};

/// One selector of a purge, with its target.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) selector: Selector,
    pub(super) mode: Mode,
    pub(super) target: Result<SelectorTarget, SelectorErrorKind>,
}

impl Core {
    /// Plans a purge, against the pages and against the responses that header mode stores. The
    /// latter are searched once at most, however many paths there are.
    pub(super) fn plan(&self, items: &[Item]) -> Vec<Planned> {
        let stored = LazyCell::new(|| self.header_mode.as_ref().map(|cache| cache.paths()));
        let is_stored = |path: &str| stored.as_ref().is_some_and(|paths| paths.contains(path));
        plan(items, &self.registry, is_stored)
    }
}

/// Finds the target of each selector. `is_stored` tells whether header mode has a response at a
/// path.
fn plan(items: &[Item], registry: &Registry, is_stored: impl Fn(&str) -> bool) -> Vec<Planned> {
    let plan = |item: &Item| Planned {
        selector: item.selector.clone(),
        mode: item.effective_mode(),
        target: match &item.mistake {
            Some(mistake) => Err(SelectorErrorKind::Mistake(mistake.clone())),
            None => target(&item.selector, registry, &is_stored),
        },
    };
    items.iter().map(plan).collect()
}

fn target(
    selector: &Selector,
    registry: &Registry,
    is_stored: &impl Fn(&str) -> bool,
) -> Result<SelectorTarget, SelectorErrorKind> {
    match selector {
        Selector::Path(raw) => path(raw, registry, is_stored),
        Selector::Page { pattern, params } => page(pattern, params, registry),
        Selector::Prefix(raw) => {
            check_path_length(raw).map_err(|error| name_error("prefix", error))?;
            let prefix = canonical(raw).ok_or(SelectorErrorKind::InvalidPrefix)?;
            Ok(SelectorTarget::Prefix(prefix.into_owned()))
        }
        Selector::Tag(tag) => {
            check_text(tag).map_err(|error| name_error("tag", error))?;
            Ok(SelectorTarget::Tag(tag.clone()))
        }
        Selector::All => Ok(SelectorTarget::All),
    }
}

fn name_error(part: &str, error: NameError) -> SelectorErrorKind {
    SelectorErrorKind::Mistake(Mistake::Name(part.to_owned(), error))
}

/// Finds a page by its pattern, or the path of its instance with these `params`.
fn page(
    pattern: &str,
    params: &ParamSet,
    registry: &Registry,
) -> Result<SelectorTarget, SelectorErrorKind> {
    let pattern = normalize_page(pattern);
    let page = registry.by_pattern(&pattern);
    let page = page.ok_or(SelectorErrorKind::UnknownPattern)?.clone();
    if params.is_empty() {
        return Ok(SelectorTarget::Page(page));
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
    Ok(SelectorTarget::Path { page, path })
}

/// Finds a path as it is given, raw or encoded, with or without the trailing slash of its route.
fn path(
    raw: &str,
    registry: &Registry,
    is_stored: &impl Fn(&str) -> bool,
) -> Result<SelectorTarget, SelectorErrorKind> {
    if raw.contains(['{', '[']) && registry.by_pattern(&normalize_page(raw)).is_some() {
        return Err(SelectorErrorKind::PatternAsPath);
    }
    if raw.contains(['?', '#']) {
        return Err(SelectorErrorKind::PathWithQuery);
    }

    check_path_length(raw).map_err(|error| name_error("path", error))?;
    let path = canonical(raw).ok_or(SelectorErrorKind::InvalidPath)?;
    let other = match path.strip_suffix('/') {
        Some(shorter) => shorter.to_owned(),
        None => format!("{path}/"),
    };
    let spellings = [path.into_owned(), other];
    for path in &spellings {
        if let Some(page) = registry.find(path) {
            let (page, path) = (page.clone(), path.clone());
            return Ok(SelectorTarget::Path { page, path });
        }
    }
    let stored = spellings.into_iter().find(|path| is_stored(path));
    stored
        .map(SelectorTarget::HeaderMode)
        .ok_or(SelectorErrorKind::NotAPage)
}
