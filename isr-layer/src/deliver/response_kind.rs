//! What can be sent of a stored page.

use std::ops::Range;

/// What one client gets of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Which of the entry's encodings; `None` is identity.
    pub(crate) encoding: Option<u8>,
    pub(crate) kind: ResponseKind,
}

/// What a stored page can be sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    /// With its body.
    Whole,
    /// As the answer to HEAD: all but the body.
    Head,
    /// As a 304: without what describes the body.
    NotModified,
    /// As a 412.
    PreconditionFailed,
    /// These bytes of it, as a 206.
    Part(Span),
    /// As a 416.
    Unsatisfiable,
}

/// A range of bytes in one number, so that a choice stays small: each hit moves one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(u64);

impl Span {
    /// None of what lies more than four gigabytes into a body.
    pub(super) fn new(bytes: Range<usize>) -> Option<Self> {
        let (start, end) = (
            u32::try_from(bytes.start).ok()?,
            u32::try_from(bytes.end).ok()?,
        );
        Some(Self(u64::from(start) << 32 | u64::from(end)))
    }

    /// The bytes it names.
    pub(crate) fn range(self) -> Range<usize> {
        let [start, end] = [self.0 >> 32, self.0 & u64::from(u32::MAX)];
        start as usize..end as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_the_range_it_was_made_of_up_to_four_gigabytes() {
        const MOST: usize = u32::MAX as usize;
        for range in [0..1, 7..19, 0..MOST, MOST - 1..MOST] {
            assert_eq!(Span::new(range.clone()).map(Span::range), Some(range));
        }
        assert_eq!(Span::new(0..MOST + 1), None);
    }
}
