//! Who may revalidate: authenticators that check the raw request before anything of it is parsed.
//!
//! Each takes several secrets, for rotation, and several authenticators may be tried in order; one match admits.
//! Every comparison is constant-time over a hash of both sides and looks at every secret, whatever it finds.
//!
//! ```
//! use isr_layer::auth::{Authenticators, Bearer, StaticSecret};
//!
//! # fn main() -> Result<(), isr_layer::Error> {
//! let editors = Bearer::new("from `openssl rand -base64 32`")?.or_secret("the one used until last week")?;
//! let datocms = StaticSecret::basic("datocms", "another of `openssl rand`")?;
//! let either = Authenticators::from(editors).or(datocms);
//! # Ok(())
//! # }
//! ```

mod authenticate;
mod authenticators;
mod compare;
mod contentful;
mod hmac;
mod hygraph;
mod mac;
mod secret;
mod standard_webhooks;
mod static_secret;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use authenticate::{AuthRequest, Authenticate, FromFn, Verdict, from_fn};
pub use authenticators::Authenticators;
pub use contentful::Contentful;
pub use hmac::{Hmac, Timed};
pub use hygraph::Hygraph;
pub use secret::Secret;
pub use standard_webhooks::StandardWebhooks;
pub use static_secret::{Bearer, StaticSecret};

pub(crate) use mac::{is_signed, sign};
pub(crate) use secret::Secrets;

pub(super) use authenticators::{Admission, Credential};
