//! The revalidation endpoint: authenticates a request, parses it and lets the cache carry it out.
//!
//! [`RevalidateService`] does, in this order:
//!
//! 1. check the method (405), `Content-Encoding` and `Content-Type` (415), `Content-Length` (413),
//! 2. read the body, of at most 1 MiB (413) and for at most 5 s (408),
//! 3. authenticate the raw request (401, or 429 after too many failures), then check the
//!    credential's own rate (429): see [`auth`] and [`Limits`],
//! 4. acknowledge again, and do no more, if the delivery was acknowledged before,
//! 5. parse the rest into a [`Purge`](crate::Purge) (400, 413, 422),
//! 6. call [`Cache::revalidate`](crate::Cache::revalidate) and respond with its
//!    [`Receipt`](crate::Receipt) (200, or 500 if every render failed).

pub mod auth;
mod body;
mod command;
mod connection;
mod json;
mod limits;
mod pointer;
mod replay;
mod response;
mod service;
mod webhook;

pub use service::RevalidateService;
pub use webhook::{Unprocessable, Webhook, WebhookEvent};

#[cfg(feature = "hmac")]
pub(crate) use connection::peer;
#[cfg(feature = "hmac")]
pub(crate) use limits::{Limits, Rates};
#[cfg(feature = "hmac")]
pub(crate) use response::{Refusal, refusal};
