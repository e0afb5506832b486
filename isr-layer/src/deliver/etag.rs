//! The entity tag of a stored page, and how a client's list of tags is compared with it.

use http::header::{ETAG, HeaderMap, HeaderValue};

/// The entity tag a page was stored with, if its handler's is one at all.
#[derive(Clone, Debug)]
pub(crate) struct EntityTag(HeaderValue);

impl EntityTag {
    /// The tag among the headers of a page; none where the value is not quoted, since it is the same as no other then.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let tag = headers.get(ETAG)?;
        let text = opaque(tag.as_bytes());
        (next_tag(text) == Some((text, &[]))).then(|| Self(tag.clone()))
    }

    /// Whether a list of entity tags names this one, compared weakly (RFC 9110, 8.8.3.2).
    pub(crate) fn is_in(&self, list: &[u8]) -> bool {
        let tag = opaque(self.0.as_bytes());
        tags(list).any(|(candidate, _)| candidate == tag)
    }

    /// Whether a list is this one as it was sent.
    pub(crate) fn is(&self, list: &HeaderValue) -> bool {
        self.0 == list
    }

    /// Whether a list names this one, compared strongly: a weak tag is never the same, and none of a list begins with `W/`.
    pub(crate) fn is_strongly_in(&self, list: &[u8]) -> bool {
        let tag = self.0.as_bytes();
        tags(list).any(|(candidate, weak)| !weak && candidate == tag)
    }
}

/// The quoted tags of a list with their quotes, and whether each is weak. A comma inside the quotes is text.
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

/// The next quoted tag of a list with its quotes, and what follows it. A comma inside the quotes is text.
fn next_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = list.iter().position(|byte| *byte == b'"')?;
    let length = list[start + 1..].iter().position(|byte| *byte == b'"')? + 2;
    Some(list[start..].split_at(length))
}

/// A tag without its mark of weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
