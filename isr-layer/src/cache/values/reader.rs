//! The one who reads a value, and everything that is taken over of it.

use std::sync::Arc;
use std::time::Duration;

use super::read::MARGIN;
use super::value::{Upstream, Value};
use crate::cache::core::Core;
use crate::clock::{self, Instant};
use crate::invalidation::{Sequence, TagMark, Validity};
use crate::observe;
use crate::outcome::Reason;
use crate::page::check_text;
use crate::render::context::{Current, Use};
use crate::render::reads::{Ends, Inherited};
use crate::rules::{Rule, holds};
use crate::value::{Data, ValueKey, canonical, data_tag, value_tag};

/// The least time for which something is left alone that was made without a value.
const LEAST_REST: Duration = Duration::from_secs(1);

/// The one who reads a value, and the use that is made of it.
pub(crate) struct Reader {
    scope: Option<Current>,
    uses: Use,
    /// True if the scope belongs to another layer than the value.
    is_elsewhere: bool,
}

/// The state in which a value is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// Nothing newer was to be had, or the reader does not wait for it.
    AsItIs,
    /// It is out of date, and a new one could not be loaded. It is left alone until then, if a
    /// failure is remembered.
    Old(Option<Instant>),
}

impl Reader {
    /// Returns the reader in a scope, of values of `core`.
    pub(crate) fn within(scope: Option<Current>, core: &Core) -> Self {
        let uses = scope
            .as_ref()
            .map_or(Use::Passing, Current::what_is_read_is);
        let home = scope.as_ref().and_then(Current::home);
        let home = home.and_then(|home| home.downcast_ref::<Core>());
        Self {
            is_elsewhere: home.is_some_and(|home| !std::ptr::eq(home, core)),
            scope,
            uses,
        }
    }

    /// True if nothing that is read is kept from one call to the next: the client may see drafts.
    pub(crate) fn sees_drafts(&self) -> bool {
        self.uses == Use::Draft && holds(Rule::DraftAlone)
    }

    /// Returns the time at which the reader takes an old value rather than wait on: a little before
    /// its own limit.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadline = self.scope.as_ref()?.deadline()?;
        let left = deadline.saturating_duration_since(clock::now());
        deadline.checked_sub(MARGIN.min(left / 10))
    }

    /// Returns the newest purge of the thing that the reader makes: a page that was purged by its
    /// path is made of nothing older, though the purge does not name its values.
    pub(crate) fn needs(&self) -> Sequence {
        let scope = self
            .scope
            .as_ref()
            .filter(|_| self.keeps() && !self.is_elsewhere);
        match holds(Rule::Needs) {
            true => scope.map_or(Sequence::NO_MARK, Current::needs),
            false => Sequence::NO_MARK,
        }
    }

    pub(super) fn keeps(&self) -> bool {
        self.uses == Use::Kept
    }

    /// Takes over a value that was fresh a moment ago.
    #[inline]
    pub(crate) fn hand(&self, core: &Core, value: &Value, handed: Handed) {
        if self.keeps() {
            // Judged now: a purge may have come since the load.
            let mut inherited = value.inherited(value.validity(&core.marks));
            if let Handed::Old(rests_until) = handed {
                inherited.is_old = true;
                inherited.rests_until = rests_until.or(inherited.rests_until);
            }
            inherited.rests_until = inherited.rests_until.filter(|until| *until > clock::now());
            self.inherit(inherited);
        }
    }

    fn inherit(&self, value: Inherited<'_>) {
        let Some(scope) = &self.scope else { return };
        if !self.is_elsewhere || !holds(Rule::OtherLayer) {
            return scope.inherit(value);
        }
        // The numbers of two layers do not compare.
        scope.inherit(Inherited {
            marks: &[],
            not_kept: Some(Reason::OtherLayer),
            ..value
        });
    }

    /// Takes over the word of an upstream on a value that this reader loaded itself.
    pub(crate) fn inherit_upstream(&self, upstream: &Upstream) {
        if self.keeps() {
            self.inherit(Inherited {
                ends: Ends {
                    stale_at: upstream.stale_at,
                    gone_at: None,
                },
                not_kept: upstream.not_kept,
                ..Inherited::default()
            });
        }
    }

    /// Takes over the end of `None`, which this reader loaded itself.
    pub(crate) fn inherit_none(&self, data: &Data) {
        let stale_at = clock::now().checked_add(data.not_found_revalidate);
        if self.keeps() {
            self.inherit(Inherited {
                ends: Ends {
                    stale_at,
                    gone_at: None,
                },
                ..Inherited::default()
            });
        }
    }

    /// Takes over a value that could not be loaded. The reader may make do without it, and is out
    /// of date then: it is made anew once the value can be loaded again, or after its next purge.
    pub(crate) fn inherit_failed(
        &self,
        core: &Core,
        data: &Data,
        key: Option<&ValueKey>,
        tags: &[String],
    ) {
        if !self.keeps() {
            return;
        }
        let now = clock::now();
        let negative = &core.values.negative;
        let negative = key.and_then(|key| negative.get(&core.marks, key, now, true));
        let rests_until = negative.as_ref().map(|negative| negative.until(true));

        let mut marks = core.known_marks(data, key, tags);
        // The load may have learnt some of its tags before it failed.
        marks.extend(
            negative
                .iter()
                .flat_map(|negative| negative.tags().to_vec()),
        );
        self.inherit(Inherited {
            marks: &marks,
            validity: Validity::Soft,
            is_old: true,
            rests_until: rests_until.or_else(|| now.checked_add(LEAST_REST)),
            ..Inherited::default()
        });
    }

    /// Takes over the marks and the ends of a value that this reader loads itself.
    pub(crate) fn inherit_direct(
        &self,
        core: &Core,
        data: &Data,
        key: Option<&ValueKey>,
        tags: &[String],
    ) {
        if !self.keeps() {
            return;
        }
        let marks = core.known_marks(data, key, tags);
        let end = |after: Option<Duration>| clock::now().checked_add(after?);

        self.inherit(Inherited {
            marks: &marks,
            ends: Ends {
                stale_at: end(data.revalidate),
                gone_at: end(data.expire),
            },
            ..Inherited::default()
        });
    }
}

impl Core {
    /// Returns the marks that are known to be on a value before it is loaded.
    pub(super) fn known_marks(
        &self,
        data: &Data,
        key: Option<&ValueKey>,
        tags: &[String],
    ) -> Vec<Arc<TagMark>> {
        let of_value = key.and_then(|key| {
            let arguments = canonical(key.arguments())?;
            Some(value_tag(key.name(), &arguments))
        });
        let declared = data.tags.iter().map(|tag| (*tag).to_owned());
        let declared = declared.chain(tags.iter().cloned()).filter(|tag| {
            let checked = check_text(tag);
            if let Err(error) = checked {
                observe::tag_of_data_ignored(data.name(), error);
            }
            checked.is_ok()
        });
        let of_name = data_tag(data.name());
        let marks = std::iter::once(of_name).chain(of_value).chain(declared);
        self.marks.intern(marks)
    }
}
