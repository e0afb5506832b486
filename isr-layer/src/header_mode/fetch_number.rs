//! The order in which fetches began.

/// The position of a fetch in the order in which all fetches began. It orders the variants of one
/// target, which are fetched side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FetchNumber(pub(super) u64);
