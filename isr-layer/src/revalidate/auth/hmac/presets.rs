//! Presets for the signatures of known senders.

use std::time::Duration;

use super::{Hmac, Timed};
use crate::Error;
use crate::auth::Secret;

/// The tolerance for senders whose documents do not say that a repeated delivery is signed anew:
/// half an hour of retries and a margin. A purge that is refused for coming late is lost; one that
/// is repeated is harmless.
const RETRY_TOLERANCE: Duration = Duration::from_secs(60 * 60);

impl Hmac {
    /// Checks GitHub's signature: `X-Hub-Signature-256: sha256=<hex>`.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn github(secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self::sha256("x-hub-signature-256", secret)?.prefix("sha256="))
    }

    /// Checks Shopify's signature: `X-Shopify-Hmac-Sha256: <base64>`.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn shopify(secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self::sha256("x-shopify-hmac-sha256", secret)?.base64())
    }

    /// Checks Sanity's signature: `sanity-webhook-signature: t=<ms>,v1=<base64url>`. A signature is
    /// accepted for an hour, since a delivery may be retried.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn sanity(secret: impl Into<Secret>) -> Result<Self, Error> {
        let timed = Timed::pairs("t", "v1")
            .milliseconds()
            .tolerance(RETRY_TOLERANCE);
        Ok(Self::sha256("sanity-webhook-signature", secret)?
            .base64url()
            .timed(timed))
    }

    /// Checks Stripe's signature: `Stripe-Signature: t=<s>,v1=<hex>`. The secret is used as it is,
    /// `whsec_` included.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn stripe(secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self::sha256("stripe-signature", secret)?.timed(Timed::pairs("t", "v1")))
    }

    /// Checks Ghost's signature: `X-Ghost-Signature: sha256=<hex>, t=<ms>`, over the body and the
    /// time after it, or, for older versions, over the body alone.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn ghost(secret: impl Into<Secret>) -> Result<Self, Error> {
        let timed = Timed::pairs("t", "sha256")
            .milliseconds()
            .body_then_time_or_body();
        Ok(Self::sha256("x-ghost-signature", secret)?.timed(timed))
    }

    /// Checks Storyblok's signature: `webhook-signature: <hex>`, HMAC-SHA1.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn storyblok(secret: impl Into<Secret>) -> Result<Self, Error> {
        Self::sha1("webhook-signature", secret)
    }
}
