//! Pages: route patterns with their policies. There is no I/O here, so literals are enough to test
//! it.

mod declared;
mod params;
mod path;
mod path_filter;
pub(crate) mod pattern;
mod pattern_syntax;
mod policy;
mod registry;

pub use declared::{Page, ParamSet, Params, ParamsFuture};
#[doc(hidden)]
pub use params::list_params;
pub use policy::{Fallback, Policy};

pub(crate) use params::{ListParams, ParamList, declared_list, given_list};
pub(crate) use path::canonical;
pub(crate) use pattern_syntax::{normalize_page, parameter};
pub(crate) use registry::{RegisteredPage, Registry, says_who_asks};
