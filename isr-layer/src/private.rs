//! Items that generated code names. Not public API: they may change in any release.

#[cfg(feature = "axum-0_8")]
pub use axum;
pub use inventory;

pub use crate::page::list_params;
pub use crate::render::extractors::{ClientInput, NoClientInput, Probe, refusal};

/// One annotated function of the program.
#[derive(Debug)]
pub struct Registered(pub crate::Page);

inventory::collect!(Registered);

/// Marks that the function of these pages runs. Generated code calls this at the start of the
/// function.
pub fn mark_handler_ran(pages: &[crate::Page]) {
    crate::render::context::mark_handler_ran(pages);
}

/// Notes that a route of the page's function checks in before extraction.
pub fn note_mounted(page: &crate::Page) {
    page.note_mounted();
}
