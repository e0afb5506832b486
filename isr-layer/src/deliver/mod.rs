//! Delivery: a stored page, the way one client wants it.

mod answer;
mod delivery;
mod etag;
mod headers;
mod precondition;
mod stamp;

pub(crate) use answer::{Hit, deliver, unstored};
pub(crate) use delivery::{Delivery, form};
pub(crate) use headers::{is_hop_by_hop, prepare};
pub(crate) use precondition::Validators;
pub(crate) use stamp::{Form, Stamps};
