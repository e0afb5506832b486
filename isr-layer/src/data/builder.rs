//! Reading a value without the attribute.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;

use super::loader::{FromUpstream, Loader};
use super::typed::{Output, Share, Steps, read};
use super::upstream::{Answer, Ask};
use crate::cache::values::Reader;
use crate::cache::{Cache, Core};
use crate::render::context::Current;
use crate::value::Data;

/// The bytes that a value counts whose size nothing tells.
pub(super) const UNKNOWN_WEIGHT: usize = 4096;

/// A value that is to be read: see [`Cache::data`].
#[must_use = "nothing is read until one of its `load` methods is awaited"]
pub struct Read<'a, K = (), W = (), V = Unweighed> {
    core: &'a Arc<Core>,
    data: Data,
    keyed: K,
    unkeyed: W,
    weight: V,
}

/// A value whose size nothing tells: it counts 4 KiB.
#[derive(Clone, Copy, Debug)]
pub struct Unweighed(());

/// The ways to weigh a value of type `T`: [`Unweighed`], and a function. The trait is sealed.
pub trait Weigh<T>: sealed::Sealed {
    #[doc(hidden)]
    fn weight(self) -> fn(&T) -> usize;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Unweighed {}
    impl<T> Sealed for fn(&T) -> usize {}
}

impl<T> Weigh<T> for Unweighed {
    fn weight(self) -> fn(&T) -> usize {
        |_| UNKNOWN_WEIGHT
    }
}

impl<T> Weigh<T> for fn(&T) -> usize {
    fn weight(self) -> fn(&T) -> usize {
        self
    }
}

impl Cache {
    /// Reads a value of `data`: from memory, or by a load that all who ask for it share.
    ///
    /// A page, a fetch of header mode or another value that reads it waits for a fresh one, and
    /// takes over its tags and its ends: a value that was loaded 50 s ago and lasts 60 makes the
    /// page stale in 10. Anything else gets a stale value at once, while one load refreshes it.
    /// If a load fails, the last value stays and is handed out, and the next try waits for 1 s,
    /// twice as long after each failure in a row, up to a minute.
    ///
    /// ```
    /// use isr_layer::data::Data;
    /// use isr_layer::IsrLayer;
    /// use std::convert::Infallible;
    ///
    /// const SQUARE: Data = Data::new("square");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// # let isr = IsrLayer::builder().build()?;
    /// let cache = isr.cache();
    /// let square = cache.data(&SQUARE).key(12_u64);
    /// let Ok(square) = square.load(|(), n| async move { Ok::<_, Infallible>(n * n) }).await;
    /// assert_eq!(square, 144);
    /// # Ok(())
    /// # }
    /// ```
    pub fn data(&self, data: &Data) -> Read<'_> {
        Read {
            core: &self.core,
            data: *data,
            keyed: (),
            unkeyed: (),
            weight: Unweighed(()),
        }
    }
}

impl<'a, W, V> Read<'a, (), W, V> {
    /// Sets the key: everything that the value depends on. Several parts are a tuple.
    ///
    /// The key is compared as JSON, and by `PartialEq`. A key that does not serialise, that has
    /// more than 16 KiB as JSON, or that is not equal to itself, as `NaN`, is loaded each time;
    /// that is logged once for each name.
    pub fn key<K>(self, key: K) -> Read<'a, K, W, V>
    where
        K: Serialize + Clone + PartialEq + Send + Sync + 'static,
    {
        Read {
            core: self.core,
            data: self.data,
            keyed: key,
            unkeyed: self.unkeyed,
            weight: self.weight,
        }
    }
}

impl<'a, K, V> Read<'a, K, (), V> {
    /// Gives the load something that makes no difference to the value, such as a database or a
    /// client.
    ///
    /// Everybody who asks for the key gets the value, so nothing that says who asks belongs here.
    /// Headers, a request or its parts are refused: the value is loaded each time, and an ERROR
    /// says so.
    pub fn with_unkeyed<W>(self, unkeyed: W) -> Read<'a, K, W, V>
    where
        W: Clone + Send + 'static,
    {
        Read {
            core: self.core,
            data: self.data,
            keyed: self.keyed,
            unkeyed,
            weight: self.weight,
        }
    }
}

impl<'a, K, W> Read<'a, K, W, Unweighed> {
    /// Tells the bytes that a value takes. Without it a value counts 4 KiB.
    pub fn weight<T>(self, weight: fn(&T) -> usize) -> Read<'a, K, W, fn(&T) -> usize> {
        Read {
            core: self.core,
            data: self.data,
            keyed: self.keyed,
            unkeyed: self.unkeyed,
            weight,
        }
    }
}

