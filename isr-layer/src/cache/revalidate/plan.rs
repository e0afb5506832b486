//! From selectors to what they name: marks to raise and keys to render.

use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::cache::core::Core;
use crate::cache::flight::{Match, PendingMatch};
use crate::entry::Entry;
use crate::invalidation::{Item, Mode, Selector, SelectorReceipt, Status, Strength, Target};
use crate::page::{ParamSet, RegisteredPage, canonical, normalize_page};
use crate::render::Key;
use crate::render::Recipe;

/// One selector, resolved.
pub(super) struct ResolvedSelector {
    pub(super) mode: Mode,
    pub(super) receipt: SelectorReceipt,
    /// What it names; nothing when it was refused, and the receipt says why.
    pub(super) named: Option<SelectorTarget>,
}

/// What a selector names.
pub(super) enum SelectorTarget {
    /// One path of a page.
    Path {
        page: Arc<RegisteredPage>,
        path: String,
    },
    /// One path that is no page's, at which something is cached as its headers say.
    NotAPage(String),
    /// Every entry of a page.
    Page(Arc<RegisteredPage>),
    /// Every entry at or below a path.
    Prefix(String),
    /// Every entry that carries the tag.
    Tag(String),
    /// Every entry.
    All,
}

/// What a regeneration renders.
pub(super) struct RenderPlan {
    pub(super) recipes: Vec<Recipe>,
    /// Renders in progress that are named once they say the tag, which nobody can know before they end.
    pub(super) pending: Vec<PendingMatch>,
}

/// The entries of paths, by path.
type Variants = HashMap<String, Vec<Arc<Entry>>>;

impl Core {
    /// Resolves selectors against the pages there are, and against what is cached by headers: that is looked through once at
    /// most, however many paths there are.
    pub(super) fn select(&self, items: &[Item]) -> Vec<ResolvedSelector> {
        let foreign = LazyCell::new(|| self.header_mode.as_ref().map(|mode| mode.paths()));
        let is_foreign = |path: &str| foreign.as_ref().is_some_and(|paths| paths.contains(path));
        items
            .iter()
            .map(|item| self.select_one(item, &is_foreign))
            .collect()
    }

    fn select_one(&self, item: &Item, is_foreign: &impl Fn(&str) -> bool) -> ResolvedSelector {
        let mode = item.effective_mode();
        let mut receipt = SelectorReceipt::new(item.selector.clone(), Status::Marked);
        let named = match &item.mistake {
            Some(mistake) => Err((Status::Refused, mistake.to_string())),
            None => self
                .named(&item.selector, is_foreign)
                .map_err(|refusal| (Status::NotAPage, refusal)),
        };
        let named = match named {
            Ok(named) => Some(named),
            Err((status, error)) => {
                receipt.status = status;
                receipt.error = Some(error);
                None
            }
        };
        match &named {
            Some(SelectorTarget::Path { page, .. })
                if matches!(item.selector, Selector::Path(_)) =>
            {
                receipt.page = Some(page.page.path().to_owned());
            }
            Some(SelectorTarget::Page(page)) => receipt.matched = Some(page.mark.entry_count()),
            Some(SelectorTarget::Tag(tag)) => {
                receipt.matched = Some(self.marks.tag(tag).map_or(0, |tag| tag.entry_count()))
            }
            _ => {}
        }
        ResolvedSelector {
            mode,
            receipt,
            named,
        }
    }

    fn named(
        &self,
        selector: &Selector,
        is_foreign: &impl Fn(&str) -> bool,
    ) -> Result<SelectorTarget, String> {
        match selector {
            Selector::Path(raw) => self.named_path(raw, is_foreign),
            Selector::Page { pattern, params } => {
                let pattern = normalize_page(pattern);
                let page = self
                    .registry
                    .by_pattern(&pattern)
                    .ok_or("no page is registered with this pattern")?
                    .clone();
                if params.is_empty() {
                    return Ok(SelectorTarget::Page(page));
                }
                self.named_instance(page, params)
            }
            Selector::Prefix(raw) => {
                let prefix = canonical(raw).ok_or(
                    "not a valid prefix: it must start with `/`, without empty or dot segments",
                )?;
                Ok(SelectorTarget::Prefix(prefix.into_owned()))
            }
            Selector::Tag(tag) => Ok(SelectorTarget::Tag(tag.clone())),
            Selector::All => Ok(SelectorTarget::All),
        }
    }

