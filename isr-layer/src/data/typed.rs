//! Reads a value of the user's types through the engine, which knows values of any type.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::loader::Loader;
use super::upstream::Answer;
use crate::cache::values::{
    Asked, Handed, LoadFailure, Loaded, MARGIN, Reader, Reply, SharedError, Value, Work,
};
use crate::cache::{Core, nested};
use crate::clock;
use crate::invalidation::Sequence;
use crate::observe;
use crate::outcome::Reason;
use crate::render::context::Current;
use crate::rules::{Rule, holds};
use crate::spawn::is_in_runtime;
use crate::value::{ArgumentsWriter, Data, KeyRef, ValueKey, arguments_text, canonical};

/// The longest wait of a call. A longer time limit of a load is one for the load alone.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The ways from the arguments `A` of a call to its key, and to owned arguments: `K` are those of
/// the key, and `W` the others.
pub struct Steps<A, K, W> {
    /// Writes each argument of the key, in order.
    pub key: fn(&A, &mut ArgumentsWriter<'_>),
    /// True if the arguments equal those that were kept.
    pub is: fn(&A, &K) -> bool,
    /// Takes over the arguments.
    pub own: fn(A) -> (K, W),
    /// Returns the tags of the value.
    pub tags: fn(&K) -> Vec<String>,
}

/// Everything that has to be known of the types that a call returns.
pub struct Output<T, E> {
    /// True for `None`, which lives shorter.
    pub is_none: fn(&T) -> bool,
    /// Returns the bytes that a value takes.
    pub weight: fn(&T) -> usize,
    /// Copies an error for each reader that waited; absent if errors cannot be copied.
    pub share: Option<Share<E>>,
}

/// The ways from an error to one that is shared, and back to a copy.
pub struct Share<E> {
    to: fn(&E) -> SharedError,
    from: fn(&SharedError) -> Option<E>,
}

/// The arguments of one call, owned, with the function that loads.
struct Call<K, W, T, E, L> {
    data: Data,
    keyed: K,
    /// In a lock, so that it need not be `Sync`.
    unkeyed: Mutex<W>,
    tags: fn(&K) -> Vec<String>,
    output: Output<T, E>,
    load: L,
}

/// The error of the load that a call began.
type OwnError<E> = Arc<Mutex<Option<E>>>;

impl<E: Clone + Send + Sync + 'static> Share<E> {
    /// Shares an error by copies.
    pub fn by_clone() -> Self {
        Self {
            to: |error| Arc::new(error.clone()),
            from: |shared| shared.downcast_ref().cloned(),
        }
    }
}

/// Reads a value in the cache of this task's scope. Without one the function is called, and that is
/// logged once.
///
/// # Panics
///
/// If the load panicked or took longer than its limit, and there is no earlier value.
pub async fn read_here<A, K, W, T, E, F>(
    data: &Data,
    arguments: A,
    steps: Steps<A, K, W>,
    output: Output<T, E>,
    load: fn(W, K) -> F,
) -> Result<T, E>
where
    K: Clone + PartialEq + Send + Sync + 'static,
    W: Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let scope = Current::try_here();
    let home = scope.as_ref().and_then(Current::home).cloned();
    match home.and_then(|home| home.downcast::<Core>().ok()) {
        Some(core) => {
            let reader = Reader::within(scope, &core);
            read(&core, reader, data, arguments, steps, output, load).await
        }
        None => {
            if scope.is_none() {
                observe::no_cache(data.name());
            }
            let (keyed, unkeyed) = (steps.own)(arguments);
            load(unkeyed, keyed).await
        }
    }
}

/// Reads a value in the cache of `core`.
pub(crate) async fn read<A, K, W, T, E, L>(
    core: &Arc<Core>,
    reader: Reader,
    data: &Data,
    arguments: A,
    steps: Steps<A, K, W>,
    output: Output<T, E>,
    load: L,
) -> Result<T, E>
where
    K: Clone + PartialEq + Send + Sync + 'static,
    W: Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
    E: Send + 'static,
    L: Loader<K, W, T, E>,
{
    let types = L::types();
    let key = match reader.sees_drafts() {
        true => None,
        false => match look(core, &reader, data, types, &arguments, &steps) {
            Look::Fresh(value) => {
                reader.hand(core, &value, Handed::AsItIs);
                return Ok(typed(&value));
            }
            Look::NotFresh(key) => Some(key),
            Look::NoKey => None,
        },
    };

    let arrival = core.marks.published();
    let (keyed, unkeyed) = (steps.own)(arguments);
    let call = Call {
        data: *data,
        keyed,
        unkeyed: Mutex::new(unkeyed),
        tags: steps.tags,
        output,
        load,
    };
    Box::pin(call.read(core, reader, key, arrival)).await
}

