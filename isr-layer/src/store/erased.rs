//! A [`Store`] as an object: users write `async fn`s, and the engine holds one type.

use std::pin::Pin;

use super::{Found, Mark, Store, StoreError, Write};

/// The future of one call.
pub(crate) type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A [`Store`] of any type. Implemented for every store.
pub(crate) trait ErasedStore: Send + Sync + 'static {
    fn join(&self, build: &str) -> Result<u64, StoreError>;
    fn get<'a>(&'a self, key: &'a [u8]) -> Call<'a, Option<Found>>;
    fn write(&self, writes: Vec<Write>) -> Call<'_, ()>;
    fn record<'a>(&'a self, marks: &'a [Mark]) -> Call<'a, u64>;
}

impl<S: Store> ErasedStore for S {
    fn join(&self, build: &str) -> Result<u64, StoreError> {
        Store::join(self, build)
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> Call<'a, Option<Found>> {
        Box::pin(Store::get(self, key))
    }

    fn write(&self, writes: Vec<Write>) -> Call<'_, ()> {
        Box::pin(Store::write(self, writes))
    }

    fn record<'a>(&'a self, marks: &'a [Mark]) -> Call<'a, u64> {
        Box::pin(Store::record(self, marks))
    }
}
