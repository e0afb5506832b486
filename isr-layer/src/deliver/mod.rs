//! Turns a stored [`Entry`](crate::entry::Entry) into the response that one client asked for.

mod cache_status;
mod choice;
pub(crate) mod codec;
mod delivery;
mod downstream;
mod encoding;
mod etag;
mod headers;
mod precondition;
mod prepared_head;
mod range;
mod representation;
mod response;
mod response_kind;
pub(crate) mod size;
mod surrogate;

pub use downstream::Downstream;

pub(crate) use cache_status::note_status;
pub(crate) use choice::{choose, choose_kind};
pub(crate) use delivery::{Delivery, is_head};
pub(crate) use downstream::{Offer, mark_draft, mark_not_found, take_back};
pub(crate) use encoding::Coding;
pub(crate) use headers::{
    describes_body, forbid_storing, is_digest, is_hop_by_hop, name_declared, prepare,
    prepare_header_mode, remove_all, remove_hop_by_hop,
};
pub(crate) use prepared_head::PreparedHeads;
pub(crate) use range::has_strong_date;
pub(crate) use representation::Representation;
pub(crate) use response::{Hit, body, deliver, unstored};
pub(crate) use response_kind::ResponseKind;
