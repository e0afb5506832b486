//! Keeps the store behind memory in step with it: a page that is stored, forgotten or used in
//! memory goes to the shelf in the same moment.

use std::sync::Arc;

use super::core::Core;
use super::page_flight::RenderOutcome;
use super::pages::InMemory;
use crate::clock;
use crate::entry::Entry;
use crate::invalidation::Sequence;
use crate::outcome::Reason;
use crate::render::Key;

/// The entries that are touched while flights are held.
const TOUCHES: usize = 256;

impl Core {
    /// Has an entry kept in the store, too, and returns the outcome of its render. Called while no
    /// other flight completes: a request that asks the store from then on must not find an older
    /// page.
    pub(super) fn shelve(
        &self,
        entry: &Arc<Entry>,
        in_memory: InMemory,
        is_outrun: bool,
        trouble: Option<Reason>,
    ) -> RenderOutcome {
        if in_memory == InMemory::Unlisted {
            if !is_outrun {
                self.forget(&entry.key, entry.as_of());
            }
            return RenderOutcome::NotListed;
        }

        let shelf = self.shelf.as_ref();
        if let Some(shelf) = shelf.filter(|_| !is_outrun) {
            shelf.put(entry);
        }
        match in_memory {
            InMemory::TooLarge if shelf.is_none() => RenderOutcome::NotKept(entry.clone()),
            _ => RenderOutcome::Stored(entry.clone(), trouble),
        }
    }

    /// Drops the page of a key, up to number `as_of`. Called while no flight completes.
    pub(super) fn forget(&self, key: &Key, as_of: Sequence) {
        self.pages.memory.remove(key);
        if let Some(shelf) = &self.shelf {
            shelf.remove(key, as_of);
        }
    }

    /// Tells the store once a minute which pages memory holds, on a task of its own.
    pub(super) fn touch_in_time(self: &Arc<Self>) {
        let Some(shelf) = &self.shelf else { return };
        if !shelf.wants_touch(clock::now()) {
            return;
        }
        let core = self.clone();
        self.tasks.spawn_aside(async move {
            let mut entries = core.pages.memory.iter().peekable();
            while entries.peek().is_some() {
                let some = entries.by_ref().take(TOUCHES).collect::<Vec<_>>();
                core.touch(some);
                tokio::task::yield_now().await;
            }
        });
    }

    /// Tells the store that memory holds these entries. No flight completes meanwhile: an entry that
    /// is replaced must not be touched in the name of the new one.
    fn touch(&self, mut entries: Vec<Arc<Entry>>) {
        let memory = &self.pages.memory;
        self.pages.flights.hold(|| {
            entries.retain(|entry| {
                let now = memory.get_key(&entry.key);
                now.is_some_and(|now| Arc::ptr_eq(&now, entry))
            });
            if let Some(shelf) = &self.shelf {
                shelf.touch(&entries);
            }
        });
    }
}