/// The end of the first look into memory.
enum Look {
    Fresh(Arc<Value>),
    NotFresh(ValueKey),
    NoKey,
}

/// Looks into memory. It allocates only if there is nothing fresh.
fn look<A, K: 'static, W>(
    core: &Core,
    reader: &Reader,
    data: &Data,
    types: TypeId,
    arguments: &A,
    steps: &Steps<A, K, W>,
) -> Look {
    let name = data.name();
    let write = |writer: &mut ArgumentsWriter<'_>| (steps.key)(arguments, writer);

    arguments_text(write, |text| {
        let arguments_text = match text {
            Ok(text) => text,
            Err(error) => {
                observe::arguments_make_no_key(name, &error);
                return Look::NoKey;
            }
        };
        let key = KeyRef {
            name,
            types,
            arguments: arguments_text,
        };
        let is_same = |value: &Arc<Value>| {
            let kept = value.arguments().downcast_ref::<K>();
            let kept = kept.filter(|_| value.is_of(data) && value.knows(reader.needs()));
            kept.is_some_and(|kept| (steps.is)(arguments, kept) || !holds(Rule::Confirm))
        };
        match core.fresh_value(&key).filter(is_same) {
            Some(value) => Look::Fresh(value),
            None => Look::NotFresh(key.to_key()),
        }
    })
}

