//! Pages: route patterns with their policies. There is no I/O here, so literals are enough to test
//! it.

mod checks;
mod declared;
mod excepted;
mod fill;
mod mounted;
mod name;
mod param_set;
mod params;
mod path;
mod path_filter;
pub(crate) mod pattern;
mod pattern_syntax;
mod policy;
mod registry;
mod time;
mod vary_by;

pub use declared::Page;
pub use param_set::ParamSet;
pub use params::{IntoParamSet, ParamList, Params, ParamsFuture};
pub use policy::{Fallback, Policy};
#[doc(hidden)]
pub use {params::list_params, time::SecondsOrDuration};

pub(crate) use checks::identifies_client;
pub(crate) use name::{MAX_NAME, NameError, check_characters, check_path_length, check_text};
pub(crate) use params::{ListParams, declared_list, given_list};
pub(crate) use path::canonical;
pub(crate) use pattern_syntax::{normalize_page, parameter};
pub(crate) use registry::{RegisteredPage, Registry};
pub(crate) use vary_by::{HeaderFunction, NoResult, VaryBy};
