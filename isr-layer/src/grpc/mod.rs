//! Recognises, reads and writes unary gRPC calls. They are cached by the code that caches every
//! page.

mod frame;
mod message;
mod metadata;

pub use message::RewoundBody;

pub(crate) use frame::{framed, is_one_message};
pub(crate) use message::{Message, read};
pub(crate) use metadata::{Status, content_type, failed, is_grpc, status, subtype};
