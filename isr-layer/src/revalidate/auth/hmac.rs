//! Signatures: a message authentication code over the raw body, and over a time where the sender states one.

mod presets;
mod timed;

use http::HeaderName;

use super::mac::{Digest, Encoding, signer};
use super::secret::{Secret, Secrets};
use super::{AuthRequest, Authenticate, Verdict};
use crate::{Error, ErrorKind};

pub use timed::Timed;

pub(super) use timed::number;

/// Checks an HMAC over the raw body, as most senders of webhooks sign it.
///
/// There is a preset for each of [`github`](Self::github), [`shopify`](Self::shopify), [`sanity`](Self::sanity),
/// [`stripe`](Self::stripe), [`ghost`](Self::ghost) and [`storyblok`](Self::storyblok). Another sender is described:
///
/// ```
/// use isr_layer::auth::{Hmac, Timed};
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let secret = "from `openssl rand -base64 32`";
/// let plain = Hmac::sha256("x-signature", secret)?.base64();
/// let timed = Hmac::sha256("x-signature", secret)?.timed(Timed::pairs("t", "v1").milliseconds());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Hmac {
    header: HeaderName,
    digest: Digest,
    encoding: Encoding,
    layout: Layout,
    secrets: Secrets,
}

#[derive(Clone, Debug)]
enum Layout {
    /// The header is a prefix and the signature of the body.
    Plain { prefix: String },
    /// The header is a list of pairs, of which one is a time.
    Timed(Timed),
}

impl Hmac {
    /// HMAC-SHA256, in hexadecimal digits, in the header `name`.
    ///
    /// # Errors
    ///
    /// `name` is no header name, or the secret has less than 24 bytes or more than 4,096.
    pub fn sha256(name: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        Self::new(Digest::Sha256, name, secret)
    }

    /// HMAC-SHA1, in hexadecimal digits, in the header `name`: for a sender that knows nothing newer. As a code with a
    /// key it is not broken.
    ///
    /// # Errors
    ///
    /// `name` is no header name, or the secret has less than 24 bytes or more than 4,096.
    pub fn sha1(name: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        Self::new(Digest::Sha1, name, secret)
    }

    /// The signature is written in base64.
    #[must_use]
    pub fn base64(mut self) -> Self {
        self.encoding = Encoding::Base64;
        self
    }

    /// The signature is written in base64 for URLs (RFC 4648, 5).
    #[must_use]
    pub fn base64url(mut self) -> Self {
        self.encoding = Encoding::Base64Url;
        self
    }

    /// What stands before the signature in its header, `sha256=` for example. The body alone is signed.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.layout = Layout::Plain {
            prefix: prefix.into(),
        };
        self
    }

    /// The header states a time beside the signature, and the time is signed too.
    #[must_use]
    pub fn timed(mut self, timed: Timed) -> Self {
        self.layout = Layout::Timed(timed);
        self
    }

    /// Accepts another secret too, while one is being replaced by the other.
    ///
    /// # Errors
    ///
    /// The secret has less than 24 bytes or more than 4,096.
    pub fn or_secret(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            secrets: self.secrets.or(secret)?,
            ..self
        })
    }

    fn new(digest: Digest, name: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        let header = HeaderName::try_from(name).map_err(|source| {
            let message = format!("`{name}` is not the name of a header");
            Error::new(ErrorKind::Configuration, message).with_source(source)
        })?;
        let layout = Layout::Plain {
            prefix: String::new(),
        };
        Ok(Self {
            header,
            digest,
            encoding: Encoding::Hex,
            layout,
            secrets: Secrets::new(secret)?,
        })
    }

    fn plain(&self, value: &str, prefix: &str, body: &[u8]) -> Option<usize> {
        let signature = value
            .trim()
            .strip_prefix(prefix)
            .and_then(|text| self.encoding.decode(text));
        signer(
            self.digest,
            &self.secrets,
            &[body],
            std::iter::once(signature),
        )
    }

    fn timed_by(&self, value: &str, timed: &Timed, request: &AuthRequest<'_>) -> Option<usize> {
        let stated = timed.read(value);
        let messages = timed.messages(stated.time, request.body());
        let signers = messages.iter().map(|message| {
            let signatures = stated
                .signatures
                .iter()
                .map(|text| self.encoding.decode(text));
            signer(self.digest, &self.secrets, message, signatures)
        });
        let signer = signers.fold(None, Option::or);
        signer.filter(|_| timed.is_timely(stated.time, request.unix_time()))
    }
}

impl Authenticate for Hmac {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        let value = request.header(&self.header).unwrap_or_default();
        Verdict::by_secret(match &self.layout {
            Layout::Plain { prefix } => self.plain(value, prefix, request.body()),
            Layout::Timed(timed) => self.timed_by(value, timed, request),
        })
    }
}

#[cfg(test)]
mod tests;
