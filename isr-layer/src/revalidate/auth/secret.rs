//! Secrets: long enough, and never printed.

use std::env::{self, VarError};
use std::fmt;

use crate::{Error, ErrorKind};

const MIN_BYTES: usize = 24;
const MAX_BYTES: usize = 4096;

/// A secret shared with the sender. An authenticator accepts 24 to 4,096 bytes.
///
/// Strings and bytes convert into a `Secret`. You name the type only for a secret from the
/// environment or for one that must be shorter. The line break at the end of a text is no part of
/// it, as in `std::fs::read_to_string("/run/secrets/revalidate")`.
///
/// ```
/// use isr_layer::auth::{Bearer, Secret};
///
/// let refused = Bearer::new("too short").unwrap_err();
/// assert_eq!(refused.kind(), isr_layer::ErrorKind::Secret);
///
/// assert!(Bearer::new(Secret::from("too short").allow_short_secret_insecure()).is_ok());
/// ```
#[derive(Clone)]
pub struct Secret {
    pub(super) bytes: Vec<u8>,
    min_bytes: usize,
}

impl Secret {
    /// Reads the environment variable `name`, without the white space at either end.
    ///
    /// # Errors
    ///
    /// If the variable is not set, is not UTF-8, or its value has fewer than 24 bytes or more than
    /// 4,096. The error names the variable.
    pub fn from_env(name: &str) -> Result<Self, Error> {
        Self::from_variable(name, env::var(name))
    }

    /// Accepts a secret under 24 bytes, for a sender that cannot send a longer one. Attackers can
    /// guess a short secret, and then have pages rendered at will.
    #[must_use]
    pub fn allow_short_secret_insecure(mut self) -> Self {
        self.min_bytes = 1;
        self
    }

    fn from_variable(name: &str, value: Result<String, VarError>) -> Result<Self, Error> {
        let refused = |what: &str| {
            let help = "set it to a secret, made by `openssl rand -base64 32`";
            Error::new(
                ErrorKind::Secret,
                format!("the environment variable `{name}` {what}: {help}"),
            )
        };

        let value = match value {
            Ok(value) => value,
            Err(VarError::NotPresent) => return Err(refused("is not set")),
            Err(VarError::NotUnicode(_)) => return Err(refused("is not UTF-8")),
        };

        // A value from a file or a dashboard often ends with a line break.
        let secret = Self::from(value.trim());
        match secret.length_error() {
            Some(_) if secret.bytes.is_empty() => Err(refused("is empty")),
            Some(length_error) => Err(refused(&format!(
                "does not hold a usable secret ({length_error})"
            ))),
            None => Ok(secret),
        }
    }

    /// Returns the clause that says why the length is refused.
    fn length_error(&self) -> Option<String> {
        let length = self.bytes.len();
        if (self.min_bytes..=MAX_BYTES).contains(&length) {
            return None;
        }
        let unit = if length == 1 { "byte" } else { "bytes" };
        Some(format!(
            "the secret has {length} {unit}, but {MIN_BYTES} to {MAX_BYTES} are accepted"
        ))
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::from(secret.as_bytes())
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::from(secret.into_bytes())
    }
}

impl From<&[u8]> for Secret {
    fn from(secret: &[u8]) -> Self {
        Self::from(secret.to_vec())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(mut bytes: Vec<u8>) -> Self {
        bytes.truncate(without_line_break(&bytes).len());
        Self {
            bytes,
            min_bytes: MIN_BYTES,
        }
    }
}

/// Cuts the line break off a text that was read from a file. A key of random bytes, which may end
/// with any byte, is no text.
fn without_line_break(secret: &[u8]) -> &[u8] {
    let Some(line) = secret.strip_suffix(b"\n") else {
        return secret;
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(text) if !text.chars().any(char::is_control) => line,
        _ => secret,
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One secret or, during a rotation, several. The newest is the last.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    accepted: Vec<Secret>,
}

impl Secrets {
    pub(crate) fn new(secret: impl Into<Secret>) -> Result<Self, Error> {
        Self {
            accepted: Vec::new(),
        }
        .with(secret)
    }

    /// Accepts `secret` too, as the newest.
    pub(super) fn with(self, secret: impl Into<Secret>) -> Result<Self, Error> {
        let secret = secret.into();
        if let Some(length_error) = secret.length_error() {
            let help = "make one by `openssl rand -base64 32`";
            return Err(Error::new(
                ErrorKind::Secret,
                format!("{length_error}: {help}"),
            ));
        }
        let mut accepted = self.accepted;
        accepted.push(secret);
        Ok(Self { accepted })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.accepted.iter().map(|secret| secret.bytes.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(outcome: Result<impl fmt::Debug, Error>) -> String {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Secret);
        error.to_string()
    }

    #[test]
    fn a_missing_variable_is_named() {
        let missing = Secret::from_variable("REVALIDATE_SECRET", Err(VarError::NotPresent));

        assert!(message(missing).contains("`REVALIDATE_SECRET` is not set"));
    }

    #[test]
    fn an_empty_or_short_variable_is_named_without_its_value() {
        let empty = message(Secret::from_variable("S", Ok(" \n".into())));
        let short = message(Secret::from_variable("S", Ok("hunter2hunter2".into())));

        assert!(empty.contains("`S` is empty"), "{empty}");
        assert!(
            short.contains("14 bytes") && short.contains("24"),
            "{short}"
        );
        assert!(!short.contains("hunter2"));
    }

    #[test]
    fn the_line_end_of_a_mounted_secret_is_no_part_of_it() {
        let secret =
            Secret::from_variable("S", Ok("0123456789abcdef0123456789abcdef\n".into())).unwrap();

        assert_eq!(secret.bytes.len(), 32);
    }

    #[test]
    fn twenty_four_bytes_are_enough_and_one_less_is_not() {
        assert!(Secrets::new("123456789012345678901234").is_ok());
        assert!(message(Secrets::new("12345678901234567890123")).contains("23 bytes"));
        assert!(message(Secrets::new("1")).contains("has 1 byte, but"));
    }

    #[test]
    fn a_short_secret_needs_the_option_that_says_so_and_an_empty_one_is_never_accepted() {
        assert!(Secrets::new(Secret::from("x").allow_short_secret_insecure()).is_ok());
        assert!(Secrets::new(Secret::from("").allow_short_secret_insecure()).is_err());
    }

    #[test]
    fn debug_prints_no_secret() {
        let secrets = Secrets::new("correct horse battery staple").unwrap();

        assert!(!format!("{secrets:?}").contains("horse"));
    }
}
