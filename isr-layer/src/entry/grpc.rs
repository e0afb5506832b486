//! Admission of gRPC responses: the rules that differ because a response is a message with a
//! status.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http::{StatusCode, response};

use super::admit::{self, NotStored};
use crate::grpc::{Status, is_one_message, status, subtype};
use crate::outcome::Reason;
use crate::page::Policy;
use crate::render::context::HandlerHints;

/// Checks whether the head of a gRPC response lets it be stored, provided that [`whole`] agrees.
pub(super) fn head(
    policy: &Policy,
    vary: &[HeaderName],
    parts: &response::Parts,
    handler_ran: bool,
) -> Result<(), NotStored> {
    match status(&parts.headers) {
        // An interceptor refused this client, or the method does not exist. As with 401, 403 and
        // 404, the page itself has not failed.
        Status::Refused if !handler_ran => {
            return Err(NotStored::Uncacheable(Reason::HandlerNotRun));
        }
        Status::NotFound if handler_ran => {}
        Status::Refused | Status::Failed | Status::NotFound => {
            return Err(NotStored::Failed(Reason::GrpcStatus));
        }
        Status::Ok | Status::Missing => {}
    }

    admit::head(policy, vary, parts, handler_ran)?;
    if parts.status != StatusCode::OK {
        Err(NotStored::Uncacheable(Reason::Status))
    } else if subtype(&parts.headers).is_none() {
        Err(NotStored::Uncacheable(Reason::NotOneMessage))
    } else {
        Ok(())
    }
}

/// Checks whether a gRPC response may be stored whose head allows it, by its message, its status
/// and the handler's calls of [`context`](crate::context).
pub(super) fn whole(
    policy: &Policy,
    parts: &response::Parts,
    body: &Bytes,
    trailers: Option<&HeaderMap>,
    hints: &HandlerHints,
) -> Result<(), NotStored> {
    match ended(&parts.headers, trailers) {
        Status::Ok if body.is_empty() => {
            // No client takes a unary response without a message.
            Err(NotStored::Failed(Reason::Empty))
        }
        // As with a 404, the status says enough.
        Status::NotFound if body.is_empty() => admit::body(policy, StatusCode::NOT_FOUND, 0, hints),
        Status::Ok | Status::NotFound if !is_one_message(body) => {
            Err(NotStored::Uncacheable(Reason::NotOneMessage))
        }
        Status::Ok | Status::NotFound => admit::body(policy, parts.status, body.len(), hints),
        Status::Refused | Status::Failed | Status::Missing => {
            Err(NotStored::Failed(Reason::GrpcStatus))
        }
    }
}

/// Returns true if a response that may be stored says that there is no such thing. It is final, as
/// a 404 is.
pub(super) fn is_not_found(headers: &HeaderMap, trailers: Option<&HeaderMap>) -> bool {
    ended(headers, trailers) == Status::NotFound
}

