//! What generated code names. Not public API: it may change in any release.

#[cfg(feature = "axum-0_8")]
pub use axum;
pub use inventory;

pub use crate::page::list_params;
pub use crate::render::context::check_in;
pub use crate::render::extractors::{Harmless, Leak, Probe, refusal};

/// One annotated function of the program.
#[derive(Debug)]
pub struct Registered(pub crate::Page);

inventory::collect!(Registered);
