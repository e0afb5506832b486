//! Face 5, prerendering: the pages that are known beforehand, rendered before anybody asks.

mod start;

pub use start::PrerenderReport;
