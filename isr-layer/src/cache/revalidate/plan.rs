//! Plans a purge: finds the target of each selector, or says why it has none.

use super::target::SelectorTarget;
use crate::cache::core::Core;
use crate::cache::steps::Steps;
use crate::invalidation::{
    HeldMark, Item, Mode, Purge, Selector, SelectorErrorKind, SelectorReceipt, Strength,
};
use crate::page::{ParamSet, Registry, canonical, normalize_page};

/// One selector of a purge, with its target.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) mode: Mode,
    pub(super) target: Result<SelectorTarget, SelectorErrorKind>,
}

/// A purge, planned.
pub(super) struct Plan {
    pub(super) planned: Vec<Planned>,
    /// The receipts before anything is rendered.
    pub(super) receipts: Vec<SelectorReceipt>,
    /// The marks to raise.
    pub(super) marks: Vec<(HeldMark, Strength)>,
}

impl Core {
    /// Plans a purge, against the pages and against the responses that header mode stores.
    pub(super) async fn plan(&self, purge: Purge) -> Plan {
        let header_mode = self.header_mode.as_ref();
        let is_stored = |path: &str| header_mode.is_some_and(|cache| cache.has_path(path));
        let mut plan = Plan {
            planned: Vec::with_capacity(purge.items.len()),
            receipts: Vec::with_capacity(purge.items.len()),
            marks: Vec::new(),
        };

        let mut steps = Steps::default();
        for item in purge.items {
            let one = planned(&item, &self.registry, &is_stored);
            plan.receipts.push(self.receipt_of(item.selector, &one));
            if !purge.dry_run
                && let Ok(target) = &one.target
            {
                let (target, strength) = target.mark(one.mode);
                plan.marks.push((self.marks.hold(&target), strength));
            }
            plan.planned.push(one);
            steps.next().await;
        }
        plan
    }
}

/// Finds the target of one selector. `is_stored` tells whether header mode has a response at a
/// path.
fn planned(item: &Item, registry: &Registry, is_stored: &impl Fn(&str) -> bool) -> Planned {
    Planned {
        mode: item.effective_mode(),
        target: match item.mistake {
            Some(mistake) => Err(SelectorErrorKind::Mistake(mistake)),
            None => target(&item.selector, registry, is_stored),
        },
    }
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
            let prefix = canonical(raw).ok_or(SelectorErrorKind::InvalidPrefix)?;
            Ok(SelectorTarget::Prefix(prefix.into_owned()))
        }
        Selector::Tag(tag) => Ok(SelectorTarget::Tag(tag.clone())),
        Selector::All => Ok(SelectorTarget::All),
    }
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
