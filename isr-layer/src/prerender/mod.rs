//! Prerendering: renders the pages that are known beforehand, before a client asks.

mod report;
mod start;

pub use report::{PrerenderError, PrerenderReport};
pub use start::Prerender;
