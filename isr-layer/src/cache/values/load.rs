//! Loads a value once, on a task of its own, and completes its flight.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::flight::{Load, LoadEnd, LoadFailure};
use super::value::{NewValue, Upstream, Value};
use crate::cache::core::Core;
use crate::cache::flight::{Leader, Work as _};
use crate::cache::negative_cache::RenderSnapshot;
use crate::cache::permits::{Group, Purpose, Turn};
use crate::catch_panic::catch_panic;
use crate::clock::{self, Instant};
use crate::entry::Lifetime;
use crate::invalidation::{EntryTags, Sequence, TagMark, Validity};
use crate::observe;
use crate::outcome::Reason;
use crate::render::context::{Current, HandlerHints};
use crate::render::reads::Ends;
use crate::rules::{Rule, holds};
use crate::value::Data;

/// A value that the user's function returned.
pub(crate) struct Loaded {
    pub(crate) value: Arc<dyn Any + Send + Sync>,
    /// The bytes that the value takes.
    pub(crate) weight: usize,
    /// True for `None` of an option.
    pub(crate) is_none: bool,
    /// The response of an upstream that it was made of.
    pub(crate) upstream: Option<Upstream>,
    /// The value before, which the upstream has confirmed: its own values still count.
    pub(crate) confirmed: Option<Arc<Value>>,
}

/// An error that everybody who waited gets a copy of.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

/// The end of the user's function. An error is here only if it can be shared.
pub(crate) type LoadedResult = Result<Loaded, Option<SharedError>>;

/// The user's function at work.
pub(crate) type Work = Pin<Box<dyn Future<Output = LoadedResult> + Send>>;

/// The one for whom a load is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StartedFor {
    /// A reader waits.
    Reader,
    /// No reader waits: the load takes its turn.
    Refresh,
}

/// Everything about a load that has ended.
struct Attempt {
    data: Data,
    as_of: Sequence,
    began: Instant,
    hints: HandlerHints,
}

impl Core {
    /// Starts the load of a flight on a task of its own: the one who asked may leave.
    pub(super) fn start_load(
        self: &Arc<Self>,
        leader: Leader<Load>,
        data: Data,
        work: Work,
        started_for: StartedFor,
    ) {
        let task = load(self.clone(), leader, data, work, started_for);
        match started_for {
            StartedFor::Reader => self.tasks.spawn_here(observe::in_callers_span(task)),
            StartedFor::Refresh => self.tasks.spawn(task),
        }
    }
}

async fn load(
    core: Arc<Core>,
    leader: Leader<Load>,
    data: Data,
    work: Work,
    started_for: StartedFor,
) {
    let _permit = match started_for {
        StartedFor::Reader => None,
        // Dropped, the leader abandons its flight.
        StartedFor::Refresh if core.tasks.is_closing() => return,
        StartedFor::Refresh => {
            let group = Group::Data(data.name());
            let turn = core
                .permits
                .turn(group, Purpose::Refresh, leader.gained_waiter());
            match turn.await {
                Some(Turn::Granted(permit)) => Some(permit),
                Some(Turn::NotNeeded) => None,
                None => return,
            }
        }
    };

    let limit = data.timeout;
    let as_of = leader
        .begin_in_turn(&core.marks, limit.saturating_mul(3))
        .await;
    let began = clock::now();
    let scope = Current::of_load(core.home(), data.name());
    let asked = leader.work();
    let needs = asked.needs.max(core.marks.newest_on(asked.subject()));
    let scope = scope.within_limits(began.checked_add(limit), needs);
    let work = tokio::time::timeout(limit, catch_panic(scope.enter(work)));
    let end = leader.render(work).await;

    let attempt = Attempt {
        data,
        as_of,
        began,
        hints: scope.take_hints(),
    };
    match end {
        Ok(Some(Ok(loaded))) => attempt.loaded(&core, leader, loaded),
        Ok(Some(Err(error))) => attempt.failed(&core, leader, LoadFailure::of(error)),
        Ok(None) => attempt.failed(&core, leader, LoadFailure::without_error(Reason::Panic)),
        Err(_) => attempt.failed(&core, leader, LoadFailure::without_error(Reason::Timeout)),
    }
    core.prune_marks().await;
}

