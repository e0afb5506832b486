//! Items that generated code names. Not public API: they may change in any release.

#[cfg(feature = "axum-0_8")]
pub use axum;
pub use inventory;
#[cfg(feature = "macros")]
pub use isr_layer_macros::__free_functions as free_functions;

pub use crate::page::{SecondsOrDuration, list_params};
pub use crate::render::extractors::{ClientInput, NoClientInput, Probe, refusal};

/// Items that `#[static_data]` names.
pub mod data {
    pub use crate::data::probe::*;
    pub use crate::data::typed::{Output, Share, Steps, read_here as read};
    pub use crate::value::ArgumentsWriter;
}

/// One annotated function of the program whose values are cached.
#[derive(Debug)]
pub struct RegisteredData(pub crate::data::Data);

inventory::collect!(RegisteredData);

/// Without the attribute, no function has the items that `routes!` names.
#[cfg(not(feature = "macros"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __free_functions {
    ($names:tt { $($tokens:tt)* }) => {
        $($tokens)*
    };
}
#[cfg(not(feature = "macros"))]
pub use crate::__free_functions as free_functions;

/// The value that a page's function returns: a future.
#[diagnostic::on_unimplemented(
    message = "a page is an `async fn`, and this one returns `{Self}` at once",
    label = "add `async` in front of `fn`"
)]
pub trait PageFuture {}

impl<F: Future> PageFuture for F {}

/// One annotated function of the program.
#[derive(Debug)]
pub struct Registered(pub crate::Page);

inventory::collect!(Registered);

/// A change of every builder of the program, for a test run that puts a store behind all layers.
#[cfg(feature = "__suites")]
#[derive(Debug)]
pub struct EveryLayer(pub fn(crate::IsrLayerBuilder) -> crate::IsrLayerBuilder);

#[cfg(feature = "__suites")]
inventory::collect!(EveryLayer);

/// Leaves out a rule of stores in all of the program, to see that a test notices. Returns `false`
/// for an unknown name.
#[cfg(feature = "__suites")]
pub fn break_rule(name: &str) -> bool {
    crate::rules::break_rule(name)
}

/// Marks that the function of these pages runs. Generated code calls this at the start of the
/// function.
pub fn mark_handler_ran(pages: &[crate::Page]) {
    crate::render::context::mark_handler_ran(pages);
}

/// Notes that a route of the page's function checks in before extraction.
pub fn note_mounted(page: &crate::Page) {
    page.note_mounted();
}
