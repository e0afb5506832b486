//! The engine: lookup, flights, renders and purges. Every face of the library is thin above it.

mod complete;
mod core;
mod decide;
mod failure;
pub(crate) mod flight;
mod handle;
mod list_error;
mod load;
mod lookup;
mod memory;
mod negative_cache;
mod nesting;
mod new_key_limiter;
mod page_flight;
mod pages;
mod param_lists;
mod permits;
mod read_list;
mod render;
mod render_end;
mod renderer;
mod revalidate;
mod shelve;
mod steps;
mod undecided;
pub(crate) mod values;
mod verdict;
mod waits;

pub use handle::Cache;

pub(crate) use self::core::{Config, Core};
pub(crate) use self::revalidate::JobResult;
pub(crate) use decide::{Decision, Waiting};
pub(crate) use failure::Failure;
pub(crate) use list_error::ListError;
pub(crate) use lookup::{FastLookup, Lookup};
pub(crate) use memory::{Bounded, bounded};
pub(crate) use page_flight::{Leader, RenderOutcome};
pub(crate) use param_lists::ParamLists;
pub(crate) use permits::{Group, Limits, Purpose, Turn};
pub(crate) use render::{StartedFor, attempt, start};
pub(crate) use render_end::{LeaderReply, RenderEnd};
pub(crate) use renderer::{Render, RenderError, RenderResult, Renderer};
pub(crate) use steps::Steps;
pub(crate) use undecided::Undecided;
pub(crate) use waits::nested;
