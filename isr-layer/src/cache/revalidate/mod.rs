//! A purge: [`plan`] finds the targets of its selectors, [`execute`] raises the marks, [`start`]
//! starts the renders, and [`report`] makes the receipt. [`path`] renders the variants of one path,
//! [`recipes`] renders each of them, and the pages of a prerendering.
//!
//! Renders of many pages go further: [`search`] walks through memory once for all [`targets`],
//! [`queue`] holds the pages that wait, [`many`] renders them, and [`call`] counts for the receipt.

mod call;
mod execute;
mod job_result;
mod many;
mod path;
mod plan;
mod queue;
mod recipes;
mod report;
mod search;
mod spellings;
mod start;
mod target;
mod targets;

pub(crate) use job_result::JobResult;
pub(super) use queue::Queue;
