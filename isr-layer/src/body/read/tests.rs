//! Bodies are read in turns with other tasks, and kept in no more memory than they need.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::Frame;
use http_body_util::Full;

use super::*;

/// A body that is always ready and never yields a byte.
struct Mute(usize);

impl Body for Mute {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0 += 1;
        assert!(self.0 < 100_000, "it was read in one go");
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

#[tokio::test]
async fn a_body_that_is_always_ready_cannot_keep_others_from_their_turn() {
    let mut reading = pin!(read(Mute(0), 10));

    let polled = std::future::poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await;

    assert!(polled.is_pending());
}

/// A large buffer, of which a body is a small part.
struct Buffer {
    _held: Arc<()>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &[b'x'; 64 * 1024]
    }
}

#[tokio::test]
async fn what_is_read_keeps_no_buffer_that_it_was_a_part_of() {
    let buffer = Arc::new(());
    let part = Bytes::from_owner(Buffer {
        _held: buffer.clone(),
    })
    .slice(..10);

    let read = read(Full::new(part), 100).await;

    let Read::Whole { bytes, .. } = read else {
        panic!("it is small")
    };
    assert_eq!(bytes, "xxxxxxxxxx");
    assert_eq!(
        Arc::strong_count(&buffer),
        1,
        "ten bytes keep a buffer of 64 KiB"
    );
}
