//! What the server and the router around the endpoint tell about a request, apart from the request itself.

#[cfg_attr(feature = "axum-0_8", path = "axum.rs")]
#[cfg_attr(not(feature = "axum-0_8"), path = "plain.rs")]
mod told;

pub(super) use told::original_uri;

pub(crate) use told::peer;

#[cfg(test)]
pub(super) use told::set_peer;
