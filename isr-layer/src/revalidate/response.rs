//! The responses of the endpoint: a [`Receipt`], or problem details (RFC 9457).

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::invalidation::{Reach, Receipt, SelectorStatus};

/// The maximum length of a `detail`, which may repeat text that the client sent.
const MAX_DETAIL: usize = 500;

/// The reason for which a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body or the query cannot be parsed, or has the wrong shape.
    Malformed(String),
    /// The credential is missing or wrong. The response is equal for every reason.
    InvalidToken,
    /// A page of another site made a browser send the request.
    CrossSite,
    /// The method is not one of those in `allow`.
    Method { allow: &'static str },
    /// The body did not arrive in time.
    TimedOut,
    /// The body is over a limit.
    TooLarge(String),
    /// The body has an encoding or a type that the endpoint does not read.
    MediaType(&'static str),
    /// The payload of a webhook lacks a field that its mapping needs.
    Unprocessable(String),
    /// Too many bodies are being read, and this one had to give way.
    Busy,
    /// One address had too many failures, or one credential made too many calls.
    TooMany { retry_after: Duration },
}

/// The members of every problem document.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    message: &'a str,
}

/// The body of a 200, with the time of the response.
#[derive(Serialize)]
struct ReceiptBody<'a> {
    #[serde(flatten)]
    receipt: &'a Receipt,
    now: u64,
}

/// The body of a 200 if there was nothing to do: the delivery was acknowledged before, or the
/// event selects nothing of this site.
#[derive(Serialize)]
struct EmptyReceiptBody {
    revalidated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    receipts: [(); 0],
    replayed: bool,
    now: u64,
}

/// The body of a 500 or 503: a problem that carries the receipt too.
#[derive(Serialize)]
struct FailedBody<'a> {
    #[serde(flatten)]
    problem: Problem<'a>,
    #[serde(flatten)]
    receipt: ReceiptBody<'a>,
}

/// The outcome of a request that was accepted.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The cache carried it out, with this [`Receipt`].
    Done(Receipt),
    /// The delivery was acknowledged before, and was not carried out again.
    Replayed(Acknowledged),
    /// The webhook's event selects nothing of this site.
    Nothing,
}

/// The acknowledgement of a purge by a 200: these two members are repeated for a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    revalidated: bool,
    sequence: Option<u64>,
}

impl Acknowledged {
    /// Returns the acknowledgement of `receipt`, or `None` if the response is an error.
    pub(super) fn of(receipt: &Receipt) -> Option<Self> {
        let acknowledged = Self {
            revalidated: receipt.is_revalidated(),
            sequence: receipt.sequence(),
        };
        (failure(receipt).is_none()).then_some(acknowledged)
    }
}

/// Builds the response for an [`Outcome`].
pub(super) fn outcome(outcome: &Outcome, now: u64) -> Response<Full<Bytes>> {
    let nothing = |Acknowledged {
                       revalidated,
                       sequence,
                   },
                   replayed| {
        let body = EmptyReceiptBody {
            revalidated,
            sequence,
            receipts: [],
            replayed,
            now,
        };
        json(StatusCode::OK, "application/json", &body)
    };

    match outcome {
        Outcome::Done(done) => receipt(done, now),
        Outcome::Replayed(before) => nothing(*before, true),
        Outcome::Nothing => nothing(
            Acknowledged {
                revalidated: false,
                sequence: None,
            },
            false,
        ),
    }
}

/// Builds the response for a receipt: an error if the purge is to be sent again, otherwise 200.
fn receipt(receipt: &Receipt, now: u64) -> Response<Full<Bytes>> {
    let body = ReceiptBody { receipt, now };
    let Some((status, detail)) = failure(receipt) else {
        return json(StatusCode::OK, "application/json", &body);
    };

    let problem = Problem {
        message: "Error revalidating",
        ..Problem::new(status, detail)
    };
    let body = FailedBody {
        problem,
        receipt: body,
    };
    let mut response = json(status, "application/problem+json", &body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let second = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, second);
    }
    response
}

/// Returns the error of a purge that failed: a content system shows it to its editors, or sends the
/// purge again.
fn failure(receipt: &Receipt) -> Option<(StatusCode, &'static str)> {
    if receipt.reach() == Some(Reach::Local) {
        let detail = "the purge holds now, but it could not be recorded and would be lost in a \
                      restart: send it again";
        return Some((StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    let detail = "every render failed; the last good pages stay";
    all_failed(receipt).then_some((StatusCode::INTERNAL_SERVER_ERROR, detail))
}

/// Builds the response for a [`Refusal`]: problem details, and the headers that its status needs. A
/// 401 has the `challenge`.
pub(crate) fn refusal(
    refusal: &Refusal,
    challenge: impl FnOnce() -> HeaderValue,
) -> Response<Full<Bytes>> {
    let status = refusal.status();
    let detail = refusal.detail();
    let problem = Problem::new(status, &detail);
    let mut response = json(status, "application/problem+json", &problem);

    let headers = response.headers_mut();
    match refusal {
        // RFC 9110, 15.5.6 and 15.5.2 require `Allow` and `WWW-Authenticate`.
        Refusal::Method { allow } => headers.insert(ALLOW, HeaderValue::from_static(allow)),
        Refusal::InvalidToken => headers.insert(WWW_AUTHENTICATE, challenge()),
        Refusal::TooMany { retry_after } => {
            headers.insert(RETRY_AFTER, whole_seconds(*retry_after))
        }
        Refusal::Busy => headers.insert(RETRY_AFTER, HeaderValue::from_static("1")),
        _ => None,
    };
    response
}

/// Writes `Retry-After` in whole seconds (RFC 9110, 10.2.3), rounded up so that a client which
/// waits for that time is not too early.
fn whole_seconds(wait: Duration) -> HeaderValue {
    let rounded = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    HeaderValue::from(rounded)
}

/// True if every selector failed that was not refused, and there was one.
fn all_failed(receipt: &Receipt) -> bool {
    let statuses = receipt.receipts().iter().map(|one| one.status());
    let mut taken = statuses.filter(|one| *one != SelectorStatus::Refused);
    taken.next() == Some(SelectorStatus::Failed) && taken.all(|one| one == SelectorStatus::Failed)
}

fn json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(body)
        .expect("a response body has string keys and only serializable values");
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::Malformed(detail) | Self::TooLarge(detail) | Self::Unprocessable(detail) => {
                clip(detail, MAX_DETAIL).into()
            }
            Self::MediaType(detail) => (*detail).into(),
            Self::InvalidToken => "Invalid token".into(),
            Self::CrossSite => "a page of another site sent this: use a token, or call from a \
                                server or from a page of this site"
                .into(),
            Self::Method { allow } => format!("method not allowed: send one of {allow}").into(),
            Self::TimedOut => "the body did not arrive within 5 seconds".into(),
            Self::Busy => "too many bodies are being read: send it again".into(),
            Self::TooMany { .. } => "Too many requests".into(),
        }
    }
}

impl<'a> Problem<'a> {
    fn new(status: StatusCode, detail: &'a str) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        // `about:blank` means that the status code alone names the problem (RFC 9457, 4.2.1).
        Self {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            detail,
            message: detail,
        }
    }
}

/// Returns at most `longest` bytes from the start of a text, cut between two characters. Used for
/// text of clients that a response repeats.
pub(super) fn clip(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}
