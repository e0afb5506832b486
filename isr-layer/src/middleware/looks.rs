//! The page of a request, as one look after the other finds it: in memory, or by a flight that
//! asked the store.

use std::sync::Arc;

use crate::cache::{Core, Decision, RenderOutcome};
use crate::clock;
use crate::entry::Entry;
use crate::invalidation::Sequence;
use crate::outcome::Outcome;
use crate::render::Recipe;

/// The page of a request, as its looks have found it so far.
pub(super) struct Looks {
    found: Option<Arc<Entry>>,
    /// The entry that the store had. Memory may drop it at once.
    loaded: Option<Arc<Entry>>,
    /// True if the last look found it in the store.
    is_loaded: bool,
    may_ask: bool,
}

/// The look after a flight that asked the store and rendered nothing.
pub(super) struct Again {
    loaded: Option<Arc<Entry>>,
    /// True if the store may be asked once more.
    may_ask: bool,
}

impl Again {
    /// Returns the next look if the flight of that outcome rendered nothing.
    pub(super) fn of(outcome: &RenderOutcome) -> Option<Self> {
        let (loaded, may_ask) = match outcome {
            // Another flight completed, and memory may have dropped what it stored.
            RenderOutcome::Loaded(None) => (None, true),
            RenderOutcome::Loaded(loaded) => (loaded.clone(), false),
            RenderOutcome::NotLoaded => (None, false),
            _ => return None,
        };
        Some(Self { loaded, may_ask })
    }
}

impl Looks {
    /// Begins with the entry that the lookup found.
    pub(super) fn new(found: Option<Arc<Entry>>) -> Self {
        Self {
            found,
            loaded: None,
            is_loaded: false,
            may_ask: true,
        }
    }

    /// Decides the next step for a request that came when the number `arrival` was published.
    pub(super) fn decide(&mut self, core: &Core, recipe: &Recipe, arrival: Sequence) -> Decision {
        let found = self.found.take();
        core.decide(recipe, found, self.may_ask, arrival, clock::now())
    }

    /// Returns the outcome of a response from the entry that was found.
    pub(super) fn outcome(&self, outcome: Outcome) -> Outcome {
        outcome.of_entry(self.is_loaded)
    }

    /// Looks again, after a flight that asked the store or that was of no use.
    pub(super) fn again(&mut self, again: Option<Again>, core: &Core, recipe: &Recipe) {
        let mut loaded = None;
        if let Some(again) = again {
            (loaded, self.may_ask) = (again.loaded, again.may_ask);
        }
        self.is_loaded = loaded.is_some();
        self.found = loaded
            .clone()
            .or_else(|| core.pages.memory.get_key(&recipe.key));
        self.loaded = loaded.or(self.loaded.take());
        self.found = self.found.take().or_else(|| self.loaded.clone());
    }
}
