//! Draft mode: editors with a signed cookie see unpublished content, which is never stored.
//!
//! If the layer has a secret, each request takes these steps, in the order of the code:
//!
//! 1. a request for anything but a page goes to the inner service untouched,
//! 2. the cookie is checked: that the request has one, that we signed it, and that its time is not
//!    over,
//! 3. the request goes to the inner service as it is, cookies included, in a scope of its own
//!    ([`is_draft`](crate::context::is_draft)), past memory and flights,
//! 4. the response leaves with `private, no-store`, whatever the handler set.
//!
//! A request with a forged or an expired cookie is an ordinary request.

#[cfg_attr(feature = "hmac", path = "cookie.rs")]
#[cfg_attr(not(feature = "hmac"), path = "no_cookie.rs")]
mod cookie;
#[cfg(feature = "hmac")]
mod service;
mod show;

#[cfg(feature = "hmac")]
pub use service::DraftService;

pub(crate) use cookie::{DEFAULT_NAME, Draft};
pub(crate) use show::show;
