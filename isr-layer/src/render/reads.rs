//! The inheritance of a render: the marks and the ends of the values that it read.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Instant;
use crate::invalidation::{Sequence, TagMark, Validity};
use crate::outcome::Reason;
use crate::rules::{Rule, holds};
use crate::value::is_of_data;

/// The largest number of marks that a page takes over from its values.
pub(crate) const MAX_MARKS: usize = 1024;

/// The times at which something ends, whenever it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The time from which it is stale.
    pub(crate) stale_at: Option<Instant>,
    /// The time from which it is never handed out.
    pub(crate) gone_at: Option<Instant>,
}

/// Everything that one render, or one load, took over from the values that it read.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    marks: Vec<Arc<TagMark>>,
    /// The addresses of the marks, once they are many.
    seen: BTreeSet<usize>,
    pub(crate) ends: Ends,
    /// The lowest number that a value, or one that it was made of, was loaded at.
    pub(crate) oldest: Option<Sequence>,
    /// The strictest judgement of a value, as it was handed out.
    pub(crate) born_as: Validity,
    /// True if a value was out of date, and could not be loaded anew.
    pub(crate) is_old: bool,
    /// The time until which a value that could not be loaded is left alone.
    pub(crate) rests_until: Option<Instant>,
    /// The reason why nothing that is made of these values may be kept.
    pub(crate) not_kept: Option<Reason>,
}

/// One value, as a reader takes it over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited<'a> {
    pub(crate) marks: &'a [Arc<TagMark>],
    pub(crate) ends: Ends,
    pub(crate) oldest: Option<Sequence>,
    pub(crate) validity: Validity,
    pub(crate) is_old: bool,
    pub(crate) rests_until: Option<Instant>,
    pub(crate) not_kept: Option<Reason>,
}

impl Inherited<'_> {
    /// Something of another layer, whose purges this one does not know.
    pub(crate) fn of_other_layer() -> Self {
        Self {
            not_kept: Some(Reason::OtherLayer),
            ..Self::default()
        }
    }
}

impl Default for Inherited<'_> {
    /// Nothing.
    fn default() -> Self {
        Self {
            marks: &[],
            ends: Ends::default(),
            oldest: None,
            validity: Validity::Valid,
            is_old: false,
            rests_until: None,
            not_kept: None,
        }
    }
}

impl Ends {
    /// Returns the earlier one of each end.
    pub(crate) fn earliest(self, other: Self) -> Self {
        Self {
            stale_at: earliest(self.stale_at, other.stale_at),
            gone_at: earliest(self.gone_at, other.gone_at),
        }
    }
}

impl Reads {
    /// Takes over a value: its marks, its ends and its judgement.
    pub(crate) fn inherit(&mut self, value: Inherited<'_>) {
        let marks = match holds(Rule::Marks) {
            true => value.marks,
            false => &[],
        };
        for mark in marks {
            if self.is_new(mark) {
                self.marks.push(mark.clone());
            }
        }
        if self.marks.len() > MAX_MARKS && holds(Rule::ManyMarks) {
            self.not_kept.get_or_insert(Reason::TooManyTags);
            self.marks.truncate(MAX_MARKS);
        }

        if holds(Rule::Ends) {
            self.ends = self.ends.earliest(value.ends);
        }
        if holds(Rule::BornStale) {
            self.born_as = self.born_as.max(value.validity);
        }
        self.oldest = self.oldest.into_iter().chain(value.oldest).min();
        self.is_old |= value.is_old;
        self.rests_until = earliest(self.rests_until, value.rests_until);
        self.not_kept = self.not_kept.or(value.not_kept);
    }

    fn is_new(&mut self, mark: &Arc<TagMark>) -> bool {
        const FEW: usize = 16;
        if self.marks.len() < FEW {
            return !self.marks.iter().any(|known| Arc::ptr_eq(known, mark));
        }
        if self.seen.is_empty() {
            let known = self.marks.iter().map(|known| Arc::as_ptr(known).addr());
            self.seen.extend(known);
        }
        self.seen.insert(Arc::as_ptr(mark).addr())
    }

    /// Returns the tags that were on the values, without the marks of the values themselves.
    pub(crate) fn tags(&self) -> impl Iterator<Item = String> {
        let names = self.marks.iter().filter_map(|mark| mark.name());
        names.filter(|name| !is_of_data(name)).map(str::to_owned)
    }

    /// Returns the marks that were on the values.
    pub(crate) fn marks(&self) -> &[Arc<TagMark>] {
        &self.marks
    }
}

impl Default for Reads {
    fn default() -> Self {
        Self {
            marks: Vec::new(),
            seen: BTreeSet::new(),
            ends: Ends::default(),
            oldest: None,
            born_as: Validity::Valid,
            is_old: false,
            rests_until: None,
            not_kept: None,
        }
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