    /// Resolves one instance of a page. Routing decides: `/posts/new` may be another page's, though
    /// `/posts/{slug}` would match it.
    fn named_instance(
        &self,
        page: Arc<RegisteredPage>,
        params: &ParamSet,
    ) -> Result<SelectorTarget, String> {
        let path = page.path_with(params)?;
        match self.registry.find(&path) {
            Some(found) if found.id == page.id => Ok(SelectorTarget::Path { page, path }),
            Some(found) => Err(format!(
                "`params` give the path `{path}`, which belongs to the page `{}`",
                found.page.path()
            )),
            None => Err(format!(
                "`params` give the path `{path}`, which no page has"
            )),
        }
    }

    /// A path as it is given, raw or encoded, with or without the trailing slash its page's route has.
    fn named_path(
        &self,
        raw: &str,
        is_foreign: &impl Fn(&str) -> bool,
    ) -> Result<SelectorTarget, String> {
        if raw.contains(['{', '[']) && self.registry.by_pattern(&normalize_page(raw)).is_some() {
            return Err(
                "this is the pattern of a page: use `page`, or `instance` with its parameters"
                    .to_owned(),
            );
        }
        if raw.contains(['?', '#']) {
            return Err("a path has no query: a purge reaches all variants of a path".to_owned());
        }
        let path = canonical(raw)
            .ok_or("not a valid path: it must start with `/`, without empty or dot segments")?;
        let other = match path.strip_suffix('/') {
            Some(shorter) => shorter.to_owned(),
            None => format!("{path}/"),
        };
        let paths = [path.into_owned(), other];
        for path in paths.clone() {
            if let Some(page) = self.registry.find(&path) {
                return Ok(SelectorTarget::Path {
                    page: page.clone(),
                    path,
                });
            }
        }
        match paths.into_iter().find(|path| is_foreign(path)) {
            Some(path) => Ok(SelectorTarget::NotAPage(path)),
            None => Err("no page's pattern matches this path".to_owned()),
        }
    }

    /// What to render for each that was named: every variant that is cached, the most used first, or being rendered; for a
    /// path with none, the bare path, for each listed host where there is a list.
    ///
    /// What is being rendered is looked at first: what lands between the two looks is seen twice, and not missed.
    pub(super) fn plans(&self, named: &[&SelectorTarget]) -> Vec<RenderPlan> {
        let running = named
            .iter()
            .map(|named| self.running(named))
            .collect::<Vec<_>>();
        let variants = self.variants(named);
        let each = named.iter().zip(running);
        each.map(|(named, running)| self.plan_of(named, self.cached(named, &variants), running))
            .collect()
    }

    fn running(&self, named: &SelectorTarget) -> (Vec<Recipe>, Vec<PendingMatch>) {
        let tag = named.tag().and_then(|tag| self.marks.tag(tag));
        self.flights.in_progress(|key, known| match named {
            SelectorTarget::Tag(_)
                if known
                    .iter()
                    .any(|one| tag.as_ref().is_some_and(|tag| Arc::ptr_eq(one, tag))) =>
            {
                Some(Match::Certain)
            }
            SelectorTarget::Tag(_) => Some(Match::Pending),
            _ => named.may_name(key).then_some(Match::Certain),
        })
    }

    fn plan_of(
        &self,
        named: &SelectorTarget,
        mut recipes: Vec<Recipe>,
        (running, pending): (Vec<Recipe>, Vec<PendingMatch>),
    ) -> RenderPlan {
        let mut seen = HashSet::new();
        recipes.extend(running);
        recipes.retain(|recipe| seen.insert(recipe.key.clone()));
        let mut plans = RenderPlan { recipes, pending };
        plans
            .pending
            .retain(|pending| !seen.contains(&pending.recipe.key));
        if let SelectorTarget::Path { page, path } = named
            && plans.recipes.is_empty()
        {
            let bare = Key::bare(page, path).into_iter();
            plans
                .recipes
                .extend(bare.map(|key| Recipe::of(page.clone(), key, None)));
        }
        plans
    }

    /// Whether an entry is one of those named.
    pub(super) fn is_named(&self, named: &SelectorTarget, entry: &Entry) -> bool {
        match named {
            SelectorTarget::Tag(tag) => self.marks.tag(tag).is_some_and(|tag| entry.has_tag(&tag)),
            _ => named.may_name(&entry.key),
        }
    }

