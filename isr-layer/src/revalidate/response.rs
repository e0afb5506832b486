//! What the endpoint says: a receipt, or problem details (RFC 9457).

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::invalidation::{Receipt, Status};

/// The longest detail we send: part of it may be the caller's own words.
const MAX_DETAIL: usize = 500;

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not JSON, or of the wrong shape.
    Malformed(String),
    /// No credential or a wrong one, whatever the reason.
    InvalidToken,
    /// The method is not one of these.
    Method { allow: &'static str },
    /// The body did not arrive in time.
    TimedOut,
    /// Over a limit.
    TooLarge(String),
    /// An encoding or a type of body that is not read.
    MediaType(&'static str),
    /// A webhook's payload that lacks what its mapping needs.
    Unprocessable(String),
    /// Too many failures from one address, or too many calls by one credential.
    TooMany { retry_after: Duration },
}

/// The members that every problem has.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    receipt: &'a Receipt,
    now: u64,
}

/// What is told when nothing is done: it was done before, or the event names nothing of ours.
#[derive(Serialize)]
struct NothingDone {
    revalidated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    receipts: [(); 0],
    replayed: bool,
    now: u64,
}

#[derive(Serialize)]
struct Failed<'a> {
    #[serde(flatten)]
    problem: Problem<'a>,
    #[serde(flatten)]
    told: Told<'a>,
}

/// What became of a request that was carried out.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The cache did this.
    Done(Receipt),
    /// The delivery was acknowledged before.
    Replayed(Acknowledged),
    /// The webhook's event names nothing of ours.
    Nothing,
}

/// How a purge was acknowledged: with 200, and this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    revalidated: bool,
    sequence: Option<u64>,
}

impl Acknowledged {
    /// How `receipt` is acknowledged, unless it is not.
    pub(super) fn of(receipt: &Receipt) -> Option<Self> {
        let acknowledged = Self {
            revalidated: receipt.is_revalidated(),
            sequence: receipt.sequence(),
        };
        (!all_failed(receipt)).then_some(acknowledged)
    }
}

/// Tells what became of a request.
pub(super) fn outcome(outcome: &Outcome, now: u64) -> Response<Full<Bytes>> {
    let nothing = |Acknowledged {
                       revalidated,
                       sequence,
                   },
                   replayed| {
        let told = NothingDone {
            revalidated,
            sequence,
            receipts: [],
            replayed,
            now,
        };
        json(StatusCode::OK, "application/json", &told)
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

/// Tells what a purge did: 500 when every render of it failed, otherwise 200.
fn receipt(receipt: &Receipt, now: u64) -> Response<Full<Bytes>> {
    let told = Told { receipt, now };
    if !all_failed(receipt) {
        return json(StatusCode::OK, "application/json", &told);
    }
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let detail = "no render gave anything that may be stored";
    let problem = Problem {
        message: "Error revalidating",
        ..Problem::new(status, detail)
    };
    json(
        status,
        "application/problem+json",
        &Failed { problem, told },
    )
}

/// Says why a request was not carried out.
pub(crate) fn refusal(refusal: &Refusal) -> Response<Full<Bytes>> {
    let status = refusal.status();
    let detail = refusal.detail();
    let problem = Problem::new(status, &detail);
    let mut response = json(status, "application/problem+json", &problem);
    let headers = response.headers_mut();
    match refusal {
        // RFC 9110, 15.5.6 and 15.5.2: these two must be there.
        Refusal::Method { allow } => headers.insert(ALLOW, HeaderValue::from_static(allow)),
        Refusal::InvalidToken => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        }
        Refusal::TooMany { retry_after } => {
            headers.insert(RETRY_AFTER, whole_seconds(*retry_after))
        }
        _ => None,
    };
    response
}

/// RFC 9110, 10.2.3. Rounded up: a caller that comes back on time is not early.
fn whole_seconds(wait: Duration) -> HeaderValue {
    let rounded = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    HeaderValue::from(rounded)
}

fn all_failed(receipt: &Receipt) -> bool {
    let receipts = receipt.receipts();
    !receipts.is_empty() && receipts.iter().all(|one| one.status() == Status::Failed)
}

fn json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(body)
        .expect("an answer has string keys and nothing that cannot be serialized");
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
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
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
            Self::Method { allow } => format!("method not allowed: send one of {allow}").into(),
            Self::TimedOut => "the body did not arrive in time".into(),
            Self::TooMany { .. } => "Too many requests".into(),
        }
    }
}

impl<'a> Problem<'a> {
    fn new(status: StatusCode, detail: &'a str) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        // RFC 9457, 4.2.1: `about:blank` means that the status code says it all.
        Self {
            r#type: "about:blank",
            title,
            status: status.as_u16(),
            detail,
            message: detail,
        }
    }
}

/// The start of a text, cut between two characters: for what a caller said and we say again.
pub(super) fn clip(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}
