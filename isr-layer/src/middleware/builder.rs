//! The builder: sets every option of a layer, and checks all of them in [`IsrLayerBuilder::build`].

mod cache_status;
mod checks;
mod data;
#[cfg(feature = "hmac")]
mod draft;
mod except;
mod extensions;
mod header_mode;
mod hosts;
mod limits;
mod not_found;
mod store;
mod vary_by;

use std::fmt;
use std::sync::Arc;

use http::header::HeaderName;

use self::not_found::checked_not_found;
use super::layer::IsrLayer;
use crate::__private::Registered;
use crate::cache::{Config, Core, Limits, ParamLists};
use crate::deliver::Downstream;
use crate::draft::{DEFAULT_NAME, Draft};
use crate::error::Error;
use crate::hosts::{HostFunction, Hosts};
use crate::page::{
    HeaderFunction, ListParams, Page, ParamList, Registry, VaryBy, given_list, normalize_page,
};
use crate::render::ExtensionRules;
use crate::revalidate::auth::Secret;
use crate::store::ErasedStore;

/// Sets up an [`IsrLayer`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct IsrLayerBuilder {
    pages: Vec<Page>,
    /// True if the pages of the program's `#[static_page]` attributes are part of the layer.
    with_registered: bool,
    params: Vec<(String, ListParams)>,
    except: Vec<String>,
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) host_functions: Vec<HostFunction>,
    pub(crate) vary_by: Vec<(String, HeaderFunction)>,
    pub(crate) draft: Option<Secret>,
    pub(crate) draft_cookie: Option<String>,
    shows_cache_status: bool,
    cache_name: &'static str,
    store: Option<Arc<dyn ErasedStore>>,
    build_id: Option<String>,
    config: Config,
}

impl IsrLayer {
    /// Returns a builder with the defaults: every `#[static_page]` of the program, 256 MiB of
    /// memory.
    pub fn builder() -> IsrLayerBuilder {
        IsrLayerBuilder::new()
    }
}

