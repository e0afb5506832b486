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
mod secret;
mod static_secret;

pub use authenticate::{Authenticate, SignedRequest, Verdict};
pub use authenticators::Authenticators;
pub use secret::Secret;
pub use static_secret::{Bearer, StaticSecret};

pub(super) use authenticators::{Admission, Credential};
