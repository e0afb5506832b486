//! The revalidation endpoint: authenticates a request, parses it and lets the cache carry it out.
//!
//! [`RevalidateService`] does, in this order:
//!
//! 1. check the method (405),
//! 2. authenticate the head, as far as it decides (401, or 429 after too many failures),
//! 3. check `Content-Encoding` and `Content-Type` (415) and `Content-Length` (413), and read the
//!    body, of at most 1 MiB (413), for at most 5 s (408), and within 16 MiB for all bodies (503),
//! 4. authenticate the raw request, then check the site of the page that sent it, if a browser may
//!    have added the credential (403), and the credential's own rate (429): see [`auth`] and
//!    [`Limits`],
//! 5. acknowledge again, and do no more, if the delivery was acknowledged before,
//! 6. parse the rest into a [`Purge`](crate::Purge) (400, 413, 422),
//! 7. call [`Cache::revalidate`](crate::Cache::revalidate) and respond with its
//!    [`Receipt`](crate::Receipt) (200, or 500 if every render failed).

pub mod auth;
mod body;
mod command;
mod connection;
mod json;
mod limits;
mod pointer;
mod reading;
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
