//! Pages: a registered route pattern with its policy. No async and no I/O here, only what literals can test.

mod declared;
mod params;
pub(crate) mod pattern;
mod policy;

pub use declared::{Page, ParamSet, Params, ParamsFuture};
#[doc(hidden)]
pub use params::list_params;
pub use policy::{Fallback, Policy};
