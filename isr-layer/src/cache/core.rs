//! The state that all parts of one layer share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::HeaderName;
use tokio::sync::watch;

use super::memory::Memory;
use super::new_key_limiter::NewKeyLimiter;
use super::pages::Pages;
use super::param_lists::ParamLists;
use super::permits::{Limits, Permits};
use super::renderer::Renderer;
use super::revalidate::Queue;
use super::steps::Steps;
use super::values::Values;
use crate::deliver::Downstream;
use crate::draft::Draft;
use crate::header_mode::HeaderCache;
use crate::invalidation::{Marks, TagMark};
use crate::page::{RegisteredPage, Registry};
use crate::render::context::Home;
use crate::render::{ExtensionRules, Key};
use crate::spawn::{Tasks, is_in_runtime};
use crate::store::{ErasedStore, Settings, Shelf, StoredPage};

/// The longest time for which a purge or a render waits for a sweep of the marks.
const MAX_SWEEP_WAIT: Duration = Duration::from_secs(2);

/// The settings of the builder.
pub(crate) struct Config {
    /// The name in `Cache-Status`; `None` if the field is turned off.
    pub(crate) cache_name: Option<&'static str>,
    pub(crate) cache_by_headers: bool,
    pub(crate) targets: Vec<HeaderName>,
    pub(crate) keep_headers: Vec<HeaderName>,
    pub(crate) extensions: ExtensionRules,
    /// The canonical path of the page for paths that are not found.
    pub(crate) not_found: Option<String>,
    pub(crate) max_memory_bytes: u64,
    pub(crate) max_entries: u64,
    /// The bytes of all values; an eighth of those of the pages if it is absent.
    pub(crate) max_data_bytes: Option<u64>,
    pub(crate) max_data_entries: u64,
    /// True if the program has functions whose values are cached.
    pub(crate) has_data: bool,
    pub(crate) max_marks: usize,
    pub(crate) renders: Limits,
    pub(crate) downstream: Downstream,
    pub(crate) new_keys_per_second: u32,
    pub(crate) draft: Option<Draft>,
    /// Says of each entry that is stored if memory drops it at once. Only test runs set it.
    pub(crate) forgets: Option<fn() -> bool>,
}

/// The state that all parts of one layer share. It never holds the application, since the
/// application may hold it.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) pages: Pages,
    /// Present if the layer caches by response headers too: it has half of the memory then.
    pub(crate) header_mode: Option<Arc<HeaderCache>>,
    /// The values that pages and plain routes share.
    pub(crate) values: Values,
    pub(crate) marks: Marks,
    /// The store behind memory, if there is one.
    pub(crate) shelf: Option<Shelf>,
    pub(crate) permits: Arc<Permits>,
    pub(crate) tasks: Tasks,
    /// The pages that purges of many pages let wait for their renders.
    pub(super) queue: Arc<Queue>,
    /// Renders any page. Set once the layer is known to stand in front of the whole application.
    application: Mutex<Option<Arc<dyn Renderer>>>,
    /// True while a sweep of the marks runs.
    sweeping: Arc<watch::Sender<bool>>,
}

