//! Checks Hygraph's signature: over a JSON text that wraps the body, its environment and a time.

use std::time::Duration;

use serde::Serialize;

use super::encoding::{Encoding, parse_digits};
use super::mac::{Digest, SIGNATURE, signer};
use super::secret::{Secret, Secrets};
use super::{AuthRequest, Authenticate, Verdict};
use crate::Error;

/// The maximum difference between the stated time and ours. An hour, as for
/// [`Hmac::sanity`](super::Hmac::sanity): the documents do not say that a repeated delivery is
/// signed anew.
const TOLERANCE: Duration = Duration::from_secs(60 * 60);

/// Checks Hygraph's signature: `gcms-signature: sign=<base64>, env=<environment>, t=<ms>`.
///
/// ```
/// let hygraph = isr_layer::auth::Hygraph::new("from `openssl rand -base64 32`")?;
/// # Ok::<(), isr_layer::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hygraph {
    secrets: Secrets,
}

/// The signed text, with its members in the order in which Hygraph writes them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Wrapped<'a> {
    body: &'a str,
    environment_name: &'a str,
    time_stamp: u64,
}

#[derive(Debug, Default)]
struct StatedSignature<'a> {
    signature: &'a str,
    environment: &'a str,
    time: &'a str,
}

impl Hygraph {
    /// Accepts requests that are signed with `secret`.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            secrets: Secrets::new(secret)?,
        })
    }

    /// Accepts another secret too, for the time in which it replaces the first.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn or_secret(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            secrets: self.secrets.with(secret)?,
        })
    }
}

impl Authenticate for Hygraph {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        let stated = StatedSignature::read(request.header("gcms-signature").unwrap_or_default());
        let time = parse_digits(stated.time);
        let wrapped = Wrapped {
            body: std::str::from_utf8(request.body()).unwrap_or_default(),
            environment_name: stated.environment,
            time_stamp: time.unwrap_or_default(),
        };

        // We write the signed text ourselves, so it must equal Hygraph's byte for byte.
        let message =
            serde_json::to_vec(&wrapped).expect("two strings and a number can be written as JSON");
        let signature = Encoding::Base64.decode(stated.signature);
        let signer = signer(
            Digest::Sha256,
            &self.secrets,
            &[&message],
            std::iter::once(signature),
        );

        // Checked last: a late request must take as long to refuse as a forged one.
        let timely = time.is_some_and(|time| {
            request.unix_time().abs_diff(Duration::from_millis(time)) <= TOLERANCE
        });
        Verdict::by_secret(signer.filter(|_| timely))
    }

    fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
        request.without_any_of(["gcms-signature"])
    }

    fn challenge(&self) -> String {
        SIGNATURE.to_owned()
    }

    fn is_ambient(&self) -> bool {
        false
    }
}

impl<'a> StatedSignature<'a> {
    fn read(header: &'a str) -> Self {
        let mut stated = Self::default();
        for (name, value) in header
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='))
        {
            match name {
                "sign" => stated.signature = value,
                "env" => stated.environment = value,
                "t" => stated.time = value,
                _ => {}
            }
        }
        stated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revalidate::auth::testing::Recorded;

    /// `generateWebhookSignature` of npm `@hygraph/utils` 1.2.1.
    fn recorded() -> Recorded {
        let signature =
            "sign=4IysEGzNngVUNSM0WzOZiAsbmoz8NHzQ2fCRc9S81bA=, env=master, t=1790000000123";
        let body = "{\"data\":{\"slug\":\"a\\\"b\\u0001 ü\\n\"}}\n";
        Recorded::new(&[("gcms-signature", signature)], body)
    }

    fn hygraph() -> Hygraph {
        Hygraph::new("hygraph-secret-of-24-bytes-or-more").unwrap()
    }

    #[test]
    fn a_signed_delivery_is_accepted_only_whole() {
        let other = Hygraph::new("another secret of 24 bytes or more").unwrap();

        recorded().assert_only_accepted_whole(&hygraph(), &other, &["gcms-signature"]);
    }

    #[test]
    fn another_environment_or_time_is_another_delivery() {
        let right =
            "sign=4IysEGzNngVUNSM0WzOZiAsbmoz8NHzQ2fCRc9S81bA=, env=master, t=1790000000123";

        for (from, to) in [
            ("master", "draft"),
            ("0123", "0124"),
            (", t=1790000000123", ""),
        ] {
            let changed = recorded().with("gcms-signature", &right.replace(from, to));
            assert!(!changed.is_accepted_by(&hygraph()), "{to}");
        }
        assert!(
            !recorded()
                .later(TOLERANCE + Duration::from_secs(1))
                .is_accepted_by(&hygraph())
        );
    }
}
