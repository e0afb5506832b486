//! The request side of a revalidation: the selectors of a purge, its mode and its options.

use std::time::Duration;

use serde::Serialize;

use super::mistake::Mistake;
use super::selector::Selector;
use crate::page::{ParamSet, normalize_page, pattern};
use crate::value::{Data, arguments_text, canonical};

/// A purge: one selector, or a batch of them under one sequence number.
///
/// ```
/// use isr_layer::{Mode, Purge};
///
/// let one = Purge::path("/posts/a");
/// let instance = Purge::instance("/posts/{slug}", [("slug", "a")]);
/// let three = Purge::batch([one, instance, Purge::tag("posts")]).mode(Mode::Expire);
/// assert_eq!(three.len(), 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a purge does nothing until it is given to `Cache::revalidate`"]
pub struct Purge {
    pub(crate) items: Vec<Item>,
    pub(crate) only_cached: bool,
    pub(crate) dry_run: bool,
    pub(crate) settle: Option<Duration>,
}

/// A selector with its own mode, if it was given one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) selector: Selector,
    pub(crate) mode: Option<Mode>,
    /// The mistake for which this item alone is refused.
    pub(crate) mistake: Option<Mistake>,
}

/// The treatment of marked pages. In every mode the last good page stays as the fallback for a
/// failed render.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Render at once, the most used pages first; clients get the old page until the new one is
    /// stored. The default for a path and for one instance of a page.
    ///
    /// A page behind a router ([`Router::layer`]) can be rendered only by a request: it is
    /// marked, as [`Stale`](Self::Stale) does, and the receipt says so.
    ///
    /// [`Router::layer`]: https://docs.rs/axum/latest/axum/struct.Router.html#method.layer
    Regenerate,
    /// The next request gets the old page and starts one refresh. The default for all other
    /// selectors.
    Stale,
    /// The next request waits for a new page.
    Expire,
}

impl Purge {
    /// Purges one path with all its variants: `/posts/a`, raw or percent-encoded.
    pub fn path(path: impl Into<String>) -> Self {
        Self::from(Selector::Path(path.into()))
    }

    /// Purges every cached instance of a page: `/posts/{slug}`.
    pub fn page(pattern: impl Into<String>) -> Self {
        Self::from(Selector::Page {
            pattern: pattern.into(),
            params: ParamSet::new(),
        })
    }

    /// Purges one instance of a page. Every parameter of the pattern must be named once.
    ///
    /// ```
    /// use isr_layer::{ParamSet, Purge};
    ///
    /// let post = Purge::instance("/posts/{slug}", [("slug", "a")]);
    ///
    /// let params = ParamSet::new().with("year", 2026).with("day", 11);
    /// let day = Purge::instance("/{year}/{day}", params);
    /// ```
    pub fn instance(pattern: impl Into<String>, params: impl Into<ParamSet>) -> Self {
        let (pattern, params) = (pattern.into(), params.into());
        // Without parameters the selector would mean every instance.
        let lacks_params =
            params.is_empty() && pattern::names(&normalize_page(&pattern)).next().is_some();
        let mut purge = Self::from(Selector::Page { pattern, params });
        if lacks_params {
            purge.refuse(Mistake::NoParams);
        }
        purge
    }

