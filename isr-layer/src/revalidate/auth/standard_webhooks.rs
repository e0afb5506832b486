//! Standard Webhooks 1.0.0: an id, a time and signatures, each in its own header.

use std::time::Duration;

use http::HeaderName;

use super::hmac::number;
use super::mac::{Digest, Encoding, signer};
use super::secret::{Secret, Secrets};
use super::{AuthRequest, Authenticate, Verdict};
use crate::{Error, ErrorKind};

/// How far a stated time may be from ours, in the past and in the future.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The longest id of a delivery: it is remembered.
const MAX_ID: usize = 256;

/// Checks signatures after [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0: `webhook-id`,
/// `webhook-timestamp` and `webhook-signature: v1,<base64>`. A delivery that was acknowledged is not carried out again.
///
/// ```
/// use isr_layer::auth::StandardWebhooks;
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let sender = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let svix = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?.header_prefix("svix-")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StandardWebhooks {
    id: HeaderName,
    timestamp: HeaderName,
    signature: HeaderName,
    secrets: Secrets,
}

impl StandardWebhooks {
    /// Accepts what is signed with `secret`: base64, with or without `whsec_` before it.
    ///
    /// # Errors
    ///
    /// The secret is not base64, or its key has less than 24 bytes or more than 4,096.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            id: HeaderName::from_static("webhook-id"),
            timestamp: HeaderName::from_static("webhook-timestamp"),
            signature: HeaderName::from_static("webhook-signature"),
            secrets: Secrets::new(key(secret)?)?,
        })
    }

    /// What the names of the headers begin with, in place of `webhook-`.
    ///
    /// # Errors
    ///
    /// The names that result are no names of headers.
    pub fn header_prefix(self, prefix: &str) -> Result<Self, Error> {
        let name = |end: &str| {
            HeaderName::try_from(format!("{prefix}{end}")).map_err(|source| {
                let message = format!("`{prefix}` does not begin the name of a header");
                Error::new(ErrorKind::Configuration, message).with_source(source)
            })
        };
        Ok(Self {
            id: name("id")?,
            timestamp: name("timestamp")?,
            signature: name("signature")?,
            ..self
        })
    }

    /// Accepts another secret too, while one is being replaced by the other.
    ///
    /// # Errors
    ///
    /// The secret is not base64, or its key has less than 24 bytes or more than 4,096.
    pub fn or_secret(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            secrets: self.secrets.or(key(secret)?)?,
            ..self
        })
    }
}

impl Authenticate for StandardWebhooks {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        let header = |name: &HeaderName| request.header(name).unwrap_or_default();
        let (id, timestamp, signatures) = (
            header(&self.id),
            header(&self.timestamp),
            header(&self.signature),
        );
        let message = [
            id.as_bytes(),
            b".",
            timestamp.as_bytes(),
            b".",
            request.body(),
        ];
        // The asymmetric `v1a` is skipped, and whatever versions may come.
        let signatures = signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"));
        let signatures = signatures.map(|text| Encoding::Base64.decode(text));
        let signer = signer(Digest::Sha256, &self.secrets, &message, signatures);
        let timely = is_timely(timestamp, request.unix_time());
        let identified = !id.is_empty() && id.len() <= MAX_ID;
        Verdict::by_secret(signer.filter(|_| timely && identified)).delivery_id(id)
    }
}

fn is_timely(timestamp: &str, now: Duration) -> bool {
    number(timestamp).is_some_and(|time| now.abs_diff(Duration::from_secs(time)) <= TOLERANCE)
}

fn key(secret: impl Into<Secret>) -> Result<Secret, Error> {
    secret
        .into()
        .decoded("whsec_", Encoding::Base64)
        .ok_or_else(|| {
            let message =
                "the secret of Standard Webhooks is base64, most often with `whsec_` before it";
            Error::new(ErrorKind::Secret, message)
        })
}

#[cfg(test)]
mod tests;
