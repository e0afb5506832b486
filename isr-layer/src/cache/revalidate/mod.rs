//! A purge: from selectors to a plan, from the plan to marks and renders, and from these to a receipt.

mod execute;
mod plan;
mod progress;

pub(crate) use progress::JobResult;
