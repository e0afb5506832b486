//! Prerendering: renders the pages that are known beforehand, before a client asks.

mod choice;
mod progress;
mod report;
mod run;
mod start;

pub use progress::Progress;
pub use report::{PrerenderError, PrerenderReport};
pub use start::Prerender;
