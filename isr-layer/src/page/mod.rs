//! Pages: a registered route pattern with its policy. No async and no I/O here, only what literals can test.

mod declared;
pub(crate) mod pattern;
mod policy;

pub use declared::{Page, ParamSet, Params, ParamsFuture};
pub use policy::{Fallback, Policy};
