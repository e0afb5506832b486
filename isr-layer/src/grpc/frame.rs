//! Reads and writes messages on the wire: a flag, a length in four octets, and the octets of the
//! message.

use bytes::{BufMut, Bytes, BytesMut};

/// The number of octets before a message.
pub(super) const FRAME_HEADER_LEN: usize = 5;

/// The beginning of a body, read as that of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Not all of the frame header is there.
    Incomplete,
    /// A message of that many octets.
    Plain(usize),
    /// The message is compressed, or has an unknown flag.
    Flagged,
}

impl Head {
    pub(super) fn of(body: &[u8]) -> Self {
        match body.first_chunk::<FRAME_HEADER_LEN>() {
            None if body.first().is_some_and(|flag| *flag != 0) => Self::Flagged,
            None => Self::Incomplete,
            Some([0, length @ ..]) => {
                Self::Plain(usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX))
            }
            Some(_) => Self::Flagged,
        }
    }
}

/// Returns the message, if the body is exactly one that is not compressed.
pub(super) fn message(body: &Bytes) -> Option<Bytes> {
    match Head::of(body) {
        Head::Plain(length) if body.len() - FRAME_HEADER_LEN == length => {
            Some(body.slice(FRAME_HEADER_LEN..))
        }
        _ => None,
    }
}

/// Returns whether a body is exactly one message, not compressed.
pub(crate) fn is_one_message(body: &Bytes) -> bool {
    message(body).is_some()
}

/// Makes a body of one message, not compressed.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(FRAME_HEADER_LEN + message.len());
    body.put_u8(0);
    // Messages come from keys, and the length of a key fits.
    body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    body.put_slice(message);
    body.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_framed_is_one_message_again() {
        for text in ["", "a", "a longer message"] {
            assert_eq!(
                message(&framed(text.as_bytes())),
                Some(Bytes::from_static(text.as_bytes()))
            );
        }
    }

    #[test]
    fn anything_but_one_plain_message_is_none() {
        for body in [
            &b""[..],
            b"\0\0\0\0",
            b"\0\0\0\0\x02a",
            b"\0\0\0\0\x01ab",
            b"\x01\0\0\0\x01a",
            b"\x80\0\0\0\0",
            b"\0\0\0\0\x01a\0\0\0\0\x01b",
            b"\0\xff\xff\xff\xffa",
        ] {
            assert_eq!(message(&Bytes::from_static(body)), None, "{body:?}");
        }
    }

    #[test]
    fn the_head_is_judged_as_soon_as_it_can_be() {
        assert_eq!(Head::of(b""), Head::Incomplete);
        assert_eq!(Head::of(b"\0\0"), Head::Incomplete);
        assert_eq!(Head::of(b"\x01"), Head::Flagged);
        assert_eq!(Head::of(b"\0\0\0\x01\0a"), Head::Plain(256));
    }
}
