//! The [`Choice`] for one client: the encoding of a stored page, and the kind of response.

use std::ops::Range;

/// The response that one client gets of an [`Entry`](crate::entry::Entry).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The index in [`Entry::encoded`](crate::entry::Entry::encoded); `None` is identity.
    pub(crate) encoding: Option<u8>,
    pub(crate) kind: ResponseKind,
}

/// One kind of response that can be made of a stored page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    /// The stored status and headers, with the body.
    Whole,
    /// The response to HEAD: GET's without the body.
    Head,
    /// A 304, without the headers that describe the body.
    NotModified,
    /// A 412, without a body.
    PreconditionFailed,
    /// A 206 with these bytes of the body.
    Part(Span),
    /// A 416, without a body.
    Unsatisfiable,
}

/// A range of bytes in one number, so that a [`Choice`] stays small: each hit moves one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(u64);

impl Span {
    /// Returns `None` if the range reaches beyond four gigabytes.
    pub(super) fn new(bytes: Range<usize>) -> Option<Self> {
        let (start, end) = (
            u32::try_from(bytes.start).ok()?,
            u32::try_from(bytes.end).ok()?,
        );
        Some(Self(u64::from(start) << 32 | u64::from(end)))
    }

    /// Returns the range of bytes.
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
        const MAX_LEN: usize = u32::MAX as usize;
        for range in [0..1, 7..19, 0..MAX_LEN, MAX_LEN - 1..MAX_LEN] {
            assert_eq!(Span::new(range.clone()).map(Span::range), Some(range));
        }
        assert_eq!(Span::new(0..MAX_LEN + 1), None);
    }
}
