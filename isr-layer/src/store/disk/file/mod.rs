//! One file of redb: opened, written, set aside when it is broken, and opened again after trouble.

mod commit;
mod failure;
mod gaps;
mod held;
mod open;

pub(super) use self::commit::{Lasts, commit, number};
pub(super) use self::failure::Failure;
pub(super) use self::gaps::{FillGaps, fill_gaps};
pub(super) use self::held::{Health, HeldFile};
pub(super) use self::open::{Create, META, Origin, Plan, create_file, set_aside};
