//! The entity tag of a stored page, and its comparison with a list of tags that a client sent.

use http::header::{ETAG, HeaderMap, HeaderValue};

/// The entity tag with which a page was stored.
#[derive(Clone, Debug)]
pub(crate) struct EntityTag(HeaderValue);

impl EntityTag {
    /// Returns the tag among the headers of a page. An unquoted value gives `None`, because it is
    /// equal to no tag of a list.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let tag = headers.get(ETAG)?;
        let text = opaque(tag.as_bytes());
        (next_tag(text) == Some((text, &[]))).then(|| Self(tag.clone()))
    }

    /// Returns whether a list contains this tag, by weak comparison (RFC 9110, 8.8.3.2).
    pub(crate) fn is_in(&self, list: &[u8]) -> bool {
        let tag = opaque(self.0.as_bytes());
        tags(list).any(|(candidate, _)| candidate == tag)
    }

    /// Returns whether the whole list is this tag, octet for octet.
    pub(crate) fn is(&self, list: &HeaderValue) -> bool {
        self.0 == list
    }

    /// Returns whether a list contains this tag, by strong comparison. If this tag is weak, nothing
    /// is equal to it, because the tags of a list are compared without their `W/`.
    pub(crate) fn is_strongly_in(&self, list: &[u8]) -> bool {
        let tag = self.0.as_bytes();
        tags(list).any(|(candidate, weak)| !weak && candidate == tag)
    }
}

/// Iterates over the quoted tags of a list with their quotes, and tells whether each is weak. A
/// comma inside the quotes is text.
fn tags(list: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let before = rest.iter().position(|byte| *byte == b'"')?;
        let weak = rest[..before].ends_with(b"W/");
        let (tag, after) = next_tag(rest)?;
        rest = after;
        Some((tag, weak))
    })
}

/// Splits off the next quoted tag of a list with its quotes; the second value is the rest of the
/// list. A comma inside the quotes is text.
fn next_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = list.iter().position(|byte| *byte == b'"')?;
    let length = list[start + 1..].iter().position(|byte| *byte == b'"')? + 2;
    Some(list[start..].split_at(length))
}

/// Returns the tag without the prefix `W/` of a weak tag.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
