//! Delivery: a stored page, the way one client wants it.

mod answer;
mod choice;
pub(crate) mod codec;
mod delivery;
mod encoding;
mod etag;
mod headers;
mod precondition;
mod range;
mod representation;
mod stamp;

pub(crate) use answer::{Hit, body, deliver, unstored};
pub(crate) use choice::{choose, choose_form};
pub(crate) use delivery::{Delivery, is_head};
pub(crate) use headers::{is_hop_by_hop, note_status, prepare, prepare_foreign, stamped};
pub(crate) use representation::Representation;
pub(crate) use stamp::Stamps;
