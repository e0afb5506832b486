//! The trait for request bodies that the engine can make itself.

use bytes::Bytes;
use http_body::Body;
use http_body_util::Full;

use crate::grpc::RewoundBody;

/// A request body that can be made from kept bytes, so that a page can be rendered without the
/// client.
///
/// A service behind the layer takes such a body. The trait is implemented for axum's body and for
/// `Full<Bytes>`; wrap any other body in [`RequestBody`](super::RequestBody).
pub trait RenderBody: Body {
    /// Makes a body of exactly these bytes.
    fn from_bytes(bytes: Bytes) -> Self;

    /// Restores the body of a client, after a part of it was read and the request turned out not to
    /// be for a page.
    ///
    /// [`RewoundBody`] yields the same octets and trailers: in most types this is
    /// `Self::new(body)`.
    fn from_rewound(body: RewoundBody<Self>) -> Self
    where
        Self: Sized;
}

impl RenderBody for Full<Bytes> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::new(bytes)
    }

    fn from_rewound(body: RewoundBody<Self>) -> Self {
        // `Full` yields one chunk: it was read whole, or nothing of it was read.
        match body.into_whole() {
            Ok(whole) => whole,
            Err(read) => Self::new(read),
        }
    }
}
