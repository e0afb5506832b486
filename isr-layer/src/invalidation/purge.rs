//! What is to be invalidated, and how: the request side of a revalidation.

use std::fmt;
use std::time::Duration;

/// What a caller wants invalidated: one selector or a batch of them, which then share one sequence number.
///
/// ```
/// use isr_layer::{Mode, Purge};
///
/// let one = Purge::path("/posts/a");
/// let instance = Purge::page("/posts/{slug}").param("slug", "a");
/// let both = Purge::batch([one, instance, Purge::tag("posts")]).mode(Mode::Expire);
/// assert_eq!(both.len(), 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a purge does nothing until it is given to `Cache::revalidate`"]
pub struct Purge {
    pub(crate) items: Vec<Item>,
    pub(crate) only_cached: bool,
    pub(crate) dry_run: bool,
    pub(crate) settle: Option<Duration>,
}

/// One selector with the mode it was given, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) selector: Selector,
    pub(crate) mode: Option<Mode>,
}

/// Names what a purge reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// One path with all its variants, raw or percent-encoded.
    Path(String),
    /// Every cached instance of a page, or one of them when its parameters are given.
    Page {
        /// The page's pattern; `[slug]` and `:slug` mean `{slug}`.
        pattern: String,
        /// Decoded parameters by name. Empty means every instance; otherwise every parameter must be named.
        params: crate::page::ParamSet,
    },
    /// Every path that is the prefix or lies below it; a prefix ends at a segment boundary.
    Prefix(String),
    /// Everything that carries the tag.
    Tag(String),
    /// Everything.
    All,
}

/// What happens to what was marked. In every mode the last good page stays as the fallback when rendering fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Render at once, the most used pages first; readers get the old page until the new one is stored. The default for
    /// paths.
    Regenerate,
    /// The next request gets the old page and triggers one refresh. The default for all that names no single path.
    Stale,
    /// The next request waits for a new page.
    Expire,
}

impl Purge {
    /// One path with all its variants: `/posts/a`, raw or percent-encoded.
    pub fn path(path: impl Into<String>) -> Self {
        Self::one(Selector::Path(path.into()))
    }

    /// Every cached instance of a page: `/posts/{slug}`. With [`param`](Self::param) it is one of them.
    pub fn page(pattern: impl Into<String>) -> Self {
        Self::one(Selector::Page {
            pattern: pattern.into(),
            params: crate::page::ParamSet::new(),
        })
    }

    /// Names one parameter of the page given last; a call without a page before it changes nothing.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Some(Item {
            selector: Selector::Page { params, .. },
            ..
        }) = self.items.last_mut()
        {
            *params = std::mem::take(params).with(name, value.into());
        }
        self
    }

    /// Every path that is `prefix` or lies below it.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self::one(Selector::Prefix(prefix.into()))
    }

    /// Everything that carries `tag`, declared or added while it was rendered.
    pub fn tag(tag: impl Into<String>) -> Self {
        Self::one(Selector::Tag(tag.into()))
    }

    /// Everything there is.
    pub fn all() -> Self {
        Self::one(Selector::All)
    }

    /// Several purges under one sequence number: they change validity at once. Options of any of them hold for all.
    pub fn batch(purges: impl IntoIterator<Item = Purge>) -> Self {
        purges.into_iter().fold(Self::empty(), |mut all, one| {
            all.items.extend(one.items);
            all.only_cached |= one.only_cached;
            all.dry_run |= one.dry_run;
            all.settle = all.settle.max(one.settle);
            all
        })
    }

    /// Sets the mode of every selector of this purge.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.items
            .iter_mut()
            .for_each(|item| item.mode = Some(mode));
        self
    }

    /// Regenerates only what is cached already; a path that is not is marked and reported as `not_cached`.
    pub fn only_cached(mut self, on: bool) -> Self {
        self.only_cached = on;
        self
    }

    /// Reports what would happen and marks nothing.
    pub fn dry_run(mut self, on: bool) -> Self {
        self.dry_run = on;
        self
    }

    /// Invalidates a second time after `settle`, for a source whose replicas lag behind the write.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = Some(settle);
        self
    }

    /// How many selectors there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no selector at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The selectors, in the order they were given.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.items.iter().map(|item| &item.selector)
    }

    fn one(selector: Selector) -> Self {
        Self {
            items: vec![Item {
                selector,
                mode: None,
            }],
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            items: Vec::new(),
            only_cached: false,
            dry_run: false,
            settle: None,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "path `{path}`"),
            Self::Page { pattern, params } => {
                write!(f, "page `{pattern}`")?;
                for (name, value) in params.iter() {
                    write!(f, ", `{name}` = `{value}`")?;
                }
                Ok(())
            }
            Self::Prefix(prefix) => write!(f, "prefix `{prefix}`"),
            Self::Tag(tag) => write!(f, "tag `{tag}`"),
            Self::All => f.write_str("purge of all"),
        }
    }
}

impl Item {
    /// The mode that holds: unlimited selectors must not start unlimited renders unless asked to.
    pub(crate) fn effective_mode(&self) -> Mode {
        self.mode.unwrap_or(match &self.selector {
            Selector::Path(_) => Mode::Regenerate,
            Selector::Page { params, .. } if !params.is_empty() => Mode::Regenerate,
            _ => Mode::Stale,
        })
    }
}