/// Returns the status with which a call ended. One in the trailers wins over one in the headers: it
/// was sent last.
fn ended(headers: &HeaderMap, trailers: Option<&HeaderMap>) -> Status {
    match (status(headers), trailers.map_or(Status::Missing, status)) {
        (first, Status::Missing) => first,
        // A client that reads the headers alone must not be told another end.
        (Status::NotFound, Status::Ok) => Status::Failed,
        (_, trailing) => trailing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"\0\0\0\0\x01a";
    const FAILED: Result<(), NotStored> = Err(NotStored::Failed(Reason::GrpcStatus));
    const NOT_ONE_MESSAGE: Result<(), NotStored> =
        Err(NotStored::Uncacheable(Reason::NotOneMessage));

    fn parts(status: u16, headers: &[(&'static str, &'static str)]) -> response::Parts {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn head_of(status: u16, headers: &[(&'static str, &'static str)]) -> Result<(), NotStored> {
        head(&Policy::new(), &[], &parts(status, headers), true)
    }

    fn whole_of(
        in_headers: Option<&'static str>,
        in_trailers: Option<&'static str>,
        body: &'static [u8],
    ) -> Result<(), NotStored> {
        let headers = in_headers.map(|status| ("grpc-status", status));
        let trailers = in_trailers.map(|status| parts(200, &[("grpc-status", status)]).headers);
        let parts = parts(200, headers.as_slice());
        whole(
            &Policy::new(),
            &parts,
            &Bytes::from_static(body),
            trailers.as_ref(),
            &HandlerHints::default(),
        )
    }

    #[test]
    fn the_table_of_heads() {
        let grpc = ("content-type", "application/grpc");

        assert_eq!(head_of(200, &[grpc]), Ok(()));
        assert_eq!(head_of(200, &[grpc, ("grpc-status", "0")]), Ok(()));
        assert_eq!(
            head_of(200, &[("content-type", "application/grpc+json")]),
            Ok(())
        );
        assert_eq!(head_of(200, &[grpc, ("grpc-status", "5")]), Ok(()));
        assert_eq!(head_of(200, &[grpc, ("grpc-status", "14")]), FAILED);
        assert_eq!(head_of(200, &[grpc, ("grpc-status", "05")]), FAILED);
        assert_eq!(
            head_of(200, &[("content-type", "text/html")]),
            NOT_ONE_MESSAGE
        );
        assert_eq!(
            head_of(200, &[grpc, ("set-cookie", "a=b")]),
            Err(NotStored::Uncacheable(Reason::SetCookie))
        );
        assert_eq!(
            head_of(404, &[grpc]),
            Err(NotStored::Uncacheable(Reason::Status))
        );
        assert_eq!(
            head_of(301, &[grpc]),
            Err(NotStored::Uncacheable(Reason::Status))
        );
        assert_eq!(
            head_of(503, &[grpc]),
            Err(NotStored::Failed(Reason::FailedStatus))
        );
    }

    #[test]
    fn who_is_refused_before_the_method_is_refused_alone() {
        let of = |status, handler_ran| {
            let parts = parts(
                200,
                &[
                    ("content-type", "application/grpc"),
                    ("grpc-status", status),
                ],
            );
            head(&Policy::new(), &[], &parts, handler_ran)
        };

        for refusal in ["7", "12", "16"] {
            assert_eq!(
                of(refusal, false),
                Err(NotStored::Uncacheable(Reason::HandlerNotRun)),
                "{refusal}"
            );
            assert_eq!(of(refusal, true), FAILED, "{refusal}");
        }
        assert_eq!(of("14", false), FAILED);
        assert_eq!(of("5", false), FAILED, "it is not the method that says so");
        assert_eq!(of("5", true), Ok(()));
    }

    #[test]
    fn an_answer_is_one_message_and_status_zero() {
        for (headers, trailers, body, expected) in [
            (None, Some("0"), MESSAGE, Ok(())),
            (Some("0"), None, MESSAGE, Ok(())),
            (Some("0"), Some("0"), MESSAGE, Ok(())),
            (None, None, MESSAGE, FAILED),
            (None, Some("13"), MESSAGE, FAILED),
            (Some("0"), Some("13"), MESSAGE, FAILED),
            (Some("0"), Some("00"), MESSAGE, FAILED),
            (Some("0"), None, b"", Err(NotStored::Failed(Reason::Empty))),
            (None, Some("5"), b"", Ok(())),
            (Some("5"), None, b"", Ok(())),
            (Some("0"), Some("5"), b"", Ok(())),
            (None, Some("5"), MESSAGE, Ok(())),
            (None, Some("5"), b"\0", NOT_ONE_MESSAGE),
            (Some("5"), Some("0"), MESSAGE, FAILED),
            (Some("5"), Some("13"), b"", FAILED),
            (None, Some("0"), b"\0\0\0\0\0", Ok(())),
            (None, Some("0"), b"\x01\0\0\0\x01a", NOT_ONE_MESSAGE),
            (
                None,
                Some("0"),
                b"\0\0\0\0\x01a\0\0\0\0\x01b",
                NOT_ONE_MESSAGE,
            ),
        ] {
            assert_eq!(
                whole_of(headers, trailers, body),
                expected,
                "{headers:?} {trailers:?} {body:?}"
            );
        }
    }
}
