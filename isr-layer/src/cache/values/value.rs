//! One value in memory, and its freshness.

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use http::HeaderMap;

use crate::clock::Instant;
use crate::entry::{Freshness, Lifetime};
use crate::invalidation::{AtomicSequence, EntryTags, Marks, Sequence, Subject, Validity};
use crate::outcome::{Reason, Staleness};
use crate::render::reads::{Ends, Inherited};
use crate::value::{Data, ValueKey};

/// Bytes of a value beside its own and those of its key.
const VALUE_BYTES: usize = 256;

/// The response of an upstream that a value was made of, as far as it is kept.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// The fields that validate it.
    pub(crate) headers: HeaderMap,
    /// The time at which it was asked for.
    pub(crate) sent: SystemTime,
    /// The time up to which it says that it is fresh.
    pub(crate) stale_at: Option<Instant>,
    /// The time from which it is not used while it is refreshed.
    pub(crate) waits_at: Option<Instant>,
    /// The reason why nothing that is made of it may be kept.
    pub(crate) not_kept: Option<Reason>,
    /// True if it says that the upstream is in trouble.
    pub(crate) is_failure: bool,
}

/// One value that was loaded.
pub(crate) struct Value {
    key: ValueKey,
    /// The place of its `Data`: another one of the same name must not be taken for it.
    made_at: &'static Location<'static>,
    value: Arc<dyn Any + Send + Sync>,
    /// The arguments, which confirm that a key means the same call.
    arguments: Arc<dyn Any + Send + Sync>,
    as_of: Sequence,
    /// The last number at which no mark was on the value.
    valid_through: AtomicSequence,
    /// The strictest judgement of the values that it was made of.
    born_as: Validity,
    marks: EntryTags,
    ends: Ends,
    /// The time from which it is never handed out. `None` of an option ends before its readers do.
    gone_at: Option<Instant>,
    /// The ends of the values that it was made of, and those that its load hinted at.
    read_ends: Ends,
    hinted: Lifetime,
    /// The lowest number that it, or a value that it was made of, was loaded at.
    oldest: Sequence,
    /// The response that it was made of, if an upstream gave one.
    upstream: Option<Arc<Upstream>>,
    /// True if it was made of a value that is out of date.
    is_old: bool,
    /// The time until which a value that it was made of is left alone.
    rests_until: Option<Instant>,
    /// The reason why neither it nor anything that is made of it is kept.
    not_kept: Option<Reason>,
    size: usize,
}

/// Everything of a [`Value`] but its judgement so far.
pub(super) struct NewValue {
    pub(super) key: ValueKey,
    pub(super) made_at: &'static Location<'static>,
    pub(super) value: Arc<dyn Any + Send + Sync>,
    pub(super) arguments: Arc<dyn Any + Send + Sync>,
    pub(super) as_of: Sequence,
    pub(super) born_as: Validity,
    pub(super) marks: EntryTags,
    pub(super) ends: Ends,
    pub(super) gone_at: Option<Instant>,
    pub(super) read_ends: Ends,
    pub(super) hinted: Lifetime,
    pub(super) oldest: Sequence,
    pub(super) upstream: Option<Arc<Upstream>>,
    pub(super) is_old: bool,
    pub(super) rests_until: Option<Instant>,
    pub(super) not_kept: Option<Reason>,
    pub(super) weight: usize,
}

impl Value {
    pub(super) fn new(new: NewValue) -> Self {
        let marks = new.marks.as_slice().iter();
        let marks = marks.map(|mark| size_of_val(mark) + mark.size());
        let upstream = new.upstream.as_ref().map_or(0, |upstream| {
            let fields = upstream.headers.iter();
            fields
                .map(|(name, value)| name.as_str().len() + value.len() + 64)
                .sum()
        });
        let size = VALUE_BYTES
            .saturating_add(upstream)
            // Twice: the arguments themselves are kept, too.
            .saturating_add(2 * new.key.size())
            .saturating_add(new.weight)
            .saturating_add(marks.sum());

        Self {
            key: new.key,
            made_at: new.made_at,
            value: new.value,
            arguments: new.arguments,
            as_of: new.as_of,
            valid_through: AtomicSequence::new(new.as_of),
            born_as: new.born_as,
            marks: new.marks,
            ends: new.ends,
            gone_at: new.gone_at,
            read_ends: new.read_ends,
            hinted: new.hinted,
            oldest: new.oldest,
            upstream: new.upstream,
            is_old: new.is_old,
            rests_until: new.rests_until,
            not_kept: new.not_kept,
            size,
        }
    }

