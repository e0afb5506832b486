//! Asks about the types of a function, for the attribute: those of its arguments and its result.
//!
//! The function is not generic, so a method that exists under a bound can be told from one that
//! does not: an inherent method beats that of a trait, and a method found with fewer steps of
//! dereferencing beats one found with more. Where a type lacks a bound, the method of a trait
//! stands in, which never runs. So each lack is one error, that of the check under the user's own
//! tokens.
//!
//! Methods of traits are named `probe_*`, so that no trait in the user's scope has one of that
//! name.

mod argument;
mod asking;
mod checks;
mod output;
mod weight;

pub use self::argument::{Argument, RefusedArgument};
pub use self::asking::refusal;
pub use self::checks::{
    cloned, compared, displayed, kept, owned, sent, sent_error, serialized, shared,
};
pub use self::output::{
    Call, Fault, Keyed, NotChecked, NotResult, Returned, Shared, Types, Unshared, Value,
    WithoutNone,
};
pub use self::weight::{ByContent, ByDefault, ByNumber, Contents, Weight};
