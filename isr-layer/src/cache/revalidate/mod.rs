//! A purge: [`plan`] finds the targets of its selectors, [`execute`] raises the marks and starts
//! the renders, [`report`] makes the receipt.
//!
//! Renders of many pages go further: [`search`] walks through memory once for all [`targets`],
//! [`queue`] holds the pages that wait, [`many`] renders them, and [`call`] counts for the receipt.

mod call;
mod execute;
mod job_result;
mod many;
mod plan;
mod queue;
mod report;
mod search;
mod spellings;
mod target;
mod targets;

pub(crate) use job_result::JobResult;
pub(super) use queue::Queue;
