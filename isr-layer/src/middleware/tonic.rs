//! Implements [`RenderBody`] for tonic's request body, so that a tonic service can be rendered
//! without a client.

use bytes::Bytes;
use http_body_util::Full;
use tonic::body::Body;

use crate::body::RenderBody;
use crate::grpc::RewoundBody;

impl RenderBody for Body {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::new(Full::new(bytes))
    }

    fn from_rewound(body: RewoundBody<Self>) -> Self {
        Self::new(body)
    }
}
