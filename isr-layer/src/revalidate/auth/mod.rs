//! Authenticators: they check the raw request, before it is parsed, and so decide who may
//! revalidate.
//!
//! Each [`Authenticate`] accepts several secrets, so that one can be replaced by another, and
//! [`Authenticators`] tries several authenticators in order; one match admits the request. Every
//! comparison is constant-time over a hash of both sides, and looks at every secret even after a
//! match.
//!
//! ```
//! use isr_layer::auth::{Authenticators, Bearer, StaticSecret};
//!
//! # fn main() -> Result<(), isr_layer::Error> {
//! let editors =
//!     Bearer::new("from `openssl rand -base64 32`")?.or_secret("the one used until last week")?;
//! let datocms = StaticSecret::basic("datocms", "another of `openssl rand`")?;
//! let either = Authenticators::from(editors).or(datocms);
//! # Ok(())
//! # }
//! ```

mod authenticate;
mod authenticators;
mod compare;
#[cfg(feature = "hmac")]
mod contentful;
#[cfg(feature = "hmac")]
mod encoding;
#[cfg(feature = "hmac")]
mod hmac;
#[cfg(feature = "hmac")]
mod hygraph;
#[cfg(feature = "hmac")]
mod mac;
mod secret;
#[cfg(feature = "hmac")]
mod standard_webhooks;
mod static_secret;
// Two attributes each: clippy knows unit tests by `cfg(test)` alone.
#[cfg(test)]
#[cfg(feature = "hmac")]
mod testing;
#[cfg(test)]
#[cfg(feature = "hmac")]
mod tests;

pub use authenticate::{AuthRequest, Authenticate, FromFn, Verdict, from_fn};
pub use authenticators::Authenticators;
#[cfg(feature = "hmac")]
pub use contentful::Contentful;
#[cfg(feature = "hmac")]
pub use hmac::{Hmac, Timed};
#[cfg(feature = "hmac")]
pub use hygraph::Hygraph;
pub use secret::Secret;
#[cfg(feature = "hmac")]
pub use standard_webhooks::StandardWebhooks;
pub use static_secret::{Bearer, StaticSecret};

#[cfg(feature = "hmac")]
pub(crate) use mac::{is_signed, sign};
#[cfg(feature = "hmac")]
pub(crate) use secret::Secrets;

pub(super) use authenticators::{Admission, Credential};
