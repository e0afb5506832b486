//! Reads the raw body of a request, within limits of size, time, type and encoding.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body::Body;

use super::reading::{Reading, Readings, Sender};
use super::response::Refusal;

/// The maximum length of a body.
const MAX_BYTES: usize = 1024 * 1024;

/// The time in which a client must have sent the whole body.
const READ_TIME: Duration = Duration::from_secs(5);

/// Refuses a body that its headers rule out, before any of it is read.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    if !is_identity(headers) {
        return Err(Refusal::MediaType(
            "encoded bodies are not accepted: send the body without Content-Encoding",
        ));
    }
    if !is_json_or_untyped(headers) {
        return Err(Refusal::MediaType(
            "the body must be JSON: send `Content-Type: application/json`",
        ));
    }

    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BYTES as u64) {
        return Err(too_large());
    }
    Ok(())
}

/// Reads the whole body, or returns the [`Refusal`] of a body that is too long, too slow or broken,
/// or that has to give way to others.
pub(super) async fn read<B: Body>(
    body: B,
    readings: &Readings,
    sender: Sender,
) -> Result<Bytes, Refusal> {
    // Boxed, since a body need not be `Unpin`. No frame is held across an await, since frames need
    // not be `Send`.
    let mut body = Box::pin(body);
    let mut reading = readings.begin(sender);
    let mut length = 0;

    let whole = poll_fn(|cx| match reading.poll_gave_way(cx) {
        Poll::Ready(()) => Poll::Ready(Err(Refusal::Busy)),
        Poll::Pending => collect(body.as_mut(), &mut length, &mut reading, cx),
    });
    let whole = tokio::time::timeout(READ_TIME, whole).await;
    whole.unwrap_or(Err(Refusal::TimedOut))?;
    reading.finish()
}

fn collect<B: Body>(
    mut body: Pin<&mut B>,
    length: &mut usize,
    reading: &mut Reading<'_>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Refusal>> {
    loop {
        let Some(frame) = ready!(body.as_mut().poll_frame(cx)) else {
            return Poll::Ready(Ok(()));
        };
        let Ok(frame) = frame else {
            return Poll::Ready(Err(Refusal::Malformed(
                "the body could not be read to its end".to_owned(),
            )));
        };
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else {
            continue;
        };

        if data.remaining() > MAX_BYTES - *length {
            return Poll::Ready(Err(too_large()));
        }
        *length += data.remaining();
        reading.put(data)?;
    }
}

fn too_large() -> Refusal {
    Refusal::TooLarge("the body is longer than 1 MiB".to_owned())
}

fn is_identity(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// True for `application/json`, `text/json`, any `+json` (RFC 6839, 3.1), or no type at all.
fn is_json_or_untyped(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let Ok(kind) = kind.to_str() else {
        return false;
    };
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    matches!(essence.as_str(), "" | "application/json" | "text/json") || essence.ends_with("+json")
}
