//! What all parts of one layer share, and the look-up: what is to be done for a request.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Extensions;
use http::header::HeaderName;

use super::flight::{Flights, Follower, Joined, Leader};
use super::memory::Memory;
use super::negative_cache::{Failure, Kind, NegativeCache};
use super::new_key_limiter::NewKeyLimiter;
use super::param_lists::ParamLists;
use super::permits::{Limits, Permits};
use super::render::Renderer;
use crate::clock::Instant;
use crate::deliver::Downstream;
use crate::draft::Draft;
use crate::entry::{Entry, Freshness};
use crate::header_mode::HeaderCache;
use crate::invalidation::{Marks, TagMark};
use crate::outcome::{Forward, Outcome, Reason};
use crate::page::{RegisteredPage, Registry};
use crate::render::Key;
use crate::render::Recipe;
use crate::spawn::Tasks;

/// What was set on the builder.
pub(crate) struct Config {
    pub(crate) cache_status: bool,
    pub(crate) from_response_headers: bool,
    pub(crate) targets: Vec<HeaderName>,
    pub(crate) keep_headers: Vec<HeaderName>,
    pub(crate) drop_extensions: Vec<fn(&mut Extensions)>,
    pub(crate) memory_bytes: u64,
    pub(crate) max_entries: u64,
    pub(crate) max_marks: usize,
    pub(crate) renders: Limits,
    pub(crate) downstream: Downstream,
    pub(crate) new_keys_per_second: u32,
    pub(crate) draft: Option<Draft>,
}

/// What all parts of one layer share. It never holds the application: the application may hold it.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) lists: ParamLists,
    pub(crate) marks: Marks,
    pub(crate) memory: Memory,
    /// There if the layer caches by response headers, too: it has half of the memory then.
    pub(crate) header_mode: Option<Arc<HeaderCache>>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) permits: Arc<Permits>,
    pub(crate) negative: NegativeCache,
    pub(crate) tasks: Tasks,
    new_keys: NewKeyLimiter,
    /// Renders any page: there once the layer is known to stand in front of the whole application.
    application: Mutex<Option<Arc<dyn Renderer>>>,
    pruning: tokio::sync::Mutex<()>,
}

/// What is to be done for a request.
pub(crate) enum Decision {
    /// Answer from this entry.
    Serve(Arc<Entry>, Outcome),
    /// Answer from this entry, and render it anew without anybody waiting.
    Refresh(Arc<Entry>, Leader),
    /// Answer a failure remembered from before.
    NegativeHit {
        failure: Arc<Failure>,
        retry: Duration,
    },
    /// Render for this request alone.
    Alone(Reason),
    /// Render, and answer for all who wait.
    Lead(Leader, Waiting),
    /// Wait for a render in progress.
    Follow(Follower, Waiting),
}

/// What a waiting request falls back on, and how its answer will be described.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) fallback: Option<Arc<Entry>>,
    pub(crate) forward: Forward,
}

impl Core {
    pub(crate) fn new(config: Config, registry: Registry, lists: ParamLists) -> Arc<Self> {
        let is_header_mode = config.from_response_headers;
        let bytes = if is_header_mode {
            config.memory_bytes.div_ceil(2)
        } else {
            config.memory_bytes
        };
        let header_mode =
            is_header_mode.then(|| HeaderCache::new(bytes, config.max_entries, &config.targets));
        Arc::new(Self {
            marks: Marks::new(config.max_marks),
            memory: Memory::new(bytes, config.max_entries),
            header_mode,
            flights: Flights::new(),
            permits: Permits::new(config.renders),
            negative: NegativeCache::new(),
            tasks: Tasks::new(),
            new_keys: NewKeyLimiter::new(registry.len(), config.new_keys_per_second),
            application: Mutex::default(),
            pruning: tokio::sync::Mutex::default(),
            config,
            registry,
            lists,
        })
    }

    /// What is to be done for a request that memory could not answer fresh at first sight. `arrival` is the last number
    /// published when it came.
    pub(crate) fn decide(&self, recipe: &Recipe, arrival: u64, now: Instant) -> Decision {
        let key = &recipe.key;
        let found = self
            .memory
            .get_key(key)
            .map(|entry| (entry.freshness(&self.marks, now), entry));
        if let Some((Freshness::Fresh, entry)) = found {
            return Decision::Serve(entry, Outcome::Hit);
        }
        let negative = self.negative.get(&self.marks, key, now);
        match (found, negative) {
            (
                Some((Freshness::Stale | Freshness::MustRender { fallback: true }, entry)),
                Some(_),
            ) => Decision::Serve(entry, Outcome::StaleHit(Reason::Backoff)),
            (_, Some(negative)) => match &negative.kind {
                Kind::Failing(failure) => {
                    let retry = negative.until.saturating_duration_since(now);
                    Decision::NegativeHit {
                        failure: failure.clone(),
                        retry,
                    }
                }
                Kind::Uncacheable(reason) => Decision::Alone(*reason),
            },
            (Some((Freshness::Stale, entry)), None) => self.refresh(recipe, entry, arrival, now),
            (Some((freshness, entry)), None) => {
                let fallback =
                    (freshness == Freshness::MustRender { fallback: true }).then_some(entry);
                self.wait(
                    recipe,
                    Waiting {
                        fallback,
                        forward: Forward::Stale,
                    },
                    arrival,
                    now,
                )
            }
            (None, None) if self.is_one_too_many(recipe, now) => {
                Decision::Alone(Reason::NewKeyLimit)
            }
            (None, None) => {
                let waiting = Waiting {
                    fallback: None,
                    forward: Forward::UriMiss,
                };
                self.wait(recipe, waiting, arrival, now)
            }
        }
    }

