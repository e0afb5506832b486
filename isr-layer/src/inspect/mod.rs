//! Inspection: the figures of a cache, and the state of one path.

mod explain;
mod figures;

pub use explain::{ExplainedValue, Explanation, Freshness, HostExplanation};
pub use figures::Metrics;
