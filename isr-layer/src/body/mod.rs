//! Bodies: [`RenderBody`] for requests that a page is rendered with, [`IsrBody`] for responses.

mod isr_body;
mod read;
mod render_body;
mod request_body;
mod room;

pub use crate::grpc::RewoundBody;
pub use isr_body::IsrBody;
pub use render_body::RenderBody;
pub use request_body::RequestBody;

#[cfg(feature = "axum-0_8")]
pub(crate) use isr_body::Kind;
pub(crate) use read::{Read, is_length, read, read_while};
pub(crate) use room::Room;
