//! Delivery: a stored page, the way one client wants it.

mod answer;
mod delivery;
mod downstream;
mod etag;
mod headers;
mod precondition;
mod stamp;
mod surrogate;

pub use downstream::Downstream;

pub(crate) use answer::{Hit, deliver, unstored};
pub(crate) use delivery::{Delivery, form};
pub(crate) use downstream::{Offer, take_back};
pub(crate) use headers::{is_hop_by_hop, mark_draft, prepare};
pub(crate) use precondition::Validators;
pub(crate) use stamp::Stamps;
