//! Delivery: a stored page, the way one client wants it.

mod answer;
mod choice;
pub(crate) mod codec;
mod delivery;
mod downstream;
mod encoding;
mod etag;
mod form;
mod headers;
mod precondition;
mod range;
mod representation;
pub(crate) mod size;
mod stamp;
mod surrogate;

pub use downstream::Downstream;

pub(crate) use answer::{Hit, body, deliver, unstored};
pub(crate) use choice::{choose, choose_form};
pub(crate) use delivery::{Delivery, is_head};
pub(crate) use downstream::{Offer, mark_draft, take_back};
pub(crate) use form::Form;
pub(crate) use headers::{
    describes_body, is_digest, is_hop_by_hop, name_declared, note_status, prepare, prepare_foreign,
    remove_all, remove_hop_by_hop,
};
pub(crate) use representation::Representation;
pub(crate) use stamp::Stamps;
