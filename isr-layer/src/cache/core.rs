//! The state that all parts of one layer share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderName;
use http::{Extensions, StatusCode};

use super::memory::Memory;
use super::negative_cache::RenderSnapshot;
use super::new_key_limiter::NewKeyLimiter;
use super::pages::Pages;
use super::param_lists::ParamLists;
use super::permits::{Limits, Permits};
use super::renderer::Renderer;
use super::revalidate::Queue;
use crate::clock::Instant;
use crate::deliver::Downstream;
use crate::draft::Draft;
use crate::header_mode::HeaderCache;
use crate::invalidation::{Marks, TagMark};
use crate::outcome::Reason;
use crate::page::{RegisteredPage, Registry};
use crate::render::Key;
use crate::spawn::Tasks;

/// The settings of the builder.
pub(crate) struct Config {
    pub(crate) cache_status: bool,
    pub(crate) cache_by_headers: bool,
    pub(crate) targets: Vec<HeaderName>,
    pub(crate) keep_headers: Vec<HeaderName>,
    pub(crate) drop_extensions: Vec<fn(&mut Extensions)>,
    pub(crate) max_memory_bytes: u64,
    pub(crate) max_entries: u64,
    pub(crate) max_marks: usize,
    pub(crate) renders: Limits,
    pub(crate) downstream: Downstream,
    pub(crate) new_keys_per_second: u32,
    pub(crate) draft: Option<Draft>,
}

/// The state that all parts of one layer share. It never holds the application, since the
/// application may hold it.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) pages: Pages,
    /// Present if the layer caches by response headers too: it has half of the memory then.
    pub(crate) header_mode: Option<Arc<HeaderCache>>,
    pub(crate) marks: Marks,
    pub(crate) permits: Arc<Permits>,
    pub(crate) tasks: Tasks,
    /// The pages that purges of many pages let wait for their renders.
    pub(super) queue: Queue,
    /// Renders any page. Set once the layer is known to stand in front of the whole application.
    application: Mutex<Option<Arc<dyn Renderer>>>,
    pruning: tokio::sync::Mutex<()>,
}

impl Core {
    pub(crate) fn new(config: Config, registry: Registry, lists: ParamLists) -> Arc<Self> {
        let (entries, targets) = (config.max_entries, &config.targets);
        let bytes = match config.cache_by_headers {
            true => config.max_memory_bytes.div_ceil(2),
            false => config.max_memory_bytes,
        };
        let header_mode = config
            .cache_by_headers
            .then(|| HeaderCache::new(bytes, entries, targets));
        let new_keys = NewKeyLimiter::new(registry.len(), config.new_keys_per_second);

        Arc::new(Self {
            pages: Pages::new(Memory::new(bytes, entries), lists, new_keys),
            header_mode,
            marks: Marks::new(config.max_marks),
            permits: Permits::new(config.renders),
            tasks: Tasks::new(),
            queue: Queue::new(config.renders, config.max_entries),
            application: Mutex::default(),
            pruning: tokio::sync::Mutex::default(),
            config,
            registry,
        })
    }

    /// Returns the marks that are known to be on a page before it is rendered: its own and those of
    /// its declared tags.
    pub(crate) fn known_tags(&self, page: &RegisteredPage, key: &Key) -> Vec<Arc<TagMark>> {
        let mut tags = vec![page.mark.clone()];
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

    /// Drops the entry of a key whose responses may not be stored, and remembers why. Called while
    /// no other flight completes.
    pub(super) fn refuse(
        &self,
        key: &Key,
        reason: Reason,
        status: StatusCode,
        snapshot: RenderSnapshot,
        now: Instant,
    ) {
        self.pages.memory.remove(key);
        // An error that was taken for another route's may have been the page's after all.
        if status.is_server_error() {
            let negative = &self.pages.negative;
            negative.probably_refused(&self.marks, key, reason, snapshot, now);
        } else {
            self.pages.negative.refused(key, reason, snapshot, now);
        }
    }

    /// Forgets old marks that no entry carries, once there are too many, after raising all valid
    /// entries above them. One call at a time: the others wait for it.
    pub(crate) async fn prune_marks(&self) {
        if !self.marks.wants_pruning() {
            return;
        }
        let _pruning = self.pruning.lock().await;
        if !self.marks.wants_pruning() {
            return;
        }

        let through = self.marks.published();
        for (at, entry) in self.pages.memory.iter().enumerate() {
            entry.validity(&self.marks);
            if at % 1024 == 1023 {
                tokio::task::yield_now().await;
            }
        }
        if let Some(cache) = &self.header_mode {
            cache.raise_above_marks(&self.marks).await;
        }
        self.marks.prune(through);
    }

    fn lock_application(&self) -> std::sync::MutexGuard<'_, Option<Arc<dyn Renderer>>> {
        self.application
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