    pub(crate) fn key(&self) -> &ValueKey {
        &self.key
    }

    /// True if the upstream can confirm the value: nothing else that it was made of has ended.
    pub(super) fn can_be_confirmed(&self, now: Instant) -> bool {
        let ends = [self.read_ends.stale_at, self.read_ends.gone_at];
        !self.is_old && !ends.into_iter().flatten().any(|end| now >= end)
    }

    /// Returns the ends of the values that it was made of, and the lifetime that its load hinted
    /// at: they hold on if an upstream confirms it.
    pub(super) fn inheritance(&self) -> (Ends, Lifetime, Sequence) {
        (self.read_ends, self.hinted, self.oldest)
    }

    /// True if it knows a purge: all that it is made of was loaded after that.
    #[inline]
    pub(crate) fn knows(&self, purge: Sequence) -> bool {
        self.oldest >= purge
    }

    pub(super) fn as_of(&self) -> Sequence {
        self.as_of
    }

    /// True if the value is of this `Data`.
    #[inline]
    pub(crate) fn is_of(&self, data: &Data) -> bool {
        std::ptr::eq(self.made_at, data.made_at()) || self.made_at == data.made_at()
    }

    /// Returns the value, if it is a `T`.
    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    pub(crate) fn arguments(&self) -> &(dyn Any + Send + Sync) {
        &*self.arguments
    }

    pub(super) fn marks(&self) -> &EntryTags {
        &self.marks
    }

    /// Returns the response that the value was made of, if an upstream gave one.
    pub(crate) fn upstream(&self) -> Option<&Arc<Upstream>> {
        self.upstream.as_ref()
    }

    pub(super) fn not_kept(&self) -> Option<Reason> {
        self.not_kept
    }

    /// Returns the bytes the value takes in memory.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// True if the value may be handed out as it is: one comparison for each end and one for marks,
    /// as long as nothing was purged since the last look.
    #[inline]
    pub(crate) fn is_fresh(&self, marks: &Marks, now: impl FnOnce() -> Instant) -> bool {
        let end = self.ends.stale_at.into_iter().chain(self.gone_at).min();
        self.validity(marks) == Validity::Valid && end.is_none_or(|end| now() < end)
    }

    /// Judges the value by its ends and its marks: the stricter of both decides.
    pub(super) fn freshness(&self, marks: &Marks, now: Instant) -> Freshness {
        let is_past = |end: Option<Instant>| end.is_some_and(|end| now >= end);
        if is_past(self.gone_at) {
            return Freshness::MustRender { fallback: false };
        }
        let waits_at = self
            .upstream
            .as_ref()
            .and_then(|upstream| upstream.waits_at);
        match self.validity(marks) {
            Validity::Hard => Freshness::MustRender { fallback: true },
            _ if is_past(waits_at) => Freshness::MustRender { fallback: true },
            Validity::Soft => Freshness::Stale(Staleness::Mark),
            Validity::Valid if is_past(self.ends.stale_at) => Freshness::Stale(Staleness::Time),
            Validity::Valid => Freshness::Fresh,
        }
    }

    /// Judges the value by its marks, and by the values that it was made of.
    pub(super) fn validity(&self, marks: &Marks) -> Validity {
        self.born_as.max(self.validity_of_marks(marks))
    }

    #[inline]
    fn validity_of_marks(&self, marks: &Marks) -> Validity {
        let published = marks.published();
        let valid_through = self.valid_through.load(Ordering::Relaxed);
        if published == valid_through {
            return Validity::Valid;
        }
        let subject = Subject::nowhere(self.marks.as_slice());
        let validity = marks.validity(subject, valid_through);
        if validity == Validity::Valid {
            self.valid_through.raise(published, Ordering::Relaxed);
        }
        validity
    }

    /// Returns everything that a reader takes over who gets the value with this judgement.
    pub(super) fn inherited(&self, validity: Validity) -> Inherited<'_> {
        Inherited {
            marks: self.marks.as_slice(),
            ends: self.ends,
            oldest: Some(self.oldest),
            validity,
            is_old: self.is_old,
            rests_until: self.rests_until,
            not_kept: self.not_kept,
        }
    }
}
