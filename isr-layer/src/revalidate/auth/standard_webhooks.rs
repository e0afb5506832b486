//! Checks signatures of Standard Webhooks 1.0.0: id, time and signatures, each in its own header.

use std::time::Duration;

use http::HeaderName;

use super::encoding::{Encoding, parse_digits};
use super::mac::{Digest, SIGNATURE, signer};
use super::secret::{Secret, Secrets};
use super::{AuthRequest, Authenticate, Verdict};
use crate::{Error, ErrorKind};

/// The maximum difference between the stated time and ours, in the past and in the future.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The maximum length of a delivery's id.
const MAX_ID: usize = 256;

/// Checks signatures of [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0: `webhook-id`,
/// `webhook-timestamp` and `webhook-signature: v1,<base64>`. A delivery that was acknowledged is
/// not carried out again.
///
/// ```
/// use isr_layer::auth::StandardWebhooks;
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let sender = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let svix =
///     StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?.header_prefix("svix-")?;
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
    /// Accepts requests that are signed with `secret`: base64, with or without `whsec_` before it.
    ///
    /// # Errors
    ///
    /// If the secret is not base64, or its key has fewer than 24 bytes or more than 4,096.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            id: HeaderName::from_static("webhook-id"),
            timestamp: HeaderName::from_static("webhook-timestamp"),
            signature: HeaderName::from_static("webhook-signature"),
            secrets: Secrets::new(key(secret)?)?,
        })
    }

    /// Sets the beginning of the three header names, in place of `webhook-`.
    ///
    /// # Errors
    ///
    /// If the names that result are invalid header names.
    pub fn header_prefix(self, prefix: &str) -> Result<Self, Error> {
        let name = |end: &str| {
            HeaderName::try_from(format!("{prefix}{end}")).map_err(|source| {
                let message =
                    format!("invalid header prefix `{prefix}`: expected one such as `svix-`");
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

    /// Accepts another secret too, for the time in which it replaces the first.
    ///
    /// # Errors
    ///
    /// If the secret is not base64, or its key has fewer than 24 bytes or more than 4,096.
    pub fn or_secret(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            secrets: self.secrets.with(key(secret)?)?,
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
        // Only `v1` is a code with a shared secret; the asymmetric `v1a` and future versions are
        // skipped.
        let signatures = signatures
            .split(' ')
            .filter_map(|one| one.strip_prefix("v1,"));
        let signatures = signatures.map(|text| Encoding::Base64.decode(text));
        let signer = signer(Digest::Sha256, &self.secrets, &message, signatures);

        // Checked after the signature: the duration must not tell the reason for a refusal.
        let timely = is_timely(timestamp, request.unix_time());
        let identified = !id.is_empty() && id.len() <= MAX_ID;
        Verdict::by_secret(signer.filter(|_| timely && identified)).delivery_id(id)
    }

    fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
        request.without_any_of([&self.id, &self.timestamp, &self.signature])
    }

    fn challenge(&self) -> String {
        SIGNATURE.to_owned()
    }

    fn is_ambient(&self) -> bool {
        false
    }
}

fn is_timely(timestamp: &str, now: Duration) -> bool {
    parse_digits(timestamp).is_some_and(|time| now.abs_diff(Duration::from_secs(time)) <= TOLERANCE)
}

fn key(secret: impl Into<Secret>) -> Result<Secret, Error> {
    let mut secret = secret.into();
    secret.bytes = decoded(&secret.bytes).ok_or_else(|| {
        let message =
            "a Standard Webhooks secret must be base64, with or without `whsec_` before it";
        Error::new(ErrorKind::Secret, message)
    })?;
    Ok(secret)
}

fn decoded(secret: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(secret).ok()?;
    Encoding::Base64.decode(text.strip_prefix("whsec_").unwrap_or(text))
}

#[cfg(test)]
mod tests;
