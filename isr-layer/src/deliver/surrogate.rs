//! Surrogate keys: an entry's tags in a header, so that a purge by tag can be handed on to a CDN.

use http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::error::{Error, ErrorKind};

/// The longest tag CDNs take.
const LONGEST_TAG: usize = 1024;
/// Room for all of them: proxies take 8 KiB for a header line by default.
const CAPACITY_BYTES: usize = 8 * 1024;
/// What is escaped in a tag, beside everything outside ASCII.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');

/// The header that tells an entry's tags.
#[derive(Clone, Debug)]
pub(super) struct SurrogateKeys {
    /// The name as it was given, where it is none.
    name: Result<HeaderName, String>,
    separator: &'static str,
}

/// The tags do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl SurrogateKeys {
    pub(super) fn named(name: &str) -> Self {
        let name = HeaderName::try_from(name).map_err(|_| name.to_owned());
        let by_space =
            |name: &HeaderName| name.as_str().ends_with("key") || name.as_str().ends_with("keys");
        let separator = if name.as_ref().is_ok_and(by_space) {
            " "
        } else {
            ","
        };
        Self { name, separator }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.name.as_ref().map(drop).map_err(|name| {
            let message = format!("`surrogate_keys` is `{name}`: this is not the name of a header");
            Error::new(ErrorKind::Configuration, message)
        })
    }

    /// The field; none without tags.
    pub(super) fn field(
        &self,
        tags: impl IntoIterator<Item: AsRef<str>>,
    ) -> Result<Option<(HeaderName, HeaderValue)>, TooMany> {
        let mut value = String::new();
        for tag in tags {
            let start = if value.is_empty() {
                0
            } else {
                value.len() + self.separator.len()
            };
            if start > 0 {
                value.push_str(self.separator);
            }
            value.extend(utf8_percent_encode(tag.as_ref(), UNSAFE));
            if value.len() - start > LONGEST_TAG || value.len() > CAPACITY_BYTES {
                return Err(TooMany);
            }
        }
        // All of it is visible ASCII, and a name that is none was refused before.
        let field = self
            .name
            .clone()
            .ok()
            .zip(HeaderValue::try_from(&value).ok());
        Ok(field.filter(|_| !value.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, tags: &[&str]) -> Result<Option<(HeaderName, HeaderValue)>, TooMany> {
        SurrogateKeys::named(name).field(tags)
    }

    fn value(name: &str, tags: &[&str]) -> String {
        let (_, value) = field(name, tags).unwrap().unwrap();
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn keys_are_separated_by_spaces_and_tags_by_commas() {
        assert_eq!(value("Surrogate-Key", &["posts", "post:1"]), "posts post:1");
        assert_eq!(value("xkey", &["posts", "post:1"]), "posts post:1");
        assert_eq!(value("Cache-Tag", &["posts", "post:1"]), "posts,post:1");
        assert_eq!(field("Cache-Tag", &[]), Ok(None));
    }

    #[test]
    fn what_could_be_taken_for_two_tags_or_break_the_line_is_escaped() {
        assert_eq!(
            value("Cache-Tag", &["a b", "c,d", "e%f", "g\r\nx: y"]),
            "a%20b,c%2Cd,e%25f,g%0D%0Ax:%20y"
        );
        assert_eq!(value("Surrogate-Key", &["post:café"]), "post:caf%C3%A9");
    }

    #[test]
    fn what_does_not_fit_is_told_and_not_cut() {
        let long = "x".repeat(1024);
        let many = vec![long.as_str(); 9];

        assert!(field("Cache-Tag", &[&long]).is_ok());
        assert_eq!(field("Cache-Tag", &[&format!("{long}y")]), Err(TooMany));
        assert_eq!(field("Cache-Tag", &many), Err(TooMany));
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        assert!(SurrogateKeys::named("Cache Tag").check().is_err());
        assert!(SurrogateKeys::named("Cache-Tag").check().is_ok());
    }
}
