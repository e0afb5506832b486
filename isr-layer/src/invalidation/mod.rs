//! Invalidation: the sequence that orders purges and render starts, the marks of purges, and the
//! selectors and receipts of a caller.

mod ages;
mod mark;
mod marks;
mod mistake;
mod not_revalidated;
mod purge;
mod reach;
mod receipt;
mod selector;
mod selector_error;
mod sequence;
mod sweep;
mod table;
mod tag_mark;

pub use mark::Validity;
pub use not_revalidated::NotRevalidated;
pub use purge::{Mode, Purge};
pub use reach::Reach;
pub use receipt::{Receipt, SelectorReceipt, SelectorStatus};
pub use selector::Selector;
pub use selector_error::SelectorError;

pub(crate) use mark::Strength;
pub(crate) use marks::{HeldMark, Marks, Target};
pub(crate) use mistake::Mistake;
pub(crate) use purge::Item;
pub(crate) use selector_error::SelectorErrorKind;
pub(crate) use sequence::{AtomicSequence, Sequence};
pub(crate) use tag_mark::{EntryTags, Subject, TagMark};
