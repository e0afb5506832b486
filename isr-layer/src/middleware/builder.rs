//! The builder: everything is set once, here.

#[cfg(feature = "hmac")]
mod draft;
mod hosts;

use std::fmt;

use http::Extensions;
use http::header::HeaderName;

use super::layer::IsrLayer;
use crate::__private::Registered;
use crate::cache::{Config, Core, Limits, ParamLists};
use crate::deliver::Downstream;
use crate::draft::{DEFAULT_NAME, Draft};
use crate::error::{Error, ErrorKind};
use crate::hosts::Hosts;
use crate::page::{ListParams, Page, ParamList, Registry, given_list, says_who_asks};
use crate::revalidate::auth::Secret;

/// Sets up an [`IsrLayer`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct IsrLayerBuilder {
    pages: Option<Vec<Page>>,
    params: Vec<(Page, ListParams)>,
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) draft: Option<Secret>,
    pub(crate) draft_cookie: String,
    config: Config,
}

impl IsrLayerBuilder {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        IsrLayerBuilder {
            pages: None,
            params: Vec::new(),
            hosts: None,
            draft: None,
            draft_cookie: DEFAULT_NAME.to_owned(),
            config: Config {
                cache_status: true,
                from_response_headers: false,
                targets: Vec::new(),
                keep_headers: Vec::new(),
                drop_extensions: Vec::new(),
                memory_bytes: 256 * 1024 * 1024,
                max_entries: 1_000_000,
                max_marks: 65_536,
                renders: Limits {
                    at_once: 2 * cores,
                    per_group: 8,
                    queued: 1024,
                },
                downstream: Downstream::default(),
                new_keys_per_second: 100,
                draft: None,
            },
        }
    }

    /// Registers exactly these pages, and none that the program's `#[static_page]` attributes declare.
    pub fn pages(mut self, pages: impl IntoIterator<Item = Page>) -> Self {
        self.pages.get_or_insert_default().extend(pages);
        self
    }

    /// Lists the parameters a page is known to have, in place of its own `params`: for a function that needs state.
    ///
    /// The future gives what the attribute's `params` gives: `Vec<T>` or `Result<Vec<T>, E>`, where `T` is a text or a whole
    /// number for a path with one parameter, a tuple of them for up to four, or a [`ParamSet`](crate::ParamSet).
    ///
    /// The list is read at the first need: a request for a page with `fallback = "not_found"`, or
    /// [`Cache::prerender`](Cache::prerender). It is read again once the page was purged, be it by a tag that every instance
    /// of it carries, and once a path was purged that the list misses. While it cannot be read the last list stays; with
    /// none, every path is rendered.
    ///
    /// ```
    /// use isr_layer::{IsrLayer, static_page};
    ///
    /// #[derive(Clone)]
    /// struct Db;
    ///
    /// #[static_page("/posts/{slug}", fallback = "not_found")]
    /// async fn post() -> &'static str {
    ///     "a post"
    /// }
    ///
    /// async fn all_slugs(db: Db) -> Result<Vec<String>, std::io::Error> {
    ///     # drop(db);
    ///     Ok(vec!["hello".to_owned()])
    /// }
    ///
    /// let db = Db;
    /// let isr = IsrLayer::builder()
    ///     .pages([post::PAGE])
    ///     .params(post::PAGE, move || all_slugs(db.clone()))
    ///     .build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn params<F>(mut self, page: Page, list: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: ParamList> + Send + 'static,
    {
        self.params.push((page, given_list(&page, list)));
        self
    }

    /// How many bytes of memory the entries may take. Default 256 MiB.
    ///
    /// A body of nearly half of that, and of nearly 16 MiB where there is more, is the largest that is stored, whatever the
    /// page's own limit: it is counted twice, for its encodings.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.config.memory_bytes = bytes;
        self
    }

    /// How many entries there may be. Default 1,000,000.
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.config.max_entries = entries;
        self
    }

    /// How many selectors that nothing carries may keep a mark, about. Default 65,536. Beyond it the oldest marks are
    /// forgotten, which can only invalidate too much.
    pub fn max_marks(mut self, selectors: usize) -> Self {
        self.config.max_marks = selectors;
        self
    }

    /// How many renders that no client waits for may run at once. Default twice the processors.
    pub fn background_renders(mut self, at_once: usize) -> Self {
        self.config.renders.at_once = at_once;
        self
    }

    /// How many of those one page may take. Default 8.
    pub fn background_renders_per_page(mut self, at_once: usize) -> Self {
        self.config.renders.per_group = at_once;
        self
    }

    /// Whether answers say in `Cache-Status` (RFC 9211) what happened. Default `true`.
    pub fn cache_status(mut self, on: bool) -> Self {
        self.config.cache_status = on;
        self
    }

    /// Caches GET routes that are no pages, too, as the headers of their answers say: HTTP caching as a shared cache does it
    /// (RFC 9111, RFC 5861), without any lifetime or stale window of its own. Off by default. Half of the memory is theirs.
    ///
    /// In this order: what is fresh is served; what is stale is served within `stale-while-revalidate` and fetched anew
    /// without anybody waiting; otherwise the first who asks fetches, with the client's own request, and those who ask
    /// meanwhile take the answer if it was stored and its `Vary` matches. Within `stale-if-error` what is stale stands in for
    /// 500, 502, 503, 504 and for no answer at all. POST, PUT, DELETE and whatever else is not safe forget their URL.
    ///
    /// Whatever the request holds goes to the handler, and `Vary` alone tells answers apart: that no client's request can
    /// change what others get is promised for pages and not here. Answers that set a cookie are not kept, and none is encoded:
    /// it goes out in the encoding it came in.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().pages([]).from_response_headers().build()?;
    /// # drop(isr);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_response_headers(mut self) -> Self {
        self.config.from_response_headers = true;
        self
    }

    /// Names the fields in which an answer speaks to this cache before it does in `Cache-Control` and `Expires`, where the
    /// answers' own headers decide ([`from_response_headers`](Self::from_response_headers)). Default: none.
    ///
    /// The first of them that is there, not empty and a dictionary of structured fields counts alone (RFC 9213, 2.2). Each
    /// goes on to the client unchanged. `CDN-Cache-Control` is meant for caches that the origin's owner runs as a CDN: name
    /// it where this layer is one, as in a reverse proxy, and not where a CDN stands in front of it and the field is for that.
    ///
    /// ```
    /// use http::HeaderName;
    /// use isr_layer::IsrLayer;
    ///
    /// let cdn = HeaderName::from_static("cdn-cache-control");
    /// let isr = IsrLayer::builder().pages([]).from_response_headers().targeted_cache_control([cdn]).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn targeted_cache_control(mut self, fields: impl IntoIterator<Item = HeaderName>) -> Self {
        self.config.targets.extend(fields);
        self
    }

    /// What caches between this layer and the client may keep. Default: nothing without asking.
    ///
    /// ```
    /// use isr_layer::{Downstream, IsrLayer};
    ///
    /// let isr = IsrLayer::builder().pages([]).downstream(Downstream::cdn().surrogate_keys("Surrogate-Key")).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn downstream(mut self, downstream: Downstream) -> Self {
        self.config.downstream = downstream;
        self
    }

    /// How many keys that were not asked for before one page may get in a second, where its path has parameters or it
    /// declares query parameters or headers. Default 100.
    ///
    /// What comes beyond that is rendered for the client that asks, and not stored. A key that is stored or being rendered
    /// is not new, and what a revalidation renders is not counted.
    pub fn new_keys_per_second(mut self, keys: u32) -> Self {
        self.config.new_keys_per_second = keys;
        self
    }

    /// Lets handlers see a request header that is not in the key, such as a trace id.
    ///
    /// A risk: a handler whose answer depends on it gives one client's answer to everybody. Headers that say who asks are
    /// refused by [`build`](Self::build).
    pub fn keep_header(mut self, name: HeaderName) -> Self {
        self.config.keep_headers.push(name);
        self
    }

    /// Keeps a request extension from renders where the layer sits behind a router, whose extensions travel otherwise.
    /// In front of the application none travels anyway.
    pub fn drop_extension<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.config
            .drop_extensions
            .push(|extensions: &mut Extensions| {
                extensions.remove::<T>();
            });
        self
    }

    /// Makes the layer.
    ///
    /// # Errors
    ///
    /// When two pages want one path, a policy contradicts itself, `params` are given for a page that is not registered, or a
    /// setting is not accepted; the message names both sides.
    pub fn build(mut self) -> Result<IsrLayer, Error> {
        let refuse = |what: String| Err(Error::new(ErrorKind::Configuration, what));
        if let Some(name) = self
            .config
            .keep_headers
            .iter()
            .find(|name| says_who_asks(name))
        {
            return refuse(format!(
                "`keep_header` cannot keep `{name}`: it says who asks, and a page is for everybody"
            ));
        }
        let limits = self.config.renders;
        if limits.at_once == 0 || limits.per_group == 0 {
            return refuse(
                "background renders are limited to none: at least one must be allowed".to_owned(),
            );
        }
        if self.config.memory_bytes == 0 || self.config.max_entries == 0 {
            return refuse(
                "memory is limited to nothing: room for at least one page is needed".to_owned(),
            );
        }
        if !self.config.targets.is_empty() && !self.config.from_response_headers {
            return refuse(
                "`targeted_cache_control` is about answers whose headers decide: call `from_response_headers`, too"
                    .to_owned(),
            );
        }
        self.config.downstream.check()?;
        self.config.draft = self
            .draft
            .map(|secret| Draft::new(secret, self.draft_cookie))
            .transpose()?;
        let declared = || {
            inventory::iter::<Registered>
                .into_iter()
                .map(|Registered(page)| *page)
                .collect()
        };
        let hosts = self
            .hosts
            .map_or_else(|| Ok(Hosts::default()), Hosts::new)?;
        let registry = Registry::new(self.pages.unwrap_or_else(declared), hosts)?;
        let lists = ParamLists::new(&registry, self.params)?;
        Ok(IsrLayer {
            core: Core::new(self.config, registry, lists),
        })
    }
}

impl fmt::Debug for IsrLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsrLayerBuilder")
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}
