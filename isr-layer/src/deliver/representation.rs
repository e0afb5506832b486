//! One encoding of a page: its body, the heads it is sent with, and its [`Validators`].

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue};
use http::response::Parts;
use http::{Response, StatusCode};

use super::encoding::Coding;
use super::headers;
use super::precondition::Validators;
use super::prepared_head::{PreparedHead, PreparedHeads};

/// A page in one encoding.
#[derive(Debug)]
pub(crate) struct Representation {
    /// The content coding; `None` is identity, the page as it was rendered.
    pub(crate) coding: Option<Coding>,
    pub(crate) body: Bytes,
    /// The heads of its responses, prepared once a second.
    pub(crate) heads: PreparedHeads,
    /// The values that preconditions are compared with.
    pub(crate) validators: Validators,
}

impl Representation {
    /// Makes the representation of a page as it was rendered.
    pub(crate) fn identity(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = status;
        head.headers = headers;
        Self::new(None, head, body)
    }

    /// Makes the representation of this page in another encoding. Another representation must have
    /// another entity tag.
    pub(crate) fn encoded(&self, coding: Coding, body: Bytes) -> Self {
        let mut head = self.heads.latest().whole.head.clone();
        let headers = &mut head.headers;
        headers::remove_all(headers, headers::is_digest);
        // Only the page as it was rendered is sent in parts.
        headers.remove(ACCEPT_RANGES);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        // A tag that gets no suffix is removed: two representations must not share a tag.
        match headers.remove(ETAG).and_then(|tag| suffixed(&tag, coding)) {
            Some(tag) => headers.insert(ETAG, tag),
            None => None,
        };
        Self::new(Some(coding), head, body)
    }

    fn new(coding: Option<Coding>, head: Parts, body: Bytes) -> Self {
        let validators = Validators::of(&head.headers);
        Self {
            coding,
            body,
            heads: PreparedHeads::new(PreparedHead { until: None, head }),
            validators,
        }
    }
}

/// Returns the tag with the coding's name inside its quotes, or `None` if it has no quotes.
fn suffixed(tag: &HeaderValue, coding: Coding) -> Option<HeaderValue> {
    let tag = tag.as_bytes();
    let open = tag.strip_suffix(b"\"")?;
    let is_open = open.strip_prefix(b"W/").unwrap_or(open).starts_with(b"\"");
    let suffixed =
        || HeaderValue::from_bytes(&[open, b"-", coding.name().as_bytes(), b"\""].concat());
    is_open.then(suffixed)?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_has_a_tag_of_its_own() {
        for (tag, expected) in [("\"a\"", "\"a-br\""), ("W/\"a\"", "W/\"a-br\"")] {
            let mut headers = HeaderMap::new();
            headers.insert(ETAG, HeaderValue::from_static(tag));
            let identity =
                Representation::identity(StatusCode::OK, headers, Bytes::from_static(b"page"));

            let encoded = identity.encoded(Coding::Brotli, Bytes::from_static(b"p"));

            let headers = &encoded.heads.latest().whole.head.headers;
            assert_eq!(headers[ETAG], expected);
            assert_eq!(headers[CONTENT_ENCODING], "br");
        }
    }
}