    /// Purges every path that is `prefix` or lies below it.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self::from(Selector::Prefix(prefix.into()))
    }

    /// Purges all values of a name, and every page that was made of one: see
    /// [`data`](crate::data). With [`Mode::Regenerate`] the values are marked, and those pages are
    /// rendered, which loads them.
    ///
    /// ```
    /// use isr_layer::data::Data;
    /// use isr_layer::Purge;
    ///
    /// const RATES: Data = Data::new("rates");
    /// let all = Purge::data(RATES);
    /// let one = Purge::value(RATES, ("EUR",));
    /// # drop((all, one));
    /// ```
    pub fn data(data: Data) -> Self {
        Self::of_data(data.name(), None)
    }

    /// Purges one value, and every page that was made of it. The arguments are those of the key, as
    /// a tuple or as a list; a single one may stand alone.
    ///
    /// Arguments that do not serialise to JSON refuse the purge: its receipt says so.
    pub fn value(data: Data, arguments: impl Serialize) -> Self {
        let text = arguments_text(
            |writer| writer.all(&arguments),
            |text| {
                let text = text.map_err(|error| error.to_string())?;
                canonical(text).ok_or_else(|| "they do not serialise to JSON".to_owned())
            },
        );

        match text {
            Ok(arguments) => Self::of_data(data.name(), Some(arguments)),
            Err(error) => {
                let mut purge = Self::of_data(data.name(), Some(String::new()));
                purge.refuse(Mistake::Unacceptable(format!(
                    "the arguments of a value: {error}"
                )));
                purge
            }
        }
    }

    /// Purges values by their name, and by their arguments in the one spelling of them.
    pub(crate) fn of_data(name: &str, args: Option<String>) -> Self {
        let name = name.to_owned();
        Self::from(Selector::Data { name, args })
    }

    /// Purges everything that carries `tag`, declared or added during a render.
    pub fn tag(tag: impl Into<String>) -> Self {
        Self::from(Selector::Tag(tag.into()))
    }

    /// Purges everything.
    pub fn all() -> Self {
        Self::from(Selector::All)
    }

    /// Joins several purges under one sequence number, so that all of them take effect at once.
    ///
    /// Each keeps its mode. [`only_cached`](Self::only_cached), [`dry_run`](Self::dry_run) and
    /// [`settle`](Self::settle) hold for a whole call, so set them on the batch. If one of the
    /// `purges` has such an option, it is refused: its receipt is an error, and it marks nothing.
    ///
    /// ```
    /// use isr_layer::{IsrLayer, Purge};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = IsrLayer::builder().build()?.cache();
    ///
    /// let misplaced = Purge::batch([Purge::tag("posts").dry_run(true), Purge::tag("authors")]);
    /// let receipt = cache.revalidate(misplaced).await;
    ///
    /// assert!(!receipt.is_revalidated());
    /// assert!(receipt.receipts()[0].error().unwrap().to_string().contains("`dry_run`"));
    /// assert_eq!(receipt.receipts()[1].error(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch(purges: impl IntoIterator<Item = Purge>) -> Self {
        purges.into_iter().collect()
    }

    /// Narrows every path of this purge, and [`all`](Self::all), to one of the layer's
    /// [`hosts`](crate::IsrLayerBuilder::hosts), in any spelling. By default a purge reaches the
    /// pages of all hosts.
    ///
    /// Pages that are in memory at that host are rendered by a regeneration, and the receipt counts
    /// them. A tag, a page and a prefix cannot be narrowed: such a selector is refused, and so is a
    /// host that the layer does not have.
    ///
    /// ```
    /// use isr_layer::Purge;
    ///
    /// let post = Purge::path("/posts/a").host("one.example");
    /// let tenant = Purge::all().host("two.example");
    /// ```
    pub fn host(mut self, host: impl Into<String>) -> Self {
        let host = host.into();
        for item in &mut self.items {
            let path = match std::mem::replace(&mut item.selector, Selector::All) {
                Selector::Path(path) => Some(path),
                Selector::AtHost { path, .. } => path,
                Selector::All => None,
                other => {
                    item.selector = other;
                    item.mistake.get_or_insert(Mistake::NotAtHost);
                    continue;
                }
            };
            let host = host.clone();
            item.selector = Selector::AtHost { host, path };
        }

        self
    }

    /// Sets the mode of every selector of this purge.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.items
            .iter_mut()
            .for_each(|item| item.mode = Some(mode));
        self
    }

    /// Regenerates only cached paths, those that only a [`store`](crate::IsrLayerBuilder::store)
    /// has included; a path that is not cached is marked and reported as `not_cached`. Default
    /// `false`.
    pub fn only_cached(mut self, on: bool) -> Self {
        self.only_cached = on;
        self
    }

    /// Reports the effect of the purge without marking anything. Default `false`.
    pub fn dry_run(mut self, on: bool) -> Self {
        self.dry_run = on;
        self
    }

    /// Repeats the purge after `settle`, for a source whose replicas lag behind the write.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = Some(settle);
        self
    }

    /// Returns the number of selectors.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if the purge has no selector. Such a purge does nothing, and its receipt is not
    /// [`revalidated`](crate::Receipt::is_revalidated).
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the selectors, in the order of the purge.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.items.iter().map(|item| &item.selector)
    }

    /// Creates a purge of one selector that is refused.
    pub(crate) fn refused(selector: Selector, mistake: Mistake) -> Self {
        let mut purge = Self::from(selector);
        purge.refuse(mistake);
        purge
    }

    /// Refuses each selector that `check` refuses, and no other.
    pub(crate) fn checked(mut self, check: impl Fn(&Selector) -> Result<(), Mistake>) -> Self {
        for item in &mut self.items {
            if let Err(mistake) = check(&item.selector) {
                item.mistake.get_or_insert(mistake);
            }
        }
        self
    }

    /// Returns the selectors that are not refused, in the order of the purge.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = &Selector> {
        let accepted = self.items.iter().filter(|item| item.mistake.is_none());
        accepted.map(|item| &item.selector)
    }

    /// Returns the first mistake if there are selectors and each of them is a wrong one.
    pub(crate) fn mistake_of_all(&self) -> Option<&Mistake> {
        let mut mistakes = self.items.iter().map(|item| {
            let mistake = item.mistake.as_ref();
            mistake.filter(|mistake| mistake.is_of_selector())
        });
        let first = mistakes.next()??;
        mistakes.all(|mistake| mistake.is_some()).then_some(first)
    }

    /// True if each selector is a tag, and none renders at once.
    pub(crate) fn only_marks_tags(&self) -> bool {
        self.items.iter().all(|item| {
            let is_tag = matches!(item.selector, Selector::Tag(_));
            is_tag && item.effective_mode() != Mode::Regenerate
        })
    }

    /// Returns the purge as one that marks and renders nothing at once.
    pub(crate) fn marking_only(mut self) -> Self {
        for item in &mut self.items {
            if item.effective_mode() == Mode::Regenerate {
                item.mode = Some(Mode::Stale);
            }
        }
        self
    }

    fn refuse(&mut self, mistake: Mistake) {
        for item in &mut self.items {
            // The first mistake stays: it is nearest to the caller.
            item.mistake.get_or_insert_with(|| mistake.clone());
        }
    }

    /// Returns the first option that was set and holds for a whole call.
    fn option_of_call(&self) -> Option<&'static str> {
        let options = [
            ("only_cached", self.only_cached),
            ("dry_run", self.dry_run),
            ("settle", self.settle.is_some()),
        ];
        options
            .into_iter()
            .find_map(|(name, is_set)| is_set.then_some(name))
    }
}

