//! A purge: [`plan`] finds the targets of its selectors, [`execute`] raises the marks and renders,
//! [`report`] makes the receipt.

mod execute;
mod job_result;
mod plan;
mod recipes;
mod report;
mod target;

pub(crate) use job_result::JobResult;