    /// The cells that are known to carry a page before it is rendered: the page itself and its declared tags.
    pub(crate) fn known_tags(&self, page: &RegisteredPage, key: &Key) -> Vec<Arc<TagMark>> {
        let mut tags = vec![page.mark.clone()];
        if !page.policy().tags.is_empty() {
            let params = self.registry.params(key.path());
            tags.extend(
                self.marks
                    .intern(page.declared_tags(&params).collect::<BTreeSet<_>>()),
            );
        }
        tags
    }

    /// The largest body of a page that is stored.
    pub(crate) fn max_body(&self, page: &RegisteredPage) -> usize {
        page.policy().max_body.min(self.memory.largest_body())
    }

    /// Who renders pages that no request came for; set by a layer that stands in front of the whole application.
    pub(crate) fn set_application(&self, renderer: &Arc<dyn Renderer>) {
        let mut application = self
            .application
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !application
            .as_ref()
            .is_some_and(|known| known.is_alive() && Arc::ptr_eq(known, renderer))
        {
            *application = Some(renderer.clone());
        }
    }

    /// Who can render this recipe without a client, as long as the application is there.
    pub(crate) fn renderer(&self, recipe: &Recipe) -> Option<Arc<dyn Renderer>> {
        let renderer = match &recipe.routed {
            Some(routed) => Some(routed.renderer.clone()),
            None => self
                .application
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        };
        renderer.filter(|renderer| renderer.is_alive())
    }

    /// Forgets old marks nobody carries, once there are too many, after raising all valid entries above them. One at a
    /// time: whoever comes meanwhile waits for it.
    pub(crate) async fn prune_marks(&self) {
        if !self.marks.wants_pruning() {
            return;
        }
        let _pruning = self.pruning.lock().await;
        if !self.marks.wants_pruning() {
            return;
        }
        let through = self.marks.published();
        for (at, entry) in self.memory.iter().enumerate() {
            entry.validity(&self.marks);
            if at % 1024 == 1023 {
                tokio::task::yield_now().await;
            }
        }
        if let Some(mode) = &self.header_mode {
            mode.look_at_marks(&self.marks).await;
        }
        self.marks.prune(through);
    }

    /// Whether a key that nothing is known of is more than its page may get now. What is being rendered already is no new
    /// key, nor is what `params` lists, nor what the page can have but one of.
    fn is_one_too_many(&self, recipe: &Recipe, now: Instant) -> bool {
        let page = &recipe.page;
        let is_listed = || !page.has_variants() && self.lists.include(recipe);
        let is_new =
            page.has_many_keys() && !self.flights.is_in_progress(&recipe.key) && !is_listed();
        is_new && !self.new_keys.admit(page.id, now)
    }

    fn refresh(&self, recipe: &Recipe, entry: Arc<Entry>, arrival: u64, now: Instant) -> Decision {
        match self.join(recipe, arrival, now) {
            Ok(Joined::Lead(lead)) => Decision::Refresh(entry, lead),
            Ok(Joined::Follow(_)) => Decision::Serve(entry, Outcome::StaleHit(Reason::Stale)),
            Err(fresh) => Decision::Serve(fresh, Outcome::Hit),
        }
    }

    fn wait(&self, recipe: &Recipe, waiting: Waiting, arrival: u64, now: Instant) -> Decision {
        match self.join(recipe, arrival, now) {
            Ok(Joined::Lead(lead)) => Decision::Lead(lead, waiting),
            Ok(Joined::Follow(follower)) => Decision::Follow(follower, waiting),
            Err(fresh) => Decision::Serve(fresh, Outcome::Hit),
        }
    }

    /// Joins the flight of a key.
    fn join(&self, recipe: &Recipe, arrival: u64, now: Instant) -> Result<Joined, Arc<Entry>> {
        let known = self.known_tags(&recipe.page, &recipe.key);
        let joined = self.flights.join(&self.marks, recipe, &known, arrival);
        self.second_look(recipe, joined, now)
    }

    /// The leader looks again after winning: the flight before it may just have landed. Then its own is abandoned, and
    /// whoever joined it meanwhile looks again too: what is found now may be too old for who came since.
    fn second_look(
        &self,
        recipe: &Recipe,
        joined: Joined,
        now: Instant,
    ) -> Result<Joined, Arc<Entry>> {
        if let Joined::Follow(_) = joined {
            return Ok(joined);
        }
        let again = self.memory.get_key(&recipe.key);
        let fresh = again.filter(|entry| entry.freshness(&self.marks, now) == Freshness::Fresh);
        fresh.map_or(Ok(joined), Err)
    }
}

#[cfg(test)]
mod tests;
