//! The user's function that loads a value, in each of its forms.

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::upstream::{Answer, Ask};
use crate::cache::values::Value;

/// The user's function at work.
pub(crate) type Loading<T, E> = Pin<Box<dyn Future<Output = Result<Answer<T>, E>> + Send>>;

/// Finds the value that may be validated.
pub(crate) type Find = Box<dyn FnOnce() -> Option<Arc<Value>> + Send>;

/// A function that loads a value of type `T` from its arguments.
pub(crate) trait Loader<K, W, T, E>: Copy + Send + Sync {
    /// Returns a type that no other function with these arguments has.
    fn types() -> TypeId;

    /// Begins the load. `find` finds the value that may be validated; it is called once the load
    /// knows all purges up to its number.
    fn begin(self, unkeyed: W, keyed: K, find: Find) -> Loading<T, E>;
}

impl<K, W, T, E, F> Loader<K, W, T, E> for fn(W, K) -> F
where
    K: Send + 'static,
    W: Send + 'static,
    T: 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    fn types() -> TypeId {
        TypeId::of::<fn(K, F) -> T>()
    }

    fn begin(self, unkeyed: W, keyed: K, _: Find) -> Loading<T, E> {
        Box::pin(async move {
            let value = self(unkeyed, keyed).await?;
            Ok(Answer {
                value,
                upstream: None,
                confirmed: None,
                asks_again: false,
            })
        })
    }
}

/// A function that asks an upstream.
pub(super) struct FromUpstream<K, W, T, F>(pub(super) fn(W, K, Ask<T>) -> F);

impl<K, W, T, F> Clone for FromUpstream<K, W, T, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, W, T, F> Copy for FromUpstream<K, W, T, F> {}

impl<K, W, T, E, F> Loader<K, W, T, E> for FromUpstream<K, W, T, F>
where
    K: Clone + Send + 'static,
    W: Clone + Send + 'static,
    T: Clone + Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<Answer<T>, E>> + Send + 'static,
{
    fn types() -> TypeId {
        TypeId::of::<fn(K, F) -> T>()
    }

    fn begin(self, unkeyed: W, keyed: K, find: Find) -> Loading<T, E> {
        Box::pin(async move {
            let ask = Ask::of(find());
            let answer = (self.0)(unkeyed.clone(), keyed.clone(), ask).await?;
            match answer.asks_again {
                false => Ok(answer),
                true => (self.0)(unkeyed, keyed, Ask::of(None)).await,
            }
        })
    }
}
