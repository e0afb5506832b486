//! Invalidation: the sequence that orders purges and render starts, the marks they leave, and what
//! a caller may name.

mod marks;
mod not_revalidated;
mod purge;
mod receipt;

pub use not_revalidated::NotRevalidated;
pub use purge::{Mode, Purge, Selector};
pub use receipt::{Receipt, SelectorReceipt, SelectorStatus};

pub(crate) use marks::{EntryTags, Marks, Strength, TagMark, Target, Validity};
pub(crate) use purge::Item;
pub(crate) use receipt::SelectorStatus as Status;
