//! The engine: memory, look-up, flights, regeneration and revalidation. Every face of the library is thin above it.

mod core;
mod flight;
mod handle;
mod land;
mod lists;
mod lookup;
mod memory;
mod new_keys;
mod permits;
mod prerender;
mod progress;
mod regenerate;
mod revalidate;
mod selection;
mod trouble;

pub use handle::{Cache, Explanation, HostExplanation, Stats};
pub use prerender::PrerenderReport;

pub(crate) use self::core::{Config, Core, Decision, Waiting};
pub(crate) use flight::{Landing, Lead};
pub(crate) use lists::Lists;
pub(crate) use lookup::{Glance, Sight};
pub(crate) use memory::{Bounded, bounded};
pub(crate) use permits::{Limits, Purpose};
pub(crate) use regenerate::{
    Answer, End, For, Render, RenderError, RenderResult, Renderer, attempt, caught, regenerate,
};
pub(crate) use trouble::Failure;
