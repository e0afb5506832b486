//! The first step of a flight for something absent: asks the store behind memory.
//!
//! A page that is found goes into memory and travels with the end of the flight. All who wait look
//! again, and judge the page as if it had been in memory all along. So there is no second rule for
//! freshness, and a page that memory evicts at once or has no room for is served all the same.

use std::sync::Arc;

use super::core::Core;
use super::flight::Nothing;
use super::page_flight::{CompletedFlight, Leader, RenderOutcome};
use crate::clock::{self, Instant};
use crate::entry::{Entry, Loaded};
use crate::invalidation::{EntryTags, Sequence, TagMark, Validity};
use crate::outcome::Reason;
use crate::render::Recipe;
use crate::rules::{Rule, holds};
use crate::store::{Kept, Shelf};

/// The end of the first step of a flight, by [`Core::load`].
pub(super) enum Load {
    /// The flight is over: everybody looks again.
    Over(Arc<CompletedFlight>),
    /// There is nothing to load. The reason, if there is one, says why the store could not be
    /// asked.
    Nothing(Leader, Option<Reason>),
}

impl Core {
    /// Asks the store for the page of a flight, if the flight is one that asks.
    pub(super) async fn load(self: &Arc<Self>, leader: Leader) -> Load {
        let Some(shelf) = self.shelf.as_ref().filter(|_| leader.work().asks_store()) else {
            return Load::Nothing(leader, None);
        };
        let recipe = leader.work().recipe.clone();
        // First, or a path that is no longer listed would come back.
        if holds(Rule::ListFirst) && !self.admits(&recipe).await {
            leader.work().end_loading();
            return Load::Nothing(leader, None);
        }

        let asked = clock::now();
        leader.begin_loading();
        let (found, trouble) = self.ask(shelf, &recipe, &leader.work().tags).await;
        if let Some(entry) = found {
            return Load::Over(self.loaded(leader, &recipe, &entry, asked));
        }

        // First, so that all can join the render.
        leader.work().end_loading();
        let nothing = leader.end_loading(&self.marks);
        let (negative, key, now) = (&self.pages.negative, &recipe.key, clock::now());
        let has_failed = if trouble.is_none() {
            leader.work().set_not_stored();
            negative.note_not_stored(&self.marks, key, now)
        } else {
            // The page may be there all the same.
            negative.has_failed(&self.marks, key, now)
        };
        match nothing {
            Nothing::Outrun => Load::Over(over(leader, RenderOutcome::Loaded(None), asked)),
            Nothing::Anywhere if !has_failed => Load::Nothing(leader, trouble),
            _ => Load::Over(over(leader, RenderOutcome::NotLoaded, asked)),
        }
    }

    /// Returns the page that the store has in place of one that memory lacks, or the reason why it
    /// could not be asked.
    pub(crate) async fn kept(&self, recipe: &Recipe) -> Result<Option<Arc<Entry>>, Reason> {
        let Some(shelf) = &self.shelf else {
            return Ok(None);
        };
        let known = self.known_tags(&recipe.page, &recipe.key);
        let (found, trouble) = self.ask(shelf, recipe, &known).await;
        trouble.map_or(Ok(found), Err)
    }

    /// Returns the page that the store has, if it is of use, or the reason why it could not be
    /// asked.
    async fn ask(
        &self,
        shelf: &Shelf,
        recipe: &Recipe,
        known: &[Arc<TagMark>],
    ) -> (Option<Arc<Entry>>, Option<Reason>) {
        // Before the question: a purge that is recorded later is not in the store's judgement.
        let recorded = shelf.ledger().recorded_through();
        let found = match shelf.get(&recipe.key).await {
            Kept::Waiting(entry) if holds(Rule::Queue) => Some(entry),
            Kept::Waiting(entry) => {
                let loaded = Loaded {
                    record: entry.to_record("", 0),
                    validity: Validity::Valid,
                    age: None,
                    recorded,
                    has_drafts: shelf.has_drafts,
                };
                let tags = self.tags_of(known, &loaded.record.tags);
                Entry::from_record(recipe, loaded, tags).map(Arc::new)
            }
            Kept::Found {
                record,
                validity,
                age,
            } => {
                let tags = self.tags_of(known, &record.tags);
                let loaded = Loaded {
                    record: *record,
                    validity,
                    age,
                    recorded,
                    has_drafts: shelf.has_drafts,
                };
                Entry::from_record(recipe, loaded, tags).map(Arc::new)
            }
            Kept::Nothing => None,
            Kept::Trouble(reason) => return (None, Some(reason)),
        };

        let can_be_served = |entry: &Arc<Entry>| {
            let freshness = entry.freshness(&self.marks, clock::now());
            freshness.can_be_served()
        };
        (found.filter(can_be_served), None)
    }

    /// Returns the marks of an entry: those that are known of its page, and the tags it was kept
    /// with.
    fn tags_of(&self, known: &[Arc<TagMark>], kept: &[bytes::Bytes]) -> EntryTags {
        let texts = kept.iter().filter_map(|tag| std::str::from_utf8(tag).ok());
        let kept = self.marks.intern(texts.map(str::to_owned));
        let is_known = |tag: &Arc<TagMark>| known.iter().any(|known| Arc::ptr_eq(known, tag));
        let late = kept.into_iter().filter(|tag| !is_known(tag));
        EntryTags::new(known.iter().cloned().chain(late).collect())
    }

    /// Ends a flight with a page that was found, unless another flight of the key has completed
    /// meanwhile.
    fn loaded(
        &self,
        leader: Leader,
        recipe: &Recipe,
        entry: &Arc<Entry>,
        asked: Instant,
    ) -> Arc<CompletedFlight> {
        let took = clock::now().saturating_duration_since(asked);
        let completed = leader.complete(took, |is_outrun| {
            let outcome = if is_outrun && holds(Rule::VoidLoad) {
                RenderOutcome::Loaded(None)
            } else if self.pages.lists.exclude(recipe) {
                RenderOutcome::NotListed
            } else {
                self.pages.memory.put(entry);
                RenderOutcome::Loaded(Some(entry.clone()))
            };
            (outcome, Sequence::NO_MARK)
        });
        entry.encode_soon(&self.tasks);
        completed
    }
}

/// Ends a flight that found nothing, and after which everybody looks again.
fn over(leader: Leader, outcome: RenderOutcome, asked: Instant) -> Arc<CompletedFlight> {
    let took = clock::now().saturating_duration_since(asked);
    leader.complete(took, |_| (outcome, Sequence::NO_MARK))
}