impl IsrLayerBuilder {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);

        IsrLayerBuilder {
            pages: Vec::new(),
            with_registered: true,
            params: Vec::new(),
            except: Vec::new(),
            hosts: None,
            host_functions: Vec::new(),
            vary_by: Vec::new(),
            draft: None,
            draft_cookie: None,
            shows_cache_status: true,
            cache_name: "isr",
            store: None,
            build_id: None,
            config: Config {
                cache_name: None,
                cache_by_headers: false,
                targets: Vec::new(),
                keep_headers: Vec::new(),
                extensions: ExtensionRules::default(),
                not_found: None,
                max_memory_bytes: 256 * 1024 * 1024,
                max_entries: 1_000_000,
                max_data_bytes: None,
                max_data_entries: 10_000,
                has_data: false,
                max_marks: 65_536,
                renders: Limits {
                    // Renders wait for databases more than they compute.
                    at_once: 2 * cores,
                    per_group: 8,
                    queued: 1024,
                },
                downstream: Downstream::default(),
                new_keys_per_second: 100,
                draft: None,
                forgets: None,
            },
        }
    }

    /// Adds pages that are built by hand to those that the program's `#[static_page]` attributes
    /// register.
    ///
    /// ```
    /// use isr_layer::{IsrLayer, Page};
    ///
    /// let by_hand = [Page::new("/feed.xml"), Page::new("/sitemap.xml")];
    /// let isr = IsrLayer::builder().pages(by_hand).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn pages(mut self, pages: impl IntoIterator<Item = Page>) -> Self {
        self.pages.extend(pages);
        self
    }

    /// Leaves out the pages that `#[static_page]` attributes register: the layer has only the pages
    /// given to [`pages`](Self::pages).
    ///
    /// For tests, since the attributes of a whole program register in each of its layers.
    ///
    /// ```standalone_crate
    /// use isr_layer::{IsrLayer, Page, static_page};
    ///
    /// #[static_page("/posts/{slug}")]
    /// async fn post() -> &'static str {
    ///     "a post"
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().without_registered().pages([Page::new("/about")]).build()?;
    ///
    /// assert!(isr.cache().explain("/about").await.is_some());
    /// assert!(isr.cache().explain("/posts/a").await.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_registered(mut self) -> Self {
        self.with_registered = false;
        self
    }

    /// Lists the instances of the page with this path, in place of the page's own `params`: for
    /// functions that need state.
    ///
    /// The future returns a [`ParamList`], as a function of the attribute's `params` does. `list`
    /// is a closure that returns a future, so write `move || all_slugs(db.clone())`. An async
    /// closure (`async move || …`) does not compile here if it captures state.
    ///
    /// The list is read when it is first needed: for a request to a page with
    /// `fallback = "not_found"`, or for [`Cache::prerender`](crate::Cache::prerender). It is read
    /// again after a purge of the page, be it by a tag that all instances of the page carry, and
    /// after a purge of a path that is missing from the list. If reading fails the last list stays;
    /// without one, every path is rendered.
    ///
    /// ```standalone_crate
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
    /// let isr = IsrLayer::builder().params(post::PATH, move || all_slugs(db.clone())).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn params<F, M>(
        mut self,
        path: impl Into<String>,
        list: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: ParamList<M>> + Send + 'static,
    {
        // `[slug]` and `:slug` mean `{slug}`, as in a purge.
        let pattern = normalize_page(&path.into());
        let list = given_list(&pattern, list);
        self.params.push((pattern, list));
        self
    }

    /// Sets what caches between this layer and the client may keep. By default they must ask here
    /// each time.
    ///
    /// ```
    /// use isr_layer::{Downstream, IsrLayer};
    ///
    /// let downstream = Downstream::cdn().surrogate_keys("Surrogate-Key");
    /// let isr = IsrLayer::builder().downstream(downstream).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn downstream(mut self, downstream: Downstream) -> Self {
        self.config.downstream = downstream;
        self
    }

    /// Lets handlers see a request header that is not part of the key, such as a trace id.
    ///
    /// This is a risk: if a response depends on the header, all clients get the response of one.
    /// Headers that identify the client are refused by [`build`](Self::build).
    pub fn keep_header(mut self, name: HeaderName) -> Self {
        self.config.keep_headers.push(name);
        self
    }

    /// Builds the layer.
    ///
    /// # Errors
    ///
    /// If two pages want one path, a policy contradicts itself, `params` are given for a page that
    /// is not registered, a setting is refused, or a store cannot be used. The message names both
    /// sides, or the setting.
    pub fn build(mut self) -> Result<IsrLayer, Error> {
        #[cfg(feature = "__suites")]
        for change in inventory::iter::<crate::__private::EveryLayer> {
            self = (change.0)(self);
        }
        self.check_settings()?;
        self.config.has_data = data::checked()?;
        self.config.cache_name = self.shows_cache_status.then_some(self.cache_name);
        let cookie = self.draft_cookie.unwrap_or_else(|| DEFAULT_NAME.to_owned());
        self.config.draft = self
            .draft
            .map(|secret| Draft::new(secret, cookie))
            .transpose()?;

        let hosts = match (self.hosts, self.host_functions) {
            (None, functions) if functions.is_empty() => Hosts::default(),
            (listed, functions) => Hosts::new(listed.unwrap_or_default(), functions)?,
        };
        let registered = inventory::iter::<Registered>
            .into_iter()
            .filter(|_| self.with_registered)
            .map(|Registered(page)| *page);
        // By hand first, so that their numbers do not depend on the order of registration.
        let pages = self.pages.into_iter().chain(registered);
        let mut registry = Registry::with(pages, hosts, VaryBy::new(self.vary_by)?)?;
        registry.except(&self.except)?;
        self.config.not_found = checked_not_found(self.config.not_found, &registry)?;
        let lists = ParamLists::new(&registry, self.params)?;
        // Last: a store that was joined has to be used.
        let store = store::joined(self.store, self.build_id)?;

        Ok(IsrLayer {
            core: Core::new(self.config, registry, lists, store),
        })
    }
}

impl fmt::Debug for IsrLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsrLayerBuilder")
            .field("pages", &self.pages)
            .field("with_registered", &self.with_registered)
            .finish_non_exhaustive()
    }
}