impl<K, W, V> Read<'_, K, W, V>
where
    K: Serialize + Clone + PartialEq + Send + Sync + 'static,
    W: Clone + Send + 'static,
{
    /// Reads the value; `load` loads it if need be.
    ///
    /// The load is a function, or a closure that captures nothing: it depends on the key, and gets
    /// the rest by [`with_unkeyed`](Self::with_unkeyed). A hit of a value in an `Arc` allocates
    /// nothing; any other value is cloned.
    ///
    /// # Errors
    ///
    /// The load's own, if it fails and there is no earlier value. Others that waited for it load
    /// themselves, at most eight at once.
    ///
    /// # Panics
    ///
    /// If the load panicked or took longer than [`timeout`](Data::timeout), and there is no earlier
    /// value. A page that reads it is not stored then; the last good page is served.
    pub async fn load<T, E, F>(self, load: fn(W, K) -> F) -> Result<T, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        V: Weigh<T>,
    {
        self.read(|_| false, None, load).await
    }

    /// Reads an optional value, as [`load`](Self::load) does. `None` lives for
    /// [`not_found_revalidate`](Data::not_found_revalidate) at most.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_option<T, E, F>(self, load: fn(W, K) -> F) -> Result<Option<T>, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Send + 'static,
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        V: Weigh<Option<T>>,
    {
        self.read(Option::is_none, None, load).await
    }

    /// Reads an optional value with an error that can be copied, as
    /// [`load_option`](Self::load_option) and [`load_shared`](Self::load_shared) do.
    ///
    /// # Errors
    ///
    /// As [`load_shared`](Self::load_shared).
    pub async fn load_option_shared<T, E, F>(self, load: fn(W, K) -> F) -> Result<Option<T>, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<Option<T>, E>> + Send + 'static,
        V: Weigh<Option<T>>,
    {
        self.read(Option::is_none, Some(Share::by_clone()), load)
            .await
    }

    /// Reads the value, as [`load`](Self::load) does, with an error that can be copied: all who
    /// waited for a load get its error, and so do those who come while the next try waits.
    ///
    /// # Errors
    ///
    /// A copy of the load's, if it fails and there is no earlier value.
    pub async fn load_shared<T, E, F>(self, load: fn(W, K) -> F) -> Result<T, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        V: Weigh<T>,
    {
        self.read(|_| false, Some(Share::by_clone()), load).await
    }

    /// Reads a value out of a response of an HTTP upstream, by any client: `load` asks with
    /// [`Ask::conditions`] and ends with [`Ask::answer`], so that a 304 keeps the value and the
    /// response's headers count.
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use isr_layer::data::{Answer, Ask, Data};
    /// use isr_layer::IsrLayer;
    /// use std::io::Error;
    /// use std::time::Duration;
    ///
    /// const FEED: Data = Data::new("feed").revalidate_from_upstream(Duration::from_secs(60));
    ///
    /// type Feed = Result<Answer<String>, Error>;
    ///
    /// async fn feed(client: Client, url: &'static str, ask: Ask<String>) -> Feed {
    ///     let response = client.get(url, ask.conditions()).await?;
    ///     let (status, headers) = (response.status, response.headers.clone());
    ///     ask.answer(status, headers, || response.text()).await
    /// }
    ///
    /// # #[derive(Clone)]
    /// # struct Client;
    /// # struct Response { status: StatusCode, headers: HeaderMap }
    /// # impl Client {
    /// #     async fn get(&self, _: &str, _: HeaderMap) -> Result<Response, Error> {
    /// #         Ok(Response { status: StatusCode::OK, headers: HeaderMap::new() })
    /// #     }
    /// # }
    /// # impl Response { async fn text(self) -> Result<String, Error> { Ok("news".to_owned()) } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let isr = IsrLayer::builder().build()?;
    /// # let (cache, client) = (isr.cache(), Client);
    /// let feed_at = cache.data(&FEED).key("https://example.com/feed").with_unkeyed(client);
    /// let text = feed_at.load_from_upstream(feed).await?;
    /// # assert_eq!(text, "news");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_from_upstream<T, E, F>(self, load: fn(W, K, Ask<T>) -> F) -> Result<T, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Send + 'static,
        F: Future<Output = Result<Answer<T>, E>> + Send + 'static,
        V: Weigh<T>,
    {
        self.read(|_| false, None, FromUpstream(load)).await
    }

    async fn read<T, E, L>(
        self,
        is_none: fn(&T) -> bool,
        share: Option<Share<E>>,
        load: L,
    ) -> Result<T, E>
    where
        T: Clone + Send + Sync + 'static,
        E: Send + 'static,
        L: Loader<K, W, T, E>,
        V: Weigh<T>,
    {
        let steps = Steps {
            key: |(key, _): &(K, W), writer| writer.all(key),
            is: |(key, _), kept| key == kept,
            own: |arguments| arguments,
            tags: |_| Vec::new(),
        };

        let output = Output {
            is_none,
            weight: self.weight.weight(),
            share,
        };
        let arguments = (self.keyed, self.unkeyed);
        let reader = Reader::within(Current::try_here(), self.core);
        read(
            self.core, reader, &self.data, arguments, steps, output, load,
        )
        .await
    }
}

impl<K, W, V> fmt::Debug for Read<'_, K, W, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}
