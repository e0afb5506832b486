//! Prerendering: renders the pages that are known beforehand, before a client asks.

mod start;

pub use start::PrerenderReport;
