//! The pages that a prerendering is about: all that are known beforehand, or those that
//! [`only`](super::Prerender::only) names.

use std::sync::Arc;

use super::report::{NotChosen, PrerenderReport};
use crate::cache::Core;
use crate::page::{RegisteredPage, canonical, normalize_page};
use crate::render::{Key, Recipe};

/// The part of one page that is prerendered.
#[derive(Debug)]
enum Part {
    /// Every path that is known.
    All,
    /// The path, in canonical spelling, for the name that the user gave it.
    Path(String, String),
}

impl Part {
    /// Returns the name that the user gave.
    fn name<'a>(&'a self, page: &'a RegisteredPage) -> &'a str {
        match self {
            Self::All => page.page.path(),
            Self::Path(_, name) => name,
        }
    }
}

/// Returns the [`Recipe`] of each page to prerender. Notes names that mean no page in the
/// [`PrerenderReport`].
pub(super) async fn chosen(
    core: &Arc<Core>,
    only: &[String],
    report: &mut PrerenderReport,
) -> Vec<Recipe> {
    let mut recipes = Vec::new();
    if only.is_empty() {
        for page in core.registry.pages().filter(|page| page.policy().prerender) {
            recipes.extend(known_paths(core, page, report).await.unwrap_or_default());
        }
    } else {
        for (page, parts) in named(core, only, report) {
            let known = known_paths(core, &page, report).await;
            recipes.extend(of_parts(known, &parts, &page, report));
        }
    }

    let recipes = recipes
        .into_iter()
        .map(|(page, path)| of_path(&page, &path));
    recipes.flatten().collect()
}

/// A page, and a path of it.
type KnownPath = (Arc<RegisteredPage>, Arc<str>);

/// Returns each path of a page that is known beforehand, or `None` if the page has parameters that
/// no list gives.
async fn known_paths(
    core: &Arc<Core>,
    page: &Arc<RegisteredPage>,
    report: &mut PrerenderReport,
) -> Option<Vec<KnownPath>> {
    if !page.has_parameters() {
        return Some(vec![(page.clone(), page.page.path().into())]);
    }

    let list = core.listed(page).await?;
    if let Some(error) = &list.failure {
        // The last list stays, and is rendered all the same.
        report.params_failed(page.page, error.clone());
    }
    let paths = list.listed.iter().flat_map(|listed| &listed.order);
    Some(paths.map(|path| (page.clone(), path.clone())).collect())
}

/// Returns the pages that are named, each once, with the parts of them.
fn named(
    core: &Arc<Core>,
    only: &[String],
    report: &mut PrerenderReport,
) -> Vec<(Arc<RegisteredPage>, Vec<Part>)> {
    let mut pages: Vec<(Arc<RegisteredPage>, Vec<Part>)> = Vec::new();
    for name in only {
        let (page, part) = match find(core, name) {
            Ok(found) => found,
            Err(why) => {
                report.not_chosen(name, why);
                continue;
            }
        };
        match pages.iter_mut().find(|(of, _)| Arc::ptr_eq(of, &page)) {
            Some((_, parts)) => parts.push(part),
            None => pages.push((page, vec![part])),
        }
    }
    pages
}

/// Finds the page with that pattern, or the one that has that path.
fn find(core: &Core, name: &str) -> Result<(Arc<RegisteredPage>, Part), NotChosen> {
    let (page, part) = match core.registry.by_pattern(&normalize_page(name)) {
        Some(page) => (page, Part::All),
        None if name.contains(['{', '[']) => return Err(NotChosen::NotAPage),
        None => {
            let path = canonical(name).ok_or(NotChosen::NotAPage)?;
            let page = core.registry.find(&path).ok_or(NotChosen::NotAPage)?;
            (page, Part::Path(path.into_owned(), name.to_owned()))
        }
    };

    match page.policy().prerender {
        true => Ok((page.clone(), part)),
        false => Err(NotChosen::LeftOut),
    }
}

/// Returns those of the [`known_paths`] that the parts name.
fn of_parts(
    known: Option<Vec<KnownPath>>,
    parts: &[Part],
    page: &RegisteredPage,
    report: &mut PrerenderReport,
) -> Vec<KnownPath> {
    let Some(known) = known else {
        for part in parts {
            report.not_chosen(part.name(page), NotChosen::NoList);
        }
        return Vec::new();
    };

    let is_known = |path: &str| known.iter().any(|(_, known)| **known == *path);
    for part in parts {
        if let Part::Path(path, name) = part
            && !is_known(path)
        {
            report.not_chosen(name, NotChosen::NotListed);
        }
    }
    if parts.iter().any(|part| matches!(part, Part::All)) {
        return known;
    }

    let is_named = |known: &str| {
        let mut parts = parts.iter();
        parts.any(|part| matches!(part, Part::Path(path, _) if path == known))
    };
    known
        .into_iter()
        .filter(|(_, path)| is_named(path))
        .collect()
}

/// Returns the [`Recipe`] of a path for each listed host.
fn of_path(page: &Arc<RegisteredPage>, path: &str) -> Vec<Recipe> {
    let keys = Key::bare(page, path).into_iter();
    keys.map(|key| Recipe::of(page.clone(), key)).collect()
}
