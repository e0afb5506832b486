//! Pages and purges that outlive the process, in a store behind memory.
//!
//! Memory comes first and knows nothing of a store. A request that memory has no page for starts a
//! flight, and the flight's first step is to ask the store. So a restart is no storm of renders,
//! and a hit costs no more than without a store.
//!
//! Give a store to the layer by [`IsrLayerBuilder::store`](crate::IsrLayerBuilder::store), and call
//! [`IsrLayer::shutdown`](crate::IsrLayer::shutdown) before the process ends. `Disk` (feature
//! `disk`) keeps pages in a directory. Any other place is an implementation of [`Store`].
//!
//! # Numbers
//!
//! Purges have numbers, which the store gives: [`record`](Store::record) makes the marks of a purge
//! durable under the next one. A page is kept with [`as_of`](Put::as_of), the number up to which
//! its render knew every purge. It is [valid](Validity) as long as no [`Mark`] on one of its
//! [selectors](Put::selectors) has a higher number. No clock is involved, so nothing that happens
//! to a clock can undo a purge.

mod backend;
mod breaker;
mod codec;
#[cfg(feature = "disk")]
mod disk;
mod erased;
mod error;
mod found;
mod ledger;
mod mark;
mod numbers;
mod page_key;
mod queue;
pub(crate) mod selectors;
mod shelf;
mod write;
mod writer;

use std::future::Future;

#[cfg(feature = "disk")]
pub use self::disk::{Disk, DiskOptions};
pub(crate) use self::erased::ErasedStore;
pub use self::error::{StoreError, StoreErrorKind};
pub use self::found::Found;
pub use self::mark::Mark;
pub(crate) use self::page_key::{Settings, StoredPage};
pub(crate) use self::shelf::{Kept, Shelf};
pub use self::write::{Put, Remove, Touch, Write};
pub use crate::invalidation::Validity;

/// A place where pages and purges outlive the process.
///
/// A store keeps octets, and compares the few things that it is told in the open: keys, numbers and
/// selectors. It never has to understand a page. Write plain `async fn`s:
///
/// ```
/// use isr_layer::store::{Found, Mark, Store, StoreError, Write};
///
/// /// A store that forgets every page, and gives each purge a number.
/// #[derive(Default)]
/// struct Forgetful(std::sync::atomic::AtomicU64);
///
/// impl Store for Forgetful {
///     fn join(&self, _build: &str) -> Result<u64, StoreError> {
///         Ok(0)
///     }
///
///     async fn get(&self, _key: &[u8]) -> Result<Option<Found>, StoreError> {
///         Ok(None)
///     }
///
///     async fn write(&self, _writes: Vec<Write>) -> Result<(), StoreError> {
///         Ok(())
///     }
///
///     async fn record(&self, _marks: &[Mark]) -> Result<u64, StoreError> {
///         Ok(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1)
///     }
/// }
/// ```
///
/// The layer calls a store from its own tasks, never on the way of a hit. It gives each call a time
/// limit: 50 ms for a [`get`](Self::get), ten seconds for a [`write`](Self::write), 1.5 seconds for
/// a [`record`](Self::record). It drops the future of a call that takes longer, catches a panic,
/// and after five failed reads, or writes, in a row it makes no more of them for a second. So an
/// implementation needs no such care of its own, but a call that was given up may still take effect
/// later: that must be harmless. `testing::store_suite` (feature `testing`) tests a store.
pub trait Store: Send + Sync + 'static {
    /// Begins to work for one build, and returns the highest number that was ever given: that of a
    /// purge or of a page, whichever is higher.
    ///
    /// Pages belong to the build that rendered them: [`get`](Self::get) and [`write`](Self::write)
    /// are about the pages of this build from here on. Purges belong to all builds.
    ///
    /// [`IsrLayerBuilder::build`](crate::IsrLayerBuilder::build) calls this once. It must not wait
    /// for long: open the store before you give it to the builder.
    ///
    /// # Errors
    ///
    /// If the store cannot be used. `build` returns an error of the kind
    /// [`ErrorKind::Store`](crate::ErrorKind::Store), whose source is this one.
    fn join(&self, build: &str) -> Result<u64, StoreError>;

    /// Returns the page under a key, judged against every mark that was recorded.
    ///
    /// The verdict is the strictest of the marks on the page's
    /// [selectors](Put::selectors) that have a higher number than the page: its
    /// [`as_of`](Put::as_of), or the number that a [`Touch`] raised that to. A page that is
    /// [`Validity::Hard`] is returned, too: it may be the last resort. If marks were forgotten, a
    /// page with a lower number than one of them counts as marked.
    ///
    /// What is broken or unknown is `None`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. The page is then rendered as if there were none.
    fn get(&self, key: &[u8]) -> impl Future<Output = Result<Option<Found>, StoreError>> + Send;

    /// Keeps, forgets and touches pages, in the order of the list. It may lose them in a crash:
    /// they are rendered again. It must not keep a half of one.
    ///
    /// # Errors
    ///
    /// If one of the writes may not have taken effect. The layer then asks for the removal of these
    /// pages, by a [`Remove`] each, as soon as the store accepts that.
    fn write(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Makes marks durable under the next number, and returns it: a number that is higher than
    /// every one before, across restarts too. All marks of one call have the same number.
    ///
    /// When this returns, nothing may undo the marks, neither `kill -9` nor a power cut. A purge is
    /// acknowledged after it.
    ///
    /// # Errors
    ///
    /// If the marks may be gone after a restart. Their number must not be given to others. The
    /// layer refuses the purge ([`Reach::Local`](crate::purge::Reach::Local)) and records its marks
    /// again with the next one, or a second later.
    fn record(&self, marks: &[Mark]) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
