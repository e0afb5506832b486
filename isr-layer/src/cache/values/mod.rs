//! Values that pages and plain routes share: their memory, their loads, and the ways to read one.

mod flight;
mod load;
mod memory;
mod read;
mod reader;
mod value;

use std::collections::HashMap;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use self::flight::LoadFailure;
use self::flight::{Load, RememberedFailure};
pub(crate) use self::load::{Loaded, SharedError, Work};
use self::memory::Memory;
pub(crate) use self::read::{Asked, MARGIN, Reply};
pub(crate) use self::reader::{Handed, Reader};
pub(crate) use self::value::{Upstream, Value};
use super::flight::Flights;
use super::negative_cache::NegativeCache;
use super::steps::Steps;
use crate::invalidation::Marks;
use crate::rules::{Rule, holds};
use crate::value::{Data, ValueKey};

/// The number of loads of one key that run beside its flight, after that failed.
const DIRECT_LOADS: usize = 8;

/// The values of one layer.
pub(crate) struct Values {
    memory: Memory,
    flights: Arc<Flights<Load>>,
    negative: NegativeCache<ValueKey, RememberedFailure>,
    /// The place at which the values of each name were declared.
    names: Mutex<HashMap<&'static str, &'static Location<'static>>>,
    /// The turns of the loads that run beside a flight, while there are any.
    direct: Mutex<HashMap<ValueKey, Arc<Semaphore>>>,
}

impl Values {
    /// Makes room for `bytes` and `values`, whichever ends first.
    pub(crate) fn new(bytes: u64, values: u64) -> Self {
        Self {
            memory: Memory::new(bytes, values),
            flights: Flights::new(),
            negative: NegativeCache::new(),
            names: Mutex::default(),
            direct: Mutex::default(),
        }
    }

    /// Claims a name for `data`. `Err` is the place of other values that have it.
    pub(crate) fn claim(&self, data: &Data) -> Result<(), &'static Location<'static>> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *names.entry(data.name()).or_insert(data.made_at());
        match first == data.made_at() {
            true => Ok(()),
            false => Err(first),
        }
    }

    /// Returns the number of values in memory, and their bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        (self.memory.len(), self.memory.bytes())
    }

    /// Raises every valid value above all marks published so far, so that old marks can be pruned.
    pub(crate) async fn raise_above_marks(&self, marks: &Marks) {
        let mut steps = Steps::default();
        for value in self.memory.iter() {
            value.validity(marks);
            steps.next().await;
        }
    }

    /// Returns the turns of the loads of a key that run beside its flight.
    fn direct_turns(&self, key: &ValueKey) -> DirectTurns<'_> {
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = direct
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(DIRECT_LOADS)));
        DirectTurns {
            values: self,
            key: key.clone(),
            turns: turns.clone(),
        }
    }
}

/// The turns of one key, which are forgotten with the last one who has them.
pub(crate) struct DirectTurns<'a> {
    values: &'a Values,
    key: ValueKey,
    turns: Arc<Semaphore>,
}

impl DirectTurns<'_> {
    /// Waits until fewer than so many loads of the key run beside its flight.
    pub(crate) async fn next(&self) -> Option<SemaphorePermit<'_>> {
        if !holds(Rule::Turns) {
            return None;
        }
        // It fails only if the semaphore is closed, which never happens.
        self.turns.acquire().await.ok()
    }
}

impl Drop for DirectTurns<'_> {
    fn drop(&mut self) {
        let direct = &self.values.direct;
        let mut direct = direct.lock().unwrap_or_else(PoisonError::into_inner);
        // The table's and this one.
        if Arc::strong_count(&self.turns) <= 2 {
            direct.remove(&self.key);
        }
    }
}
