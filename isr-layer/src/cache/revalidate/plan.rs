//! Plans a purge: finds the targets of each selector, or says why it has none.

use super::target::SelectorTarget;
use crate::cache::core::{Core, host_tag};
use crate::cache::steps::Steps;
use crate::invalidation::{
    HeldMark, Item, Mistake, Mode, Purge, Selector, SelectorErrorKind, SelectorReceipt, Strength,
};
use crate::page::{
    NameError, ParamSet, Registry, canonical, check_path_length, check_text, normalize_page,
};
use crate::store;
use crate::value::{data_tag, value_tag};

/// One target of a purge.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) mode: Mode,
    pub(super) target: Result<SelectorTarget, SelectorErrorKind>,
    /// True if the target is the other spelling of the path before, with or without a last slash.
    pub(super) is_other: bool,
    /// False if the target is only marked and never rendered, since nothing is cached there. The
    /// receipt is then the other spelling's.
    pub(super) is_told: bool,
}

/// A purge, planned.
pub(super) struct Plan {
    pub(super) planned: Vec<Planned>,
    /// The receipts before anything is rendered, one for each target.
    pub(super) receipts: Vec<SelectorReceipt>,
    /// The marks to raise.
    pub(super) marks: Vec<(HeldMark, Strength)>,
    /// These marks once more, for a store if there is one.
    pub(super) stored: Vec<store::Mark>,
}

/// The targets of one selector: a second one is the other spelling of a path.
type Spellings = (SelectorTarget, Option<SelectorTarget>);

impl Core {
    /// Plans a purge, against the pages and against the responses that header mode stores.
    pub(super) async fn plan(&self, purge: Purge) -> Plan {
        let header_mode = self.header_mode.as_ref();
        let is_stored = |path: &str| header_mode.is_some_and(|cache| cache.has_path(path));
        let mut plan = Plan {
            planned: Vec::with_capacity(purge.items.len()),
            receipts: Vec::with_capacity(purge.items.len()),
            marks: Vec::new(),
            stored: Vec::new(),
        };

        let mut steps = Steps::default();
        for item in purge.items {
            for one in planned(&item, &self.registry, &is_stored) {
                plan.receipts
                    .push(self.receipt_of(item.selector.clone(), &one));
                if !purge.dry_run
                    && let Ok(target) = &one.target
                {
                    if self.shelf.is_some() {
                        plan.stored.push(target.stored_mark(one.mode));
                    }
                    let (target, strength) = target.mark(one.mode);
                    plan.marks.push((self.marks.hold(&target), strength));
                }
                plan.planned.push(one);
            }
            steps.next().await;
        }
        plan
    }
}

/// Finds the targets of one selector. `is_stored` tells whether header mode has a response at a
/// path.
fn planned(item: &Item, registry: &Registry, is_stored: &impl Fn(&str) -> bool) -> Vec<Planned> {
    let found = match &item.mistake {
        Some(mistake) => Err(SelectorErrorKind::Mistake(mistake.clone())),
        None => targets(&item.selector, registry, is_stored),
    };
    let (target, other) = match found {
        Ok((target, other)) => (Ok(target), other),
        Err(error) => (Err(error), None),
    };

    let mode = item.effective_mode();
    let planned = move |target, is_other| Planned {
        mode,
        target,
        is_other,
        is_told: !is_other,
    };
    let other = other.map(|other| planned(Ok(other), true));
    std::iter::once(planned(target, false))
        .chain(other)
        .collect()
}

fn targets(
    selector: &Selector,
    registry: &Registry,
    is_stored: &impl Fn(&str) -> bool,
) -> Result<Spellings, SelectorErrorKind> {
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
        Selector::Data { name, args } => {
            check_text(name).map_err(|error| name_error("data", error))?;
            let tag = args.as_ref().map(|args| value_tag(name, args));
            SelectorTarget::Tag(tag.unwrap_or_else(|| data_tag(name)))
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
) -> Result<Spellings, SelectorErrorKind> {
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
) -> Result<Spellings, SelectorErrorKind> {
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
) -> Result<Spellings, SelectorErrorKind> {
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