impl Loaded {
    /// True if it was made of a response that says that the upstream is in trouble.
    fn is_failure(&self) -> bool {
        let upstream = self.upstream.as_ref();
        upstream.is_some_and(|upstream| upstream.is_failure)
    }
}

impl Attempt {
    fn loaded(mut self, core: &Core, leader: Leader<Load>, loaded: Loaded) {
        if let Some(before) = &loaded.confirmed {
            self.inherit(core, before);
        }
        let late = self.late_marks(core, leader.work());
        let is_failure = loaded.is_failure();
        let value = Arc::new(self.value(leader.work(), loaded, &late));
        if is_failure {
            let failure = LoadFailure::with_value(value);
            return self.failed(core, leader, failure);
        }

        let (values, as_of) = (&core.values, self.as_of);
        let snapshot = self.snapshot(core, leader.work(), &late);
        let (rests_until, now) = (self.hints.reads.rests_until, clock::now());
        let rests_until = rests_until.filter(|until| *until > now);
        let arguments = leader.work().arguments.clone();
        // Dropped last: it is the user's, and may take long.
        let _before = values.memory.get_key(value.key());

        leader.complete(self.took(), |is_outrun| {
            let (key, newest) = (value.key(), core.marks.newest(&late));
            if value.not_kept().is_some() {
                if !is_outrun {
                    values.memory.remove(key);
                    values.negative.clear(key, as_of);
                }
                return (LoadEnd::ForOne(value), newest);
            }
            if !is_outrun {
                if !values.memory.put(&value) {
                    observe::value_too_large(key.name());
                }
                values.negative.clear(key, as_of);
                if let Some(until) = rests_until {
                    let failure = LoadFailure::without_error(Reason::DataFailed);
                    let failure = failure.remembered_for(&arguments);
                    values.negative.rest(key, &failure, snapshot, now, until);
                }
            }
            (LoadEnd::Loaded(value), newest)
        });
    }

    /// Takes over the values of the value before. Its marks were on it, so a purge of them since
    /// this load began reaches this value, too.
    fn inherit(&mut self, core: &Core, before: &Value) {
        let (ends, hinted, oldest) = before.inheritance();
        let mut inherited = before.inherited(before.validity(&core.marks));
        inherited.ends = ends;
        inherited.oldest = (oldest < before.as_of()).then_some(oldest);
        inherited.validity = Validity::Valid;
        self.hints.reads.inherit(inherited);
        let own = Lifetime {
            revalidate: self.hints.revalidate,
            expire: self.hints.expire,
        };
        let lowest = own.lowest(hinted);
        self.hints.revalidate = lowest.revalidate;
        self.hints.expire = lowest.expire;
    }

    /// Keeps the value there was, and leaves the key alone for a while.
    fn failed(self, core: &Core, leader: Leader<Load>, failure: LoadFailure) {
        let late = self.late_marks(core, leader.work());
        let (values, key) = (&core.values, leader.work().key.clone());
        let snapshot = self.snapshot(core, leader.work(), &late);
        let now = clock::now();
        let has_value = values.memory.get_key(&key).is_some();
        observe::load_failed(key.name(), failure.reason, has_value);

        let remembered = failure.clone().remembered_for(&leader.work().arguments);
        leader.complete(self.took(), |is_outrun| {
            if !is_outrun {
                let negative = &values.negative;
                negative.failed(&core.marks, &key, &remembered, snapshot, now);
            }
            // No purge makes a failure wrong.
            (LoadEnd::Failed(failure), Sequence::NO_MARK)
        });
    }

