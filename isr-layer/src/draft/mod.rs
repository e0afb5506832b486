//! Draft mode: editors with a signed cookie see unpublished content, past the store and its flights.
//!
//! In the order of the code, for each request of a layer that was given a secret:
//!
//! 1. the request is for a page; what is no page goes its way untouched,
//! 2. it carries the cookie, whose time is not over and whose signature is ours,
//! 3. it goes to the inner service as it is, cookies and all, in a scope of its own ([`is_draft`](crate::context::is_draft)),
//! 4. the answer leaves with `private, no-store`, whatever the handler said.
//!
//! Anything else is an ordinary request: a forged or an expired cookie says nothing.

mod cookie;
mod service;
mod show;

pub use service::DraftService;

pub(crate) use cookie::{DEFAULT_NAME, Draft};
pub(crate) use show::show;
