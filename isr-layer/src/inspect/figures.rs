//! The figures of a cache.

use crate::cache::Cache;
use crate::header_mode::HeaderCache;
use crate::store::Shelf;

/// The figures of a cache at one time, by [`Cache::metrics`](crate::Cache::metrics).
#[derive(Clone, Debug)]
pub struct Metrics {
    entries: usize,
    bytes: u64,
    flights: usize,
    tasks: usize,
    marks: usize,
    sequence: u64,
    store_lost: u64,
    data_entries: usize,
    data_bytes: u64,
}

impl Cache {
    /// Returns the figures of the cache as they are now.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    ///
    /// let isr = IsrLayer::builder().build()?;
    /// assert_eq!(isr.cache().metrics().entries(), 0);
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        let (pages, marks) = (&self.core.pages, &self.core.marks);
        let header_mode = self.core.header_mode.as_deref();
        let (data_entries, data_bytes) = self.core.values.size();
        Metrics {
            data_entries,
            data_bytes,
            entries: pages.memory.len() + header_mode.map_or(0, HeaderCache::len),
            bytes: pages.memory.bytes() + header_mode.map_or(0, HeaderCache::bytes),
            flights: pages.flights.len() + header_mode.map_or(0, HeaderCache::in_flight),
            tasks: self.core.tasks.running(),
            marks: marks.len(),
            sequence: marks.published().get(),
            store_lost: self.core.shelf.as_ref().map_or(0, Shelf::lost),
        }
    }
}

impl Metrics {
    /// Returns the number of entries in memory.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Returns the bytes that the entries take, with their headers and bookkeeping.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the number of keys that are being rendered.
    pub fn flights(&self) -> usize {
        self.flights
    }

    /// Returns the number of running tasks of the layer: renders, and the work of purges.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// Returns the number of selectors that have a mark.
    pub fn marks(&self) -> usize {
        self.marks
    }

    /// Returns the number of pages that the [`store`](crate::IsrLayerBuilder::store) did not get,
    /// since it failed or since there was no room to let them wait: after a restart they are
    /// rendered again. It counts from the start of the process; zero without a store.
    pub fn store_lost(&self) -> u64 {
        self.store_lost
    }

    /// Returns the number of [values](crate::data) in memory.
    pub fn data_entries(&self) -> usize {
        self.data_entries
    }

    /// Returns the bytes that the [values](crate::data) take, as far as they tell.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Returns the last sequence number: the number of purges so far.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}
