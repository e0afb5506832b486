//! Pages: a registered route pattern with its policy. No async and no I/O here, only what literals can test.

mod beginnings;
mod declared;
mod params;
mod path;
pub(crate) mod pattern;
mod policy;
mod registry;
mod spelling;

pub use declared::{Page, ParamSet, Params, ParamsFuture};
#[doc(hidden)]
pub use params::list_params;
pub use policy::{Fallback, Policy};

pub(crate) use params::{ListParams, ParamList, declared_list, given_list};
pub(crate) use path::canonical;
pub(crate) use registry::{Known, Registry, says_who_asks};
pub(crate) use spelling::{normalize_page, parameter};
