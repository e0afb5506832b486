//! Face 2, the revalidation endpoint: authenticate the raw request, parse it, [`Cache::revalidate`](crate::Cache), answer.
//!
//! 1. the method (405), `Content-Encoding` and `Content-Type` (415) and `Content-Length` (413) are looked at,
//! 2. the body is read, within 1 MiB (413) and 5 s (408),
//! 3. the raw request is authenticated (401, or 429 after too many failures; 429 over the credential's own rate),
//! 4. a delivery that was acknowledged before is acknowledged again, and nothing else,
//! 5. the rest is parsed into a [`Purge`](crate::Purge) (400, 413, 422),
//! 6. which the cache carries out; its receipt is the answer (200, or 500 when every render failed).

mod answer;
pub mod auth;
mod body;
mod command;
mod json;
mod limits;
mod pointer;
mod replay;
mod service;
mod surroundings;
mod webhook;

pub use service::RevalidateService;
pub use webhook::{Unprocessable, Webhook, WebhookEvent};

#[cfg(feature = "hmac")]
pub(crate) use answer::{Refusal, refusal};
#[cfg(feature = "hmac")]
pub(crate) use limits::{Limits, Rates};
#[cfg(feature = "hmac")]
pub(crate) use surroundings::peer;
