//! From selectors to what they name: marks to raise and keys to render.

use std::sync::Arc;

use super::core::Core;
use crate::entry::Entry;
use crate::invalidation::{Cell, Item, Mode, Selector, SelectorReceipt, Status, Strength, Target};
use crate::key::Key;
use crate::page::{Known, canonical};
use crate::recipe::Recipe;
use crate::revalidate::normalize_page;

/// One selector, resolved.
pub(super) struct Selected {
    pub(super) mode: Mode,
    pub(super) receipt: SelectorReceipt,
    /// What it names; nothing when it was refused, and the receipt says why.
    pub(super) named: Option<Named>,
}

/// What a selector names.
pub(super) enum Named {
    /// One path of a page.
    Path { page: Arc<Known>, path: String },
    /// Every entry of a page.
    Page(Arc<Known>),
    /// Every entry at or below a path.
    Prefix(String),
    /// Every entry that carries the tag.
    Tag(String),
    /// Every entry.
    All,
}

impl Core {
    /// Resolves one selector against the pages there are.
    pub(super) fn select(&self, item: &Item) -> Selected {
        let mode = item.effective_mode();
        let mut receipt = SelectorReceipt::new(item.selector.clone(), Status::Marked);
        let named = match self.named(&item.selector) {
            Ok(named) => Some(named),
            Err(refusal) => {
                receipt.status = Status::NotAPage;
                receipt.error = Some(refusal);
                None
            }
        };
        match &named {
            Some(Named::Path { page, .. }) => receipt.page = Some(page.page.path().to_owned()),
            Some(Named::Page(page)) => receipt.matched = Some(page.cell.carriers()),
            Some(Named::Tag(tag)) => {
                receipt.matched = Some(self.marks.tag(tag).map_or(0, |cell| cell.carriers()))
            }
            _ => {}
        }
        Selected { mode, receipt, named }
    }

    fn named(&self, selector: &Selector) -> Result<Named, String> {
        match selector {
            Selector::Path(raw) => self.named_path(raw),
            Selector::Page { pattern, params } => {
                let pattern = normalize_page(pattern);
                let page = self
                    .registry
                    .by_pattern(&pattern)
                    .ok_or("no page is registered with this pattern")?
                    .clone();
                if params.is_empty() {
                    return Ok(Named::Page(page));
                }
                let path =
                    page.path_with(params).ok_or("`params` must name every parameter of the page once")?;
                Ok(Named::Path { page, path })
            }
            Selector::Prefix(raw) => {
                let prefix =
                    canonical(raw).ok_or("a prefix starts with `/` and is a path that a page could have")?;
                Ok(Named::Prefix(prefix.into_owned()))
            }
            Selector::Tag(tag) => Ok(Named::Tag(tag.clone())),
            Selector::All => Ok(Named::All),
        }
    }

    /// A path as it is given, raw or encoded, with or without the trailing slash its page's route has.
    fn named_path(&self, raw: &str) -> Result<Named, String> {
        if raw.contains('{') && self.registry.by_pattern(raw).is_some() {
            return Err("this is a page's pattern: name it as `page`".to_owned());
        }
        if raw.contains(['?', '#']) {
            return Err("a path has no query: all variants of a path are revalidated together".to_owned());
        }
        let path = canonical(raw).ok_or("a path starts with `/` and is one that a page could have")?;
        let other = match path.strip_suffix('/') {
            Some(shorter) => shorter.to_owned(),
            None => format!("{path}/"),
        };
        for path in [path.into_owned(), other] {
            if let Some(page) = self.registry.find(&path) {
                return Ok(Named::Path { page: page.clone(), path });
            }
        }
        Err("no page's pattern matches this path".to_owned())
    }

    /// The recipes to render for what was named: every cached variant; for a path with none, the bare path.
    pub(super) fn recipes(&self, named: &Named) -> Vec<Recipe> {
        match named {
            Named::Path { page, path } => self.recipes_of_path(page, path),
            Named::Page(page) => self.cached(|entry| entry.key.page() == page.id),
            Named::Prefix(prefix) => self.cached(|entry| is_below(entry.key.path(), prefix)),
            Named::Tag(tag) => match self.marks.tag(tag) {
                Some(cell) => self.cached(|entry| carries(entry, &cell)),
                None => Vec::new(),
            },
            Named::All => self.cached(|_| true),
        }
    }

    fn recipes_of_path(&self, page: &Arc<Known>, path: &str) -> Vec<Recipe> {
        let Some(bare) = Key::bare(page, path) else { return Vec::new() };
        let has_variants = !page.policy().query.is_empty() || !page.policy().vary.is_empty();
        let cached = if has_variants {
            self.cached(|entry| entry.key.page() == page.id && entry.key.path() == path)
        } else {
            self.memory.get_key(&bare).and_then(|entry| self.recipe_of(&entry)).into_iter().collect()
        };
        if cached.is_empty() { vec![Recipe::of(page.clone(), bare, None)] } else { cached }
    }

    fn cached(&self, is_named: impl Fn(&Entry) -> bool) -> Vec<Recipe> {
        let entries = self.memory.iter().filter(|entry| is_named(entry));
        entries.filter_map(|entry| self.recipe_of(&entry)).collect()
    }

    fn recipe_of(&self, entry: &Entry) -> Option<Recipe> {
        let page = self.registry.by_id(entry.key.page())?.clone();
        Some(Recipe::of(page, entry.key.clone(), entry.routed.clone()))
    }
}

impl Selected {
    /// The mark to raise.
    pub(super) fn target(&self) -> Option<(Target, Strength)> {
        let target = match self.named.as_ref()? {
            Named::Path { path, .. } => Target::Path(path.clone()),
            Named::Page(page) => Target::Page(page.cell.clone()),
            Named::Prefix(prefix) => Target::Prefix(prefix.clone()),
            Named::Tag(tag) => Target::Tag(tag.clone()),
            Named::All => Target::All,
        };
        let strength = if self.mode == Mode::Expire { Strength::Hard } else { Strength::Soft };
        Some((target, strength))
    }

    /// Whether the receipt is about one path, and so tells what became of it; otherwise it counts.
    pub(super) fn is_one_path(&self) -> bool {
        matches!(self.named, Some(Named::Path { .. }))
    }
}

fn carries(entry: &Entry, cell: &Arc<Cell>) -> bool {
    entry.carried().cells().iter().any(|carried| Arc::ptr_eq(carried, cell))
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
