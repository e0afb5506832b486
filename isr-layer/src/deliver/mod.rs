//! Delivery: a stored page, the way one client wants it.

mod answer;
mod delivery;
mod headers;
mod precondition;

pub(crate) use answer::{deliver, unstored};
pub(crate) use delivery::Delivery;
pub(crate) use headers::{Stamp, is_hop_by_hop, prepare};
