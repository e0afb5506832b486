//! Invalidation: the sequence that orders purges and render starts, the marks of purges, and the
//! selectors and receipts of a caller.

mod mark;
mod marks;
mod purge;
mod receipt;
mod sequence;
mod table;
mod tag_mark;

pub use purge::{Mode, Purge, Selector};
pub use receipt::{Receipt, SelectorReceipt, Status};

pub(crate) use mark::{Strength, Validity};
pub(crate) use marks::{Marks, Target};
pub(crate) use purge::Item;
pub(crate) use sequence::{AtomicSequence, Sequence};
pub(crate) use tag_mark::{EntryTags, Subject, TagMark};