    fn value(&self, load: &Load, loaded: Loaded, late: &[Arc<TagMark>]) -> Value {
        let reads = &self.hints.reads;
        let ends = self.ends(&loaded);
        let not_found = self.not_found_revalidate(&loaded);
        let gone_at = not_found.and_then(|after| self.began.checked_add(after));
        let not_kept = self.hints.no_store.then_some(Reason::NoStore);
        let upstream = loaded.upstream.map(|upstream| self.counting(upstream));
        let not_kept = not_kept.or(upstream.as_ref().and_then(|upstream| upstream.not_kept));

        Value::new(NewValue {
            key: load.key.clone(),
            made_at: self.data.made_at(),
            value: loaded.value,
            arguments: load.arguments.clone(),
            as_of: self.as_of,
            born_as: reads.born_as,
            marks: EntryTags::new([&load.marks, late].concat()),
            ends,
            read_ends: reads.ends,
            hinted: Lifetime {
                revalidate: self.hints.revalidate,
                expire: self.hints.expire,
            },
            oldest: reads
                .oldest
                .map_or(self.as_of, |oldest| oldest.min(self.as_of)),
            upstream: upstream.map(Arc::new),
            gone_at: [gone_at, ends.gone_at].into_iter().flatten().min(),
            is_old: reads.is_old,
            rests_until: reads.rests_until,
            not_kept: not_kept.or(reads.not_kept),
            weight: loaded.weight,
        })
    }

    /// Returns the part of an upstream's response that counts. Nothing keeps a failure.
    fn counting(&self, upstream: Upstream) -> Upstream {
        let failed = upstream.is_failure.then_some(Reason::FailedStatus);
        Upstream {
            waits_at: upstream.waits_at.filter(|_| self.data.is_from_upstream),
            not_kept: failed.or(upstream.not_kept),
            ..upstream
        }
    }

    /// Returns the ends of a value: its own, or those of the values that it was made of.
    fn ends(&self, loaded: &Loaded) -> Ends {
        let declared = Lifetime {
            revalidate: self.data.revalidate,
            expire: self.data.expire,
        };
        let hinted = Lifetime {
            revalidate: self.hints.revalidate,
            expire: self.hints.expire,
        };
        let mut lifetime = declared.lowest(hinted);
        if self.data.jitter {
            lifetime = lifetime.shortened_by(0.1 * fastrand::f64());
        }

        let not_found = self.not_found_revalidate(loaded);
        let end = |after: Option<Duration>| after.and_then(|after| self.began.checked_add(after));
        let told = loaded
            .upstream
            .as_ref()
            .and_then(|upstream| upstream.stale_at);
        let told = told.filter(|_| self.data.is_from_upstream);
        let stale_at = match told {
            // Hints and `None` may still end it earlier.
            Some(told) => {
                let others = [
                    end(self.hints.revalidate),
                    end(lifetime.expire),
                    end(not_found),
                ];
                others.into_iter().flatten().chain([told]).min()
            }
            None => end(lifetime.fresh_for().into_iter().chain(not_found).min()),
        };
        let own = Ends {
            stale_at,
            gone_at: end(lifetime.expire),
        };
        own.earliest(self.hints.reads.ends)
    }

    fn not_found_revalidate(&self, loaded: &Loaded) -> Option<Duration> {
        let is_none = loaded.is_none && holds(Rule::ShortNone);
        is_none.then_some(self.data.not_found_revalidate)
    }

    /// Returns the marks that were learnt during the load.
    fn late_marks(&self, core: &Core, load: &Load) -> Vec<Arc<TagMark>> {
        let mut late = core.marks.intern(self.hints.tags.iter().cloned());
        late.extend(self.hints.reads.marks().iter().cloned());
        late.retain(|tag| !load.marks.iter().any(|known| Arc::ptr_eq(tag, known)));
        late
    }

    fn snapshot(&self, core: &Core, load: &Load, late: &[Arc<TagMark>]) -> RenderSnapshot {
        let stored = core.values.memory.get_key(&load.key);
        let stored = stored
            .as_deref()
            .map_or(&[][..], |value| value.marks().as_slice());
        RenderSnapshot {
            as_of: self.as_of,
            tags: [&load.marks, late, stored].concat().into(),
        }
    }

    fn took(&self) -> Duration {
        clock::now().saturating_duration_since(self.began)
    }
}
