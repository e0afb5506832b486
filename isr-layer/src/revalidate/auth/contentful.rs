//! Checks Contentful's signature: over the method, the path, the headers it names, and the body.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::encoding::{Encoding, parse_digits};
use super::mac::{Digest, SIGNATURE, signer};
use super::secret::{Secret, Secrets};
use super::{AuthRequest, Authenticate, Verdict};
use crate::Error;

/// The maximum difference between the stated time and ours: ten times that of Contentful's own
/// library, since clocks differ.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// The maximum number of signed headers. Contentful signs about ten.
const MAX_HEADERS: usize = 64;

/// All characters but those that JavaScript's `querystring.escape` leaves as they are.
const ESCAPE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// All characters but those that JavaScript's `encodeURI` leaves as they are.
const ENCODE_URI: &AsciiSet = &ESCAPE
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'#');

/// Checks `x-contentful-signature`, the signature of Contentful's request verification. Contentful
/// signs the path that it was configured with: a proxy in front must not change that path.
///
/// ```
/// let contentful =
///     isr_layer::auth::Contentful::new("64 characters, which Contentful shows once")?;
/// # Ok::<(), isr_layer::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Contentful {
    secrets: Secrets,
}

impl Contentful {
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

impl Authenticate for Contentful {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        let header = |name| request.header(name).unwrap_or_default();
        let time = header("x-contentful-timestamp").trim();

        let head = canonical_head(request, header("x-contentful-signed-headers"), time);
        let signature = Encoding::Hex.decode(header("x-contentful-signature").trim());
        let message = [head.as_bytes(), request.body()];
        let signer = signer(
            Digest::Sha256,
            &self.secrets,
            &message,
            std::iter::once(signature),
        );

        // Checked last: a late request must take as long to refuse as a forged one.
        let timely = parse_digits(time).is_some_and(|time| {
            request.unix_time().abs_diff(Duration::from_millis(time)) <= TOLERANCE
        });
        Verdict::by_secret(signer.filter(|_| timely))
    }

    fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
        request.without_any_of(["x-contentful-signature", "x-contentful-timestamp"])
    }

    fn challenge(&self) -> String {
        SIGNATURE.to_owned()
    }

    fn is_ambient(&self) -> bool {
        false
    }
}

/// Returns the signed text that precedes the body.
fn canonical_head(request: &AuthRequest<'_>, listed: &str, time: &str) -> String {
    let mut names: Vec<_> = listed
        .split(',')
        .take(MAX_HEADERS)
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();

    // These two are always part of the text: a signature that leaves out the time never matches.
    names.extend([
        "x-contentful-timestamp".to_owned(),
        "x-contentful-signed-headers".to_owned(),
    ]);
    names.retain(|name| request.headers().contains_key(name.as_str()));
    names.sort_unstable();
    names.dedup();

    let all = names.join(",");
    let lines = names.iter().map(|name| match name.as_str() {
        "x-contentful-signed-headers" => format!("{name}:{all}"),
        "x-contentful-timestamp" => format!("{name}:{time}"),
        _ => format!(
            "{name}:{}",
            request.header(name.as_str()).unwrap_or_default().trim()
        ),
    });
    let headers = lines.collect::<Vec<_>>().join(";");
    format!(
        "{}\n{}\n{headers}\n",
        request.method(),
        canonical_path(request)
    )
}

/// Returns the path as Contentful's library signs it: the query is escaped as a whole, and then
/// once more together with the path.
fn canonical_path(request: &AuthRequest<'_>) -> String {
    let path = request.uri().path();
    match request.uri().query().filter(|query| !query.is_empty()) {
        None => utf8_percent_encode(path, ENCODE_URI).to_string(),
        Some(query) => {
            let query = utf8_percent_encode(query, ESCAPE);
            utf8_percent_encode(&format!("{path}?{query}"), ENCODE_URI).to_string()
        }
    }
}

#[cfg(test)]
mod tests;
