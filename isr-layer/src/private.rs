//! What generated code names. Not public API: it may change in any release.

pub use inventory;

pub use crate::context::check_in;

/// One annotated function of the program.
#[derive(Debug)]
pub struct Registered(pub crate::Page);

inventory::collect!(Registered);
