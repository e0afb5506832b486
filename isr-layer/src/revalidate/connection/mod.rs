//! Facts about a request that the server and the router put into its extensions.

#[cfg_attr(feature = "axum-0_8", path = "axum.rs")]
#[cfg_attr(not(feature = "axum-0_8"), path = "plain.rs")]
mod connect_info;

pub(super) use connect_info::original_uri;

pub(crate) use connect_info::peer;

#[cfg(test)]
pub(super) use connect_info::set_peer;