    /// The entries of those paths that may have several, by one look at all entries however many paths there are.
    fn variants(&self, named: &[&SelectorTarget]) -> Variants {
        let paths = named.iter().filter_map(|named| named.path_with_variants());
        let mut variants = paths
            .map(|path| (path.to_owned(), Vec::new()))
            .collect::<Variants>();
        if !variants.is_empty() {
            for entry in self.memory.iter() {
                if let Some(of_path) = variants.get_mut(entry.key.path()) {
                    of_path.push(entry);
                }
            }
        }
        variants
    }

    fn cached(&self, named: &SelectorTarget, variants: &Variants) -> Vec<Recipe> {
        let mut entries = match named {
            SelectorTarget::Path { path, .. } if named.path_with_variants().is_some() => {
                variants.get(path).cloned().unwrap_or_default()
            }
            // Without variants there is one key to look at for each host; everything else is found by looking at all.
            SelectorTarget::Path { page, path } => {
                let keys = Key::bare(page, path);
                keys.iter()
                    .filter_map(|key| self.memory.get_key(key))
                    .collect()
            }
            _ => self
                .memory
                .iter()
                .filter(|entry| self.is_named(named, entry))
                .collect(),
        };
        entries.sort_by_cached_key(|entry| Reverse(entry.uses()));
        entries
            .iter()
            .filter_map(|entry| self.recipe_of(entry))
            .collect()
    }

    fn recipe_of(&self, entry: &Entry) -> Option<Recipe> {
        let page = self.registry.by_id(entry.key.page())?.clone();
        let routed = match &entry.route {
            Some(route) => Some(route.routed(&entry.key)?),
            None => None,
        };
        Some(Recipe::of(page, entry.key.clone(), routed))
    }
}

impl SelectorTarget {
    /// The path, where its page is kept in more variants of it than there are hosts.
    fn path_with_variants(&self) -> Option<&str> {
        match self {
            Self::Path { page, path } if page.has_variants() => Some(path),
            _ => None,
        }
    }

    fn tag(&self) -> Option<&str> {
        match self {
            Self::Tag(tag) => Some(tag),
            _ => None,
        }
    }

    /// Whether a key may be one of those named, as far as a key tells.
    fn may_name(&self, key: &Key) -> bool {
        match self {
            Self::Path { page, path } => key.page() == page.id && key.path() == path,
            Self::NotAPage(_) => false,
            Self::Page(page) => key.page() == page.id,
            Self::Prefix(prefix) => is_below(key.path(), prefix),
            Self::Tag(_) | Self::All => true,
        }
    }
}

impl ResolvedSelector {
    /// What is to be rendered at once. Only a client's own request can fetch what is no page.
    pub(super) fn rendered(&self) -> Option<&SelectorTarget> {
        let is_rendered = |named: &&SelectorTarget| !matches!(named, SelectorTarget::NotAPage(_));
        self.named
            .as_ref()
            .filter(is_rendered)
            .filter(|_| self.mode == Mode::Regenerate)
    }

    /// The mark to raise.
    pub(super) fn target(&self) -> Option<(Target, Strength)> {
        let target = match self.named.as_ref()? {
            SelectorTarget::Path { path, .. } | SelectorTarget::NotAPage(path) => {
                Target::Path(path.clone())
            }
            SelectorTarget::Page(page) => Target::Page(page.mark.clone()),
            SelectorTarget::Prefix(prefix) => Target::Prefix(prefix.clone()),
            SelectorTarget::Tag(tag) => Target::Tag(tag.clone()),
            SelectorTarget::All => Target::All,
        };
        let strength = if self.mode == Mode::Expire {
            Strength::Hard
        } else {
            Strength::Soft
        };
        Some((target, strength))
    }
}

/// Whether `path` is `prefix` or lies below it; a prefix ends at a segment boundary.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_segment_boundary() {
        for (path, prefix, below) in [
            ("/posts/a", "/posts", true),
            ("/posts/a", "/posts/", true),
            ("/posts", "/posts", true),
            ("/posts", "/posts/", false),
            ("/postscript", "/posts", false),
            ("/posts", "/", true),
        ] {
            assert_eq!(is_below(path, prefix), below, "{path} below {prefix}");
        }
    }
}
