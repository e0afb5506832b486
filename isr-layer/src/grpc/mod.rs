//! Unary gRPC calls: how one is recognised, read and written. What becomes of it is decided where it is for any page.

mod frame;
mod message;
mod metadata;

pub use message::RewoundBody;

pub(crate) use frame::{framed, is_one_message};
pub(crate) use message::{Message, read};
pub(crate) use metadata::{Status, content_type, failed, is_grpc, status, subtype};