impl<K, W, T, E, L> Call<K, W, T, E, L>
where
    K: Clone + PartialEq + Send + Sync + 'static,
    W: Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
    E: Send + 'static,
    L: Loader<K, W, T, E>,
{
    async fn read(
        self,
        core: &Arc<Core>,
        reader: Reader,
        key: Option<ValueKey>,
        arrival: Sequence,
    ) -> Result<T, E> {
        let Some(key) = key.filter(|key| self.may_be_kept(core, key)) else {
            let read = self.direct(core, &reader, None).await;
            if read.is_err() {
                reader.inherit_failed(core, &self.data, None, &(self.tags)(&self.keyed));
            }
            return read;
        };

        let limit = self.data.timeout.min(LONGEST).saturating_add(MARGIN);
        let until = clock::now() + limit;
        let own_error = OwnError::default();
        let to_validate = (core.clone(), key.clone(), reader.needs());
        let load = || self.work(&own_error, to_validate.clone());
        let is_same = |kept: &(dyn Any + Send + Sync)| {
            let kept = kept.downcast_ref::<K>();
            kept.is_some_and(|kept| *kept == self.keyed || !holds(Rule::Confirm))
        };
        let asked = Asked {
            data: self.data,
            key,
            arguments: Arc::new(self.keyed.clone()),
            tags: (self.tags)(&self.keyed),
            is_same: &is_same,
            load: &load,
            takes_shared: self.output.share.is_some(),
            arrival,
            until,
            reader: &reader,
        };
        let read = match core.read_value(&asked).await {
            Reply::Value(value) => Ok(typed(&value)),
            Reply::Failed(failure) => Err(self.error(&failure, &own_error)),
            Reply::Direct(None) => self.direct(core, &reader, Some(&asked.key)).await,
            Reply::Direct(Some(turns)) => {
                // Who has waited for so long loads without a turn: there is no error to return.
                let _turn = tokio::time::timeout_at(until, turns.next()).await;
                // Another one may have loaded it meanwhile.
                if let Some(value) = core.loaded_meanwhile(&asked) {
                    reader.hand(core, &value, Handed::AsItIs);
                    return Ok(typed(&value));
                }
                self.direct(core, &reader, Some(&asked.key)).await
            }
            Reply::Circle => match nested(self.direct(core, &reader, Some(&asked.key))) {
                Some(load) => load.await,
                None => panic!("the value `{}` is made of itself", self.data.name()),
            },
        };
        if read.is_err() {
            reader.inherit_failed(core, &asked.data, Some(&asked.key), &asked.tags);
        }
        read
    }

    /// True if the value may be kept at all. Says why not otherwise.
    fn may_be_kept(&self, core: &Core, key: &ValueKey) -> bool {
        let name = self.data.name();
        if says_who_asks::<W>() {
            observe::unkeyed_says_who_asks(name);
            return false;
        }
        if canonical(key.arguments()).is_none() {
            // Nested too deeply: no purge could name them.
            observe::arguments_make_no_key(name, &"they are nested too deeply");
            return false;
        }

        // `NaN` is not: a value under it would never be found.
        let is_equal_to_itself = self.keyed == self.keyed.clone();
        if !is_equal_to_itself {
            observe::arguments_differ(name);
        }
        let claimed = core.values.claim(&self.data);
        if let Err(other) = claimed {
            observe::two_data_of_one_name(name, self.data.made_at(), other);
        }
        is_equal_to_itself && claimed.is_ok() && is_in_runtime()
    }

    /// Loads for the caller alone.
    async fn direct(&self, core: &Core, reader: &Reader, key: Option<&ValueKey>) -> Result<T, E> {
        reader.inherit_direct(core, &self.data, key, &(self.tags)(&self.keyed));
        let nothing = Box::new(|| None);
        let load = self.load.begin(self.unkeyed(), self.keyed.clone(), nothing);
        let loaded = match is_in_runtime() {
            false => load.await,
            true => match tokio::time::timeout(self.data.timeout, load).await {
                Ok(loaded) => loaded,
                Err(_) => self.panic_of(Reason::Timeout),
            },
        };

        let Answer {
            value, upstream, ..
        } = loaded?;
        if (self.output.is_none)(&value) {
            reader.inherit_none(&self.data);
        }
        if let Some(upstream) = &upstream {
            reader.inherit_upstream(upstream);
        }
        Ok(value)
    }

    /// Makes the user's function begin, as the engine wants it.
    fn work(
        &self,
        own_error: &OwnError<E>,
        (core, key, needs): (Arc<Core>, ValueKey, Sequence),
    ) -> Work {
        let keyed = self.keyed.clone();
        let find = move || {
            let value = core.value_to_validate(&key, needs)?;
            let kept = value.arguments().downcast_ref::<K>();
            kept.is_some_and(|kept| *kept == keyed).then_some(value)
        };
        let find = Box::new(find);

        let load = self.load.begin(self.unkeyed(), self.keyed.clone(), find);
        let (is_none, weight) = (self.output.is_none, self.output.weight);
        let share = self.output.share.as_ref().map(|share| share.to);
        let own_error = own_error.clone();
        Box::pin(async move {
            match load.await {
                Ok(Answer {
                    value,
                    upstream,
                    confirmed,
                    ..
                }) => Ok(Loaded {
                    confirmed,
                    weight: weight(&value),
                    is_none: is_none(&value),
                    upstream,
                    value: Arc::new(value),
                }),
                Err(error) => {
                    let shared = share.map(|share| share(&error));
                    let own = own_error.lock();
                    own.unwrap_or_else(PoisonError::into_inner).replace(error);
                    Err(shared)
                }
            }
        })
    }

    fn unkeyed(&self) -> W {
        let unkeyed = self.unkeyed.lock();
        unkeyed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the error for this call: its own, or a copy.
    fn error(&self, failure: &LoadFailure, own_error: &OwnError<E>) -> E {
        let own = own_error.lock();
        let own = own.unwrap_or_else(PoisonError::into_inner).take();
        let copy = || {
            let share = self.output.share.as_ref()?;
            (share.from)(failure.error.as_ref()?)
        };
        match own.or_else(copy) {
            Some(error) => error,
            None => self.panic_of(failure.reason),
        }
    }

    /// Panics as the load did: there is no value, and no error that the caller could have.
    fn panic_of(&self, reason: Reason) -> ! {
        let (name, limit) = (self.data.name(), self.data.timeout);
        match reason {
            Reason::Timeout => panic!("the load of the value `{name}` took longer than {limit:?}"),
            _ => panic!("the load of the value `{name}` panicked"),
        }
    }
}

/// True if a value of this type shows who asks, or holds one that does.
fn says_who_asks<W>() -> bool {
    // The names are only compared with each other: they need not be stable.
    let request = type_name::<http::Request<()>>();
    let types = [
        type_name::<http::HeaderMap>(),
        type_name::<http::request::Parts>(),
        type_name::<http::Extensions>(),
        request.strip_suffix("()>").unwrap_or(request),
    ];
    types.iter().any(|one| type_name::<W>().contains(one))
}

/// Returns a copy of a value whose key was made of `T`.
fn typed<T: Clone + 'static>(value: &Value) -> T {
    let value = value.get::<T>();
    value.expect("the key of a value holds its type").clone()
}

impl<A, K, W> fmt::Debug for Steps<A, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").finish_non_exhaustive()
    }
}

impl<T, E> fmt::Debug for Output<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Share<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").finish_non_exhaustive()
    }
}