impl From<Selector> for Purge {
    fn from(selector: Selector) -> Self {
        let item = Item {
            selector,
            mode: None,
            mistake: None,
        };
        Self {
            items: vec![item],
            only_cached: false,
            dry_run: false,
            settle: None,
        }
    }
}

/// As [`Purge::batch`].
impl FromIterator<Purge> for Purge {
    fn from_iter<I: IntoIterator<Item = Purge>>(purges: I) -> Self {
        let mut items = Vec::new();
        for mut purge in purges {
            // Widened to the whole batch, a dry run would silently cancel the other purges.
            if let Some(option) = purge.option_of_call() {
                purge.refuse(Mistake::Misplaced(option));
            }
            items.append(&mut purge.items);
        }
        Self {
            items,
            only_cached: false,
            dry_run: false,
            settle: None,
        }
    }
}

impl Item {
    /// The mode that holds: unlimited selectors must not start unlimited renders unless asked to.
    pub(crate) fn effective_mode(&self) -> Mode {
        self.mode.unwrap_or(match &self.selector {
            Selector::Path(_) | Selector::AtHost { path: Some(_), .. } => Mode::Regenerate,
            Selector::Page { params, .. } if !params.is_empty() => Mode::Regenerate,
            _ => Mode::Stale,
        })
    }
}
