//! The result of a function: its value and error, whatever alias it is written as, and the call
//! of the engine with it.

use std::convert::Infallible;
use std::fmt;
use std::future::Pending;
use std::marker::PhantomData;

use crate::data::Data;
use crate::data::typed::{Output, Share, Steps, read_here};
use crate::value::ArgumentsWriter;

/// The type that the function returns. A `Result` is taken apart; all else is the value itself.
#[derive(Debug)]
pub struct Returned<R>(PhantomData<fn() -> R>);

impl<R> Returned<R> {
    /// Names the type.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Returned<Result<T, E>> {
    /// Names the value and the error.
    pub const fn probe_types(self) -> Types<T, E> {
        Types(PhantomData)
    }

    /// Turns the result of a load into one of the engine.
    pub fn probe_result(self, loaded: Result<T, E>) -> Result<T, E> {
        loaded
    }

    /// Turns a result of the engine into that of the function.
    pub fn probe_back(self, read: Result<T, E>) -> Result<T, E> {
        read
    }
}

/// The steps of a function that returns its value.
pub trait NotResult<T>: Sized {
    /// Names the value; there is no error.
    fn probe_types(self) -> Types<T, Infallible> {
        Types(PhantomData)
    }

    /// Turns the result of a load into one of the engine.
    fn probe_result(self, loaded: T) -> Result<T, Infallible> {
        Ok(loaded)
    }

    /// Turns a result of the engine into that of the function.
    fn probe_back(self, read: Result<T, Infallible>) -> T {
        match read {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }
}

impl<T> NotResult<T> for Returned<T> {}

/// The types of value and error.
pub struct Types<T, E>(PhantomData<fn() -> (T, E)>);

/// The type of the value.
pub struct Value<T>(PhantomData<fn() -> T>);

/// The type of the error.
pub struct Fault<E>(PhantomData<fn() -> E>);

impl<T, E> Types<T, E> {
    /// Names the value.
    pub const fn value(self) -> Value<T> {
        Value(PhantomData)
    }

    /// Names the error.
    pub const fn error(self) -> Fault<E> {
        Fault(PhantomData)
    }

    /// Takes the arguments of a call, and the way to own them.
    pub fn own<A, K, W>(self, arguments: A, own: fn(A) -> (K, W)) -> Call<A, K, W, T, E> {
        Call {
            arguments,
            own,
            types: self,
        }
    }
}

impl<T> Value<Option<T>> {
    /// True for `None`.
    pub fn probe_is_none(self) -> fn(&Option<T>) -> bool {
        Option::is_none
    }
}

/// The value is no `Option`.
pub trait WithoutNone<T>: Sized {
    /// Always false.
    fn probe_is_none(self) -> fn(&T) -> bool {
        |_| false
    }
}

impl<T> WithoutNone<T> for Value<T> {}

/// The error can be handed to several readers.
pub trait Shared<E> {
    /// Clones the error.
    fn probe_share(&self) -> Option<Share<E>>;
}

impl<E: Clone + Send + Sync + 'static> Shared<E> for &Fault<E> {
    fn probe_share(&self) -> Option<Share<E>> {
        Some(Share::by_clone())
    }
}

/// The error goes to one reader.
pub trait Unshared<E> {
    /// Always `None`.
    fn probe_share(&self) -> Option<Share<E>> {
        None
    }
}

impl<E> Unshared<E> for Fault<E> {}

/// A call of the function, with its arguments.
pub struct Call<A, K, W, T, E> {
    arguments: A,
    own: fn(A) -> (K, W),
    types: Types<T, E>,
}

/// The steps of the arguments that are in the key, as [`Steps`] has them.
pub struct Keyed<A, K> {
    /// Writes each into the key.
    pub write: fn(&A, &mut ArgumentsWriter<'_>),
    /// Returns whether the arguments are those that were kept.
    pub is: fn(&A, &K) -> bool,
    /// Makes the tags of the value.
    pub tags: fn(&K) -> Vec<String>,
}

impl<A, K, W, T, E> Call<A, K, W, T, E>
where
    K: Clone + PartialEq + Send + Sync + 'static,
    W: Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
    E: Send + 'static,
{
    /// Reads the value.
    pub fn read<F>(
        self,
        data: &Data,
        keyed: Keyed<A, K>,
        output: Output<T, E>,
        load: fn(W, K) -> F,
    ) -> impl Future<Output = Result<T, E>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let steps = Steps {
            key: keyed.write,
            is: keyed.is,
            own: self.own,
            tags: keyed.tags,
        };
        let _ = self.types;
        read_here(data, self.arguments, steps, output, load)
    }
}

/// A call with a type that a check has refused.
pub trait NotChecked<A, K, W, T, E>: Sized {
    /// Stands in for the call of the engine, and never runs.
    fn read<F>(
        self,
        _data: &Data,
        _keyed: Keyed<A, K>,
        _output: Output<T, E>,
        _load: fn(W, K) -> F,
    ) -> Pending<Result<T, E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        panic!("the owned form of an argument by reference is not `PartialEq`, `Send` or `Sync`")
    }
}

impl<A, K, W, T, E> NotChecked<A, K, W, T, E> for Call<A, K, W, T, E> {}

macro_rules! opaque {
    ($($name:ident<$($parameter:ident),*>),*) => {
        $(
            impl<$($parameter),*> fmt::Debug for $name<$($parameter),*> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )*
    };
}

opaque!(Types<T, E>, Value<T>, Fault<E>, Call<A, K, W, T, E>, Keyed<A, K>);
