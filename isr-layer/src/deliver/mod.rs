//! Delivery: a stored page, the way one client wants it.

mod answer;
mod delivery;
mod headers;
mod precondition;
mod stamp;

pub(crate) use answer::{deliver, unstored};
pub(crate) use delivery::Delivery;
pub(crate) use headers::{is_hop_by_hop, prepare};
pub(crate) use stamp::Stamps;
