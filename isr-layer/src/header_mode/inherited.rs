//! The inheritance of a response: the hints that its handler gave through
//! [`context`](crate::context), and the values that it read through [`data`](crate::data).

use std::sync::Arc;
use std::time::Duration;

use super::freshness::Lifetime;
use crate::clock::Instant;
use crate::entry::Birth;
use crate::invalidation::{EntryTags, Marks, TagMark, Validity};
use crate::outcome::Reason;
use crate::render::context::HandlerHints;
use crate::render::reads::{Ends, MAX_MARKS};

/// The marks, the ends and the judgement of the values that a response was made of.
#[derive(Debug)]
pub(super) struct Inherited {
    pub(super) marks: EntryTags,
    pub(super) born_as: Validity,
    pub(super) ends: Ends,
    /// True if one of them could not be loaded anew.
    pub(super) is_old: bool,
    /// The time until which a value that could not be loaded is left alone.
    pub(super) rests_until: Option<Instant>,
    /// The reason why the response may not be stored.
    pub(super) not_kept: Option<Reason>,
}

impl Inherited {
    /// Takes over the hints and the reads of the time in which a response was made.
    pub(super) fn of(hints: &HandlerHints, marks: &Marks) -> Self {
        let mut tags = marks.intern(hints.tags.iter().cloned());
        tags.extend(hints.reads.marks().iter().cloned());
        let no_store = hints.no_store.then_some(Reason::NoStore);
        Self {
            marks: distinct(tags),
            is_old: hints.reads.is_old,
            born_as: hints.reads.born_as,
            ends: hints.reads.ends,
            rests_until: hints.reads.rests_until,
            not_kept: no_store.or(hints.reads.not_kept),
        }
    }

    /// Takes over the marks of the response before, which the origin has confirmed: its body was
    /// made of their values.
    pub(super) fn with_marks_of(self, before: &Self) -> Self {
        let marks = distinct([self.marks.as_slice(), before.marks.as_slice()].concat());
        let is_too_many = marks.as_slice().len() > MAX_MARKS;
        let not_kept = is_too_many.then_some(Reason::TooManyTags);
        Self {
            marks,
            not_kept: self.not_kept.or(not_kept),
            ..self
        }
    }
}

/// Returns the marks, each once.
fn distinct(mut marks: Vec<Arc<TagMark>>) -> EntryTags {
    marks.sort_by_key(Arc::as_ptr);
    marks.dedup_by(|one, other| Arc::ptr_eq(one, other));
    EntryTags::new(marks)
}

impl Lifetime {
    /// Returns the lifetime of a response born at `birth` that ends no later than the values that
    /// it was made of. The windows after its freshness stay as long as the origin has them.
    pub(super) fn limited_by(self, inherited: &Inherited, birth: Birth) -> Self {
        let lower = |own: Duration, end: Option<Instant>| {
            let end = end.map(|end| birth.age(end));
            end.map_or(own, |end| own.min(end))
        };
        let Ends { stale_at, gone_at } = inherited.ends;
        let fresh = lower(lower(self.fresh, stale_at), gone_at);
        let window = |until: Duration| lower(fresh + until.saturating_sub(self.fresh), gone_at);
        Self {
            fresh,
            while_revalidate: window(self.while_revalidate),
            if_error: window(self.if_error),
        }
    }
}
