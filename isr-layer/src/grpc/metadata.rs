//! The head of a gRPC request and of its response: content type and status.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};

use crate::outcome::Reason;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// The message format that `application/grpc` alone means.
const PROTO: &str = "proto";
/// The longest name of a message format: no format has a longer one.
const LONGEST_SUBTYPE: usize = 32;

/// The end of a call, as `grpc-status` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// `grpc-status: 0`.
    Ok,
    /// NOT_FOUND: what the call asks for does not exist.
    NotFound,
    /// PERMISSION_DENIED, UNIMPLEMENTED or UNAUTHENTICATED: this client may not call the method, or
    /// there is no such method.
    Refused,
    /// Another status, or an invalid one.
    Failed,
    /// No status.
    Missing,
}

/// Returns whether a request is a gRPC call: POST, with the content type of gRPC and not of
/// gRPC-Web.
pub(crate) fn is_grpc<B>(request: &Request<B>) -> bool {
    *request.method() == Method::POST && subtype(request.headers()).is_some()
}

/// Returns the format of a call's messages: `proto` for `application/grpc` and for
/// `application/grpc+proto`. `None` says that the headers are not those of gRPC.
pub(crate) fn subtype(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let value = lines
        .next()
        .filter(|_| lines.next().is_none())?
        .to_str()
        .ok()?;

    let rest = value.strip_prefix("application/grpc")?;
    if rest.is_empty() {
        return Some(PROTO);
    }

    let subtype = rest.strip_prefix('+')?;
    let is_name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    (1..=LONGEST_SUBTYPE)
        .contains(&subtype.len())
        .then_some(subtype)
        .filter(|name| name.bytes().all(is_name))
}

/// Returns the content type of a call whose messages have this format.
pub(crate) fn content_type(subtype: &str) -> HeaderValue {
    if subtype == PROTO {
        return GRPC;
    }
    HeaderValue::try_from(format!("application/grpc+{subtype}")).unwrap_or(GRPC)
}

/// Reads the [`Status`] of a call from its headers or its trailers.
pub(crate) fn status(fields: &HeaderMap) -> Status {
    match fields.get(GRPC_STATUS).map(HeaderValue::as_bytes) {
        None => Status::Missing,
        Some(b"0") => Status::Ok,
        Some(b"5") => Status::NotFound,
        Some(b"7" | b"12" | b"16") => Status::Refused,
        Some(_) => Status::Failed,
    }
}

/// Makes the head of a response without a message, for a call that failed before its method could
/// respond.
pub(crate) fn failed(reason: Reason) -> Response<()> {
    let (code, message) = match reason {
        Reason::Panic => (13, "the method panicked"),
        Reason::Timeout => (4, "the method took too long"),
        Reason::Loop => (13, "the method waits for its own response"),
        Reason::RequestCut => (1, "the request was cut midway"),
        // 14 is UNAVAILABLE: a client may call again.
        _ => (14, "the method could not be called"),
    };

    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(GRPC_STATUS, HeaderValue::from(code));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subtype_is_part_of_the_content_type_and_web_is_another() {
        for (value, expected) in [
            ("application/grpc", Some("proto")),
            ("application/grpc+proto", Some("proto")),
            ("application/grpc+json", Some("json")),
            ("application/grpc+", None),
            ("application/grpc;charset=utf-8", None),
            ("application/grpc+proto; a=b", None),
            ("application/grpc-web", None),
            ("application/grpc-web+proto", None),
            ("application/grpc-web-text", None),
            ("application/json", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));

            assert_eq!(subtype(&headers), expected, "{value}");
            headers.append(CONTENT_TYPE, GRPC);
            assert_eq!(subtype(&headers), None, "two lines");
        }
    }

    #[test]
    fn a_content_type_is_written_as_it_was_read() {
        for subtype_of in ["application/grpc", "application/grpc+json"] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(subtype_of));

            let again = content_type(subtype(&headers).unwrap_or_default());

            assert_eq!(again, subtype_of);
        }
    }
}
