//! The places of a request in which a secret may stand.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};

use crate::revalidate::auth::{AuthRequest, Secret};
use crate::revalidate::pointer::Pointer;
use crate::{Error, ErrorKind};

#[derive(Clone, Debug)]
pub(super) enum Place {
    Header { name: HeaderName, prefix: String },
    Basic { user: String },
    Body(Pointer),
    Query(String),
}

/// Refuses a secret that none of the `places` can carry: no request would ever be accepted.
pub(super) fn check(places: &[Place], secret: &Secret) -> Result<(), Error> {
    let mut reasons = places.iter().map(|place| place.refusal(&secret.bytes));
    let Some(Some(reason)) = reasons.next() else {
        return Ok(());
    };
    match reasons.all(|reason| reason.is_some()) {
        true => {
            let message = format!("{reason}: make a secret by `openssl rand -base64 32`");
            Err(Error::new(ErrorKind::Secret, message))
        }
        false => Ok(()),
    }
}

impl Place {
    /// Returns the reason for which this place can never carry `secret`.
    fn refusal(&self, secret: &[u8]) -> Option<String> {
        let is_text = std::str::from_utf8(secret).is_ok();

        match self {
            Self::Header { .. } => {
                unprintable(secret, true).map(|found| format!("a header cannot carry {found}"))
            }
            // RFC 7617, 2.
            Self::Basic { .. } => {
                unprintable(secret, false).map(|found| format!("HTTP Basic cannot carry {found}"))
            }
            Self::Body(_) if !is_text => {
                Some("JSON cannot carry a secret that is not UTF-8".into())
            }
            Self::Query(_) if !is_text => {
                Some("a query cannot carry a secret that is not UTF-8".into())
            }
            Self::Body(_) | Self::Query(_) => None,
        }
    }

    /// Returns the challenge of a place that is one of HTTP's own schemes.
    pub(super) fn challenge(&self) -> Option<String> {
        match self {
            Self::Basic { .. } => Some(r#"Basic realm="revalidate", charset="UTF-8""#.to_owned()),
            // The name of a scheme is a token, as that of a header is (RFC 9110, 11.1).
            Self::Header { name, prefix } if name == AUTHORIZATION => {
                let scheme = prefix.trim();
                HeaderName::try_from(scheme)
                    .is_ok()
                    .then(|| scheme.to_owned())
            }
            Self::Header { .. } | Self::Body(_) | Self::Query(_) => None,
        }
    }

    /// True if a browser may fill this place by itself.
    pub(super) fn is_ambient(&self) -> bool {
        match self {
            Self::Basic { .. } => true,
            Self::Header { name, prefix } if name == AUTHORIZATION => {
                let scheme = prefix.trim();
                scheme.is_empty() || scheme.eq_ignore_ascii_case("basic")
            }
            Self::Header { name, .. } => name == COOKIE,
            Self::Body(_) | Self::Query(_) => false,
        }
    }

    /// Returns the bytes that a sender who knows `secret` puts in this place.
    pub(super) fn expected<'a>(&self, secret: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Basic { user } => Cow::Owned([user.as_bytes(), b":", secret].concat()),
            Self::Header { .. } | Self::Body(_) | Self::Query(_) => Cow::Borrowed(secret),
        }
    }

    pub(super) fn presented(&self, request: &AuthRequest<'_>) -> Option<Vec<u8>> {
        match self {
            Self::Header { name, prefix } => {
                let secret = strip_prefix(request.header(name)?, prefix)?;
                Some(secret.as_bytes().to_vec())
            }
            // The user's name is compared with the password, as one secret: see `expected`.
            Self::Basic { .. } => {
                let encoded = strip_prefix(request.header(AUTHORIZATION)?, "Basic ")?;
                BASE64_STANDARD.decode(encoded).ok()
            }
            Self::Body(pointer) => pointer.find_text(request.body()).map(String::into_bytes),
            Self::Query(name) => only(request.uri().query()?, name),
        }
    }
}

/// Describes a secret that has a control character. In a header it must be ASCII too, and has no
/// blank at its ends, where HTTP strips it.
fn unprintable(secret: &[u8], in_header: bool) -> Option<&'static str> {
    let has = |is_odd: fn(&u8) -> bool| secret.iter().any(is_odd);
    let is_blank = |end: Option<&u8>| matches!(end, Some(b' ' | b'\t'));

    if has(|byte| matches!(byte, b'\r' | b'\n')) {
        Some("a secret with a line break")
    } else if has(|byte| byte.is_ascii_control() && *byte != b'\t') {
        Some("a secret with a control character")
    } else if in_header && !secret.is_ascii() {
        Some("a secret that is not ASCII")
    } else if in_header && (is_blank(secret.first()) || is_blank(secret.last())) {
        Some("a secret with a blank at its start or end")
    } else {
        None
    }
}

fn strip_prefix<'a>(value: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = value.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| rest.trim())
}

/// Returns the value of a parameter that occurs exactly once: two values would be ambiguous.
fn only(query: &str, name: &str) -> Option<Vec<u8>> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let (_, value) = values.next()?;
    values
        .next()
        .is_none()
        .then(|| value.into_owned().into_bytes())
}
