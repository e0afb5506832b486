//! The state of one path in a cache.

use std::fmt;
use std::time::Duration;

use crate::cache::Cache;
use crate::clock;
use crate::entry::{self, Entry};
use crate::page::canonical;
use crate::render::Key;
use crate::value::value_of_tag;

/// The state of one path, by [`Cache::explain`](crate::Cache::explain).
#[derive(Clone, Debug)]
pub struct Explanation {
    path: String,
    page: String,
    state: State,
    hosts: Vec<HostExplanation>,
}

/// The state of one path at one of the layer's [`hosts`](crate::IsrLayerBuilder::hosts).
#[derive(Clone, Debug)]
pub struct HostExplanation {
    host: String,
    state: State,
}

/// The use that may be made of an entry now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Freshness {
    /// The entry is served.
    Fresh,
    /// The entry is served, and refreshed in the background.
    Stale,
    /// The next request waits for a render.
    MustRender,
}

/// The state of one key: of nothing stored there is neither.
#[derive(Clone, Debug, Default)]
struct State {
    freshness: Option<Freshness>,
    age: Option<Duration>,
    values: Vec<ExplainedValue>,
}

/// A [value](crate::data) that a page was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedValue {
    name: String,
    arguments: String,
}

impl Cache {
    /// Explains the state of a path, or returns `None` if no page has it. Responses that are cached
    /// by their own headers belong to no page.
    ///
    /// It looks into memory alone: a page that only a
    /// [`store`](crate::IsrLayerBuilder::store) has is as good as not rendered.
    ///
    /// ```
    /// use isr_layer::{IsrLayer, Page};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().pages([Page::new("/posts/{slug}")]).build()?;
    ///
    /// let explanation = isr.cache().explain("/posts/hello").await.expect("a page has it");
    ///
    /// assert_eq!(explanation.page(), "/posts/{slug}");
    /// assert_eq!(explanation.freshness(), None); // not rendered yet
    /// # Ok(())
    /// # }
    /// ```
    // Async, since a store behind memory will be asked too, and no caller is to change for that.
    pub async fn explain(&self, path: &str) -> Option<Explanation> {
        let path = canonical(path)?;
        let page = self.core.registry.find(&path)?;
        let (mut state, mut hosts) = (State::default(), Vec::new());
        for key in Key::bare(page, &path) {
            let of_key = self.state(&key);
            match key.host(page) {
                Some(host) => hosts.push(HostExplanation {
                    host,
                    state: of_key,
                }),
                None => state = of_key,
            }
        }

        Some(Explanation {
            page: page.page.path().to_owned(),
            path: path.into_owned(),
            state,
            hosts,
        })
    }

    fn state(&self, key: &Key) -> State {
        let now = clock::now();
        let Some(entry) = self.core.pages.memory.get_key(key) else {
            return State::default();
        };
        State {
            freshness: Some(entry.freshness(&self.core.marks, now).into()),
            age: Some(entry.age(now)),
            values: values_of(&entry),
        }
    }
}

/// Returns the values that an entry was made of, by the marks that it took over.
fn values_of(entry: &Entry) -> Vec<ExplainedValue> {
    let marks = entry.tags().as_slice().iter();
    let values = marks.filter_map(|mark| value_of_tag(mark.name()?));
    let values = values.map(|(name, arguments)| ExplainedValue {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    });
    values.collect()
}

impl Explanation {
    /// Returns the path in canonical spelling.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the pattern of the page.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Returns the freshness of the entry of the bare path, without declared parameters and
    /// headers, or `None` if memory has none.
    pub fn freshness(&self) -> Option<Freshness> {
        self.state.freshness
    }

    /// Returns the time since the render of that entry began.
    pub fn age(&self) -> Option<Duration> {
        self.state.age
    }

    /// Returns the [values](crate::data) that the entry was made of, with those that they were made
    /// of.
    pub fn values(&self) -> &[ExplainedValue] {
        &self.state.values
    }

    /// Returns the state at each listed host, in the order of their names. Every key has a host if
    /// hosts are listed, so that the path alone then has no entry.
    pub fn hosts(&self) -> &[HostExplanation] {
        &self.hosts
    }
}

impl HostExplanation {
    /// Returns the host, as the list spells it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the freshness of the entry, as [`Explanation::freshness`] does.
    pub fn freshness(&self) -> Option<Freshness> {
        self.state.freshness
    }

    /// Returns the time since the render of the entry began.
    pub fn age(&self) -> Option<Duration> {
        self.state.age
    }

    /// Returns the values, as [`Explanation::values`] does.
    pub fn values(&self) -> &[ExplainedValue] {
        &self.state.values
    }
}

impl ExplainedValue {
    /// Returns the name of the value: what [`Data::name`](crate::data::Data::name) tells.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the arguments of the value, as a JSON array; of more than 1 KiB, `sha256:` and their
    /// hash.
    pub fn arguments(&self) -> &str {
        &self.arguments
    }
}

impl From<entry::Freshness> for Freshness {
    fn from(freshness: entry::Freshness) -> Self {
        match freshness {
            entry::Freshness::Fresh => Self::Fresh,
            entry::Freshness::Stale(_) => Self::Stale,
            entry::Freshness::MustRender { .. } => Self::MustRender,
        }
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::MustRender => "must-render",
        })
    }
}
