//! The store behind memory, and the build whose pages it keeps.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::super::builder::IsrLayerBuilder;
use crate::error::{Error, ErrorKind};
use crate::store::{ErasedStore, Store};

/// The longest id of a build, in octets.
const MAX_BUILD_ID: usize = 256;

impl IsrLayerBuilder {
    /// Keeps pages and purges in a store, so that they outlive the process: a restart renders
    /// nothing that is fresh, and no acknowledged purge is undone. Without a store everything is in
    /// memory alone.
    ///
    /// A page that memory does not have is looked for in the store before it is rendered. A purge
    /// is recorded there before it is acknowledged; if that fails, the receipt's
    /// [`reach`](crate::Receipt::reach) says so. Only pages are kept: responses of
    /// [`cache_by_headers`](Self::cache_by_headers) stay in memory. A second call replaces the
    /// store. [`IsrLayer::shutdown`](crate::IsrLayer::shutdown) writes and closes it.
    ///
    /// # Errors
    ///
    /// [`build`](Self::build) returns [`ErrorKind::Store`] if the store does not
    /// [join](Store::join).
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    /// # use isr_layer::store::{Found, Mark, Store, StoreError, Write};
    /// # struct MyStore;
    /// # impl Store for MyStore {
    /// #     fn join(&self, _: &str) -> Result<u64, StoreError> { Ok(0) }
    /// #     async fn get(&self, _: &[u8]) -> Result<Option<Found>, StoreError> { Ok(None) }
    /// #     async fn write(&self, _: Vec<Write>) -> Result<(), StoreError> { Ok(()) }
    /// #     async fn record(&self, _: &[Mark]) -> Result<u64, StoreError> { Ok(1) }
    /// # }
    ///
    /// let isr = IsrLayer::builder().build_id("2026-11-27.1").store(MyStore).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Names the build of the site, such as a commit or a version, for the
    /// [`store`](Self::store).
    ///
    /// A store keeps the pages of each build apart: a deploy never shows the HTML of another build,
    /// and a rollback finds its own pages again. So the id must change whenever the templates or
    /// the data that they show could be different. Purges reach the pages of all builds.
    ///
    /// The default is the SHA-256 of the executable, which [`build`](Self::build) then reads if
    /// there is a store. Without optimisations that takes about five seconds for 100 MB, the size
    /// of a usual debug build: `[profile.dev.package.sha2] opt-level = 3` in `Cargo.toml` makes it
    /// one of a few hundred milliseconds.
    ///
    /// # Errors
    ///
    /// [`build`](Self::build) refuses an id without a [`store`](Self::store), and one that is
    /// empty, longer than 256 octets, or has a control character. Without an id it returns an error
    /// if the executable cannot be read.
    pub fn build_id(mut self, build: impl Into<String>) -> Self {
        self.build_id = Some(build.into());
        self
    }
}

#[cfg(feature = "__suites")]
#[doc(hidden)]
impl IsrLayerBuilder {
    /// True if the layer was given a store.
    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Drops an entry from memory as soon as it is stored, if `forgets` says so: as an eviction may
    /// at any time.
    pub fn forgets(mut self, forgets: fn() -> bool) -> Self {
        self.config.forgets = Some(forgets);
        self
    }
}

/// A store that was joined, and its last number.
pub(super) type Joined = (Arc<dyn ErasedStore>, u64);

/// Joins the store for the build of that id.
pub(super) fn joined(
    store: Option<Arc<dyn ErasedStore>>,
    build_id: Option<String>,
) -> Result<Option<Joined>, Error> {
    let Some(store) = store else {
        return match build_id {
            Some(_) => refuse("`build_id` without `store`: only a store keeps builds apart"),
            None => Ok(None),
        };
    };

    let build = match build_id {
        Some(build) => build,
        None => hash_of_executable().map_err(|error| {
            let message = "no `build_id`, and the executable cannot be read to make one";
            Error::new(ErrorKind::Configuration, message).with_source(error)
        })?,
    };
    let has_control = build.chars().any(char::is_control);
    if build.is_empty() || build.len() > MAX_BUILD_ID || has_control {
        return refuse(format!(
            "`build_id` refuses `{}`: expected 1 to {MAX_BUILD_ID} octets without control characters",
            build.escape_debug()
        ));
    }

    let base = store.join(&build).map_err(|error| {
        let message = format!("the store cannot be used: {error}");
        Error::new(ErrorKind::Store, message).with_source(error)
    })?;
    Ok(Some((store, base)))
}

fn hash_of_executable() -> io::Result<String> {
    let mut executable = File::open(std::env::current_exe()?)?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        let read = executable.read(&mut part)?;
        if read == 0 {
            break;
        }
        hash.update(&part[..read]);
    }
    let octets = hash.finalize();
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(ErrorKind::Configuration, message))
}