/// The sweep of the marks, until it is dropped.
struct Sweeping(Arc<watch::Sender<bool>>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

impl Core {
    /// Creates the core, with a store that was joined and whose last number is the one beside it.
    pub(crate) fn new(
        config: Config,
        registry: Registry,
        lists: ParamLists,
        store: Option<(Arc<dyn ErasedStore>, u64)>,
    ) -> Arc<Self> {
        let (entries, targets) = (config.max_entries, &config.targets);
        let bytes = match config.cache_by_headers {
            true => config.max_memory_bytes.div_ceil(2),
            false => config.max_memory_bytes,
        };
        let header_mode = config
            .cache_by_headers
            .then(|| HeaderCache::new(bytes, entries, targets));
        let data_bytes = config.max_data_bytes;
        let data_bytes = data_bytes.unwrap_or(config.max_memory_bytes / 8);
        let values = Values::new(data_bytes, config.max_data_entries);
        let new_keys = NewKeyLimiter::new(registry.len(), config.new_keys_per_second);
        let tasks = Tasks::new();
        let shelf = store.map(|(store, base)| {
            let pages = stored_pages(&config, &registry);
            Shelf::new(store, base, pages, config.draft.is_some(), tasks.clone())
        });

        Arc::new(Self {
            pages: Pages::new(
                Memory::new(bytes, entries).forgetting(config.forgets),
                lists,
                new_keys,
            ),
            header_mode,
            values,
            marks: Marks::new(config.max_marks),
            permits: Permits::new(config.renders),
            shelf,
            tasks,
            queue: Queue::new(config.renders, config.max_entries),
            application: Mutex::default(),
            sweeping: Arc::new(watch::Sender::new(false)),
            config,
            registry,
        })
    }

    /// Returns the core as the home of a scope.
    pub(crate) fn home(self: &Arc<Self>) -> Home {
        self.clone()
    }

    /// Returns the marks that are known to be on a page before it is rendered: its own and those of
    /// its declared tags.
    pub(crate) fn known_tags(&self, page: &RegisteredPage, key: &Key) -> Vec<Arc<TagMark>> {
        let mut tags = vec![page.mark.clone()];
        if let Some(host) = key.host(page) {
            let of_host = ["", key.path()].map(|path| host_tag(&host, path));
            tags.extend(self.marks.intern(of_host));
        }
        if !page.policy().tags.is_empty() {
            let params = self.registry.params(key.path());
            // Each tag once, however often the policy names it.
            let declared = page.declared_tags(&params).collect::<BTreeSet<_>>();
            tags.extend(self.marks.intern(declared));
        }
        tags
    }

    /// Returns the size of the largest body of a page that is stored.
    pub(crate) fn max_body(&self, page: &RegisteredPage) -> usize {
        page.policy().max_body.min(self.pages.memory.largest_body())
    }

    /// Sets the application, which renders pages that no request came for.
    pub(crate) fn set_application(&self, renderer: &Arc<dyn Renderer>) {
        let mut application = self.lock_application();
        let is_set = application
            .as_ref()
            .is_some_and(|current| current.is_alive() && Arc::ptr_eq(current, renderer));
        if !is_set {
            *application = Some(renderer.clone());
        }
    }

    /// Returns the application, if there is one and it is still there.
    pub(crate) fn application(&self) -> Option<Arc<dyn Renderer>> {
        let application = self.lock_application().clone();
        application.filter(|application| application.is_alive())
    }

    /// Starts a sweep of the marks on a task of its own, once there are too many. Waits for its end
    /// only if the table is overfull.
    pub(crate) async fn prune_marks(self: &Arc<Self>) {
        if !self.marks.wants_pruning() {
            return;
        }

        // One sweep at a time.
        if !self.sweeping.send_replace(true) {
            let (core, running) = (self.clone(), Sweeping(self.sweeping.clone()));
            let sweep = async move {
                core.sweep_marks().await;
                drop(running);
            };
            if !is_in_runtime() {
                return sweep.await;
            }
            self.tasks.spawn(sweep);
        }

        if self.marks.is_overfull() && is_in_runtime() {
            let mut sweeping = self.sweeping.subscribe();
            let end = sweeping.wait_for(|sweeping| !sweeping);
            // The runtime of the sweep may have been stopped: no purge waits for that.
            let _ = tokio::time::timeout(MAX_SWEEP_WAIT, end).await;
        }
    }

    /// Forgets old marks that no entry carries, after raising all valid entries above them.
    async fn sweep_marks(&self) {
        let mut sweep = self.marks.sweep();
        while sweep.look() {
            tokio::task::yield_now().await;
        }

        if sweep.has_surplus() {
            let mut steps = Steps::default();
            for entry in self.pages.memory.iter() {
                entry.validity(&self.marks);
                steps.next().await;
            }
            if let Some(cache) = &self.header_mode {
                cache.raise_above_marks(&self.marks).await;
            }
            self.values.raise_above_marks(&self.marks).await;
            while sweep.forget() {
                tokio::task::yield_now().await;
            }
        }
        sweep.end();
    }

    fn lock_application(&self) -> std::sync::MutexGuard<'_, Option<Arc<dyn Renderer>>> {
        self.application
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the pages as a store knows them.
fn stored_pages(config: &Config, registry: &Registry) -> Box<[StoredPage]> {
    let settings = Settings {
        keep_headers: &config.keep_headers,
        downstream: format!("{:?}", config.downstream),
        has_drafts: config.draft.is_some(),
    };
    let pages = registry.pages();
    pages.map(|page| StoredPage::new(page, &settings)).collect()
}

/// Returns the name of the mark for a path at a host, or for everything there if the path is empty.
/// Every entry at a listed host carries both. No tag of a page has such a name: it has a control
/// character, and a host has no slash.
pub(super) fn host_tag(host: &str, path: &str) -> String {
    format!("\0host\0{host}{path}")
}
