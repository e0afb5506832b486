//! Checks signatures: an HMAC over the raw body, and over a time if the sender states one.

mod presets;
mod timed;

use http::HeaderName;

use super::encoding::Encoding;
use super::mac::{Digest, SIGNATURE, signer};
use super::secret::{Secret, Secrets};
use super::{AuthRequest, Authenticate, Verdict};
use crate::{Error, ErrorKind};

pub use timed::Timed;

/// Checks an HMAC over the raw body: the signature that most senders of webhooks use.
///
/// There are presets for [`github`](Self::github), [`shopify`](Self::shopify),
/// [`sanity`](Self::sanity), [`stripe`](Self::stripe), [`ghost`](Self::ghost) and
/// [`storyblok`](Self::storyblok). For another sender, describe its signature:
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
    /// The header has a prefix and the signature of the body.
    Plain { prefix: String },
    /// The header has a list of pairs, one of which is a time.
    Timed(Timed),
}

impl Hmac {
    /// Checks HMAC-SHA256, in hexadecimal digits, in the header `name`.
    ///
    /// # Errors
    ///
    /// If `name` is an invalid header name, or the secret has fewer than 24 bytes or more than
    /// 4,096.
    pub fn sha256(name: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        Self::new(Digest::Sha256, name, secret)
    }

    /// Checks HMAC-SHA1, in hexadecimal digits, in the header `name`: for a sender that offers
    /// nothing newer. SHA-1 is broken as a plain hash, but not inside an HMAC.
    ///
    /// # Errors
    ///
    /// If `name` is an invalid header name, or the secret has fewer than 24 bytes or more than
    /// 4,096.
    pub fn sha1(name: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        Self::new(Digest::Sha1, name, secret)
    }

    /// Reads the signature as base64.
    #[must_use]
    pub fn base64(mut self) -> Self {
        self.encoding = Encoding::Base64;
        self
    }

    /// Reads the signature as base64 for URLs (RFC 4648, 5).
    #[must_use]
    pub fn base64url(mut self) -> Self {
        self.encoding = Encoding::Base64Url;
        self
    }

    /// Sets the text before the signature in its header, `sha256=` for example. The signature is
    /// over the body alone.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.layout = Layout::Plain {
            prefix: prefix.into(),
        };
        self
    }

    /// Reads a time beside the signature: [`Timed`] says in which form, and the time is signed too.
    #[must_use]
    pub fn timed(mut self, timed: Timed) -> Self {
        self.layout = Layout::Timed(timed);
        self
    }

    /// Accepts another secret too, for the time in which it replaces the first.
    ///
    /// # Errors
    ///
    /// If the secret has fewer than 24 bytes or more than 4,096.
    pub fn or_secret(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        Ok(Self {
            secrets: self.secrets.with(secret)?,
            ..self
        })
    }

    fn new(digest: Digest, name: &str, secret: impl Into<Secret>) -> Result<Self, Error> {
        let header = HeaderName::try_from(name).map_err(|source| {
            let message =
                format!("invalid header name `{name}`: expected a name such as `x-signature`");
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

        // Every message is checked, and the stated time last: the duration must not tell the reason
        // for a refusal.
        let signer = signers.fold(None, Option::or);
        signer.filter(|_| timed.is_timely(stated.time, request.unix_time()))
    }
}

impl Authenticate for Hmac {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        // A missing header is treated as a wrong signature, so that both take equally long.
        let value = request.header(&self.header).unwrap_or_default();
        Verdict::by_secret(match &self.layout {
            Layout::Plain { prefix } => self.plain(value, prefix, request.body()),
            Layout::Timed(timed) => self.timed_by(value, timed, request),
        })
    }

    fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
        request.without_any_of([&self.header])
    }

    fn challenge(&self) -> String {
        SIGNATURE.to_owned()
    }

    fn is_ambient(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
