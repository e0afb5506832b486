//! Surrogate keys: an entry's tags in a header, so that a purge by tag can be passed on to a CDN.

use http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::error::{Error, ErrorKind};

/// The longest tag that CDNs take, in bytes.
const LONGEST_TAG: usize = 1024;
/// The limit for all tags: a stock nginx takes a head of 4 KiB, and 1 KiB is left for the rest.
pub(super) const DEFAULT_MAX_KEYS_BYTES: usize = 3 * 1024;
/// The ASCII characters that are escaped in a tag; everything outside ASCII is escaped too.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');
/// The characters that are escaped in a quoted String, where white space and commas may stand.
const UNSAFE_IN_STRING: &AsciiSet = &CONTROLS.add(b'%');

/// The header that carries an entry's tags.
#[derive(Clone, Debug)]
pub(super) struct SurrogateKeys {
    /// The name, or the text that is not a valid one.
    name: Result<HeaderName, String>,
    grammar: Grammar,
}

/// The grammar of a header that carries tags.
#[derive(Clone, Copy, Debug)]
enum Grammar {
    Spaces,
    Commas,
    /// A List of Strings (RFC 9875, 2).
    Strings,
}

/// Error: the tags do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl SurrogateKeys {
    pub(super) fn named(name: &str) -> Self {
        let name = HeaderName::try_from(name).map_err(|_| name.to_owned());
        let grammar = match name.as_ref().map_or("", HeaderName::as_str) {
            "cache-groups" => Grammar::Strings,
            name if name.ends_with("key") || name.ends_with("keys") => Grammar::Spaces,
            _ => Grammar::Commas,
        };
        Self { name, grammar }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.name.as_ref().map(drop).map_err(|name| {
            let what = format!(
                "`surrogate_keys`: invalid header name `{name}`; expected one such as `Cache-Tag`"
            );
            Error::new(ErrorKind::Configuration, what)
        })
    }

    /// Returns the field; `None` if there are no tags.
    pub(super) fn field(
        &self,
        tags: impl IntoIterator<Item: AsRef<str>>,
        max_bytes: usize,
    ) -> Result<Option<(HeaderName, HeaderValue)>, TooMany> {
        let mut value = String::new();
        for tag in tags {
            let tag = self.grammar.member(tag.as_ref());
            if !value.is_empty() {
                value.push_str(self.grammar.separator());
            }
            value.push_str(&tag);
            if tag.len() > LONGEST_TAG || value.len() > max_bytes {
                return Err(TooMany);
            }
        }

        // The value is visible ASCII, and `check` has refused an invalid name: neither fails here.
        let field = self
            .name
            .clone()
            .ok()
            .zip(HeaderValue::try_from(&value).ok());
        Ok(field.filter(|_| !value.is_empty()))
    }
}

impl Grammar {
    fn separator(self) -> &'static str {
        match self {
            Self::Spaces => " ",
            Self::Commas => ",",
            Self::Strings => ", ",
        }
    }

    /// Returns a tag as a member: different tags stay different.
    fn member(self, tag: &str) -> String {
        match self {
            Self::Spaces | Self::Commas => utf8_percent_encode(tag, UNSAFE).to_string(),
            Self::Strings => {
                let tag = utf8_percent_encode(tag, UNSAFE_IN_STRING).to_string();
                format!("\"{}\"", tag.replace('\\', "\\\\").replace('"', "\\\""))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, tags: &[&str]) -> Result<Option<(HeaderName, HeaderValue)>, TooMany> {
        SurrogateKeys::named(name).field(tags, DEFAULT_MAX_KEYS_BYTES)
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
        let many = vec![long.as_str(); 3];

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
