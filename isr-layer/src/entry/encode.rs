//! Has the encodings of an entry made off the request path, by one task at a time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::stored::Entry;
use crate::spawn::{Place, Tasks};

/// Everything that a later hit needs to have missed encodings made.
pub(super) struct Missed {
    entry: Weak<Entry>,
    tasks: Tasks,
}

/// The task of making an entry's encodings. Should it be dropped before it has begun, a later hit
/// has them made.
///
/// Weak: an entry that is evicted before its turn is not kept for it.
struct Encoding {
    entry: Weak<Entry>,
    tasks: Tasks,
}

impl Entry {
    /// Has the encodings made if they are missing. If too many computations wait already, a later
    /// hit asks again.
    pub(crate) fn encode_soon(self: &Arc<Self>, tasks: &Tasks) {
        if !self.lacks_encodings() {
            return;
        }
        match tasks.try_place() {
            Some(place) => self.encode_at(place, tasks),
            None => self.note_missed(tasks),
        }
    }

    /// Has the encodings made if they are missing. Waits until fewer computations wait, for a
    /// render whose task can: no flood of clients' renders takes its place.
    pub(crate) async fn encode_in_turn(self: &Arc<Self>, tasks: &Tasks) {
        if self.lacks_encodings()
            && let Some(place) = tasks.place().await
        {
            self.encode_at(place, tasks);
        }
    }

    /// Has the encodings made if that was not possible before.
    #[cold]
    pub(crate) fn encode_if_missed(&self) {
        let missed = self.missed.get();
        let missed = missed.and_then(|missed| Some((missed.entry.upgrade()?, &missed.tasks)));
        if let Some((entry, tasks)) = missed {
            entry.encode_soon(tasks);
        }
    }

    /// True if encodings are worth making and are not there yet.
    pub(crate) fn awaits_encodings(&self) -> bool {
        self.is_encodable && self.encoded.get().is_none()
    }

    fn lacks_encodings(&self) -> bool {
        self.awaits_encodings() && !self.is_being_encoded.load(Ordering::Relaxed)
    }

    fn encode_at(self: &Arc<Self>, place: Place, tasks: &Tasks) {
        if !self.is_being_encoded.swap(true, Ordering::Relaxed) {
            let encoding = Encoding {
                entry: Arc::downgrade(self),
                tasks: tasks.clone(),
            };
            tasks.spawn_heavy(place, || encoding.run());
        }
    }

    fn note_missed(self: &Arc<Self>, tasks: &Tasks) {
        self.missed.get_or_init(|| {
            Box::new(Missed {
                entry: Arc::downgrade(self),
                tasks: tasks.clone(),
            })
        });
    }
}

impl Encoding {
    fn run(mut self) {
        // Taken, so that an encoder that panics is not asked again.
        let entry = std::mem::take(&mut self.entry).upgrade();
        if let Some(entry) = entry {
            entry.encode();
        }
    }
}

impl Drop for Encoding {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.upgrade() {
            entry.is_being_encoded.store(false, Ordering::Relaxed);
            entry.note_missed(&self.tasks);
        }
    }
}
