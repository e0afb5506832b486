//! Items that generated code names. Not public API: they may change in any release.

#[cfg(feature = "axum")]
pub use axum;
pub use inventory;

pub use crate::leak::{ClientInput, NoClientInput, Probe, refusal};
pub use crate::page::list_params;

/// One annotated function of the program.
#[derive(Debug)]
pub struct Registered(pub crate::Page);

inventory::collect!(Registered);

/// Marks that the function of `page` runs. Generated code calls this at the start of the function.
pub fn mark_handler_ran(page: &crate::Page) {
    crate::context::mark_handler_ran(page);
}
