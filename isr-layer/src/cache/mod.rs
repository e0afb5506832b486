//! The engine: memory, look-up, flights, regeneration and revalidation. Every face of the library is thin above it.

mod complete;
mod core;
mod flight;
mod handle;
mod lookup;
mod memory;
mod negative_cache;
mod new_key_limiter;
mod param_lists;
mod permits;
mod render;
mod revalidate;

pub use handle::{Cache, Explanation, HostExplanation, Stats};

pub(crate) use self::core::{Config, Core, Decision, Waiting};
pub(crate) use self::revalidate::JobResult;
pub(crate) use flight::{Leader, RenderOutcome};
pub(crate) use lookup::{FastLookup, Lookup};
pub(crate) use memory::{Bounded, bounded};
pub(crate) use negative_cache::Failure;
pub(crate) use param_lists::ParamLists;
pub(crate) use permits::{Limits, Purpose};
pub(crate) use render::{
    LeaderReply, Render, RenderEnd, RenderError, RenderResult, Renderer, StartedFor, attempt,
    caught, regenerate,
};
