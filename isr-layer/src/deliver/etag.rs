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
    #[inline]
    pub(crate) fn is_in(&self, list: &[u8]) -> bool {
        // What a client sends nearly always: the one tag it was given.
        list == self.0.as_bytes() || self.is_among(list)
    }

    fn is_among(&self, list: &[u8]) -> bool {
        let tag = opaque(self.0.as_bytes());
        let mut rest = list;
        while let Some((candidate, after)) = next_tag(rest) {
            if candidate == tag {
                return true;
            }
            rest = after;
        }
        false
    }
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
