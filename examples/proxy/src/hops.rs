//! Handles the requests that go no further than this proxy: tunnels, which it does not open, and
//! TRACE and OPTIONS that are for it by `Max-Forwards`.

use axum::body::Body;
use axum::response::IntoResponse;
use http::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, MAX_FORWARDS,
    PROXY_AUTHORIZATION,
};
use http::{Method, Request, Response, StatusCode};

/// The methods of the requests that this proxy passes on.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE";

/// Returns the response to a request that goes no further. In any other request a hop is taken off
/// `Max-Forwards`, which counts for TRACE and OPTIONS only (RFC 9110, 7.6.2).
pub(crate) fn respond<B>(request: &mut Request<B>) -> Option<Response<Body>> {
    match *request.method() {
        Method::CONNECT => return Some(refuse_tunnel()),
        Method::OPTIONS | Method::TRACE => {}
        _ => return None,
    }

    match hops_left(request.headers()) {
        Ok(None) => None,
        Ok(Some(0)) => Some(respond_last(request)),
        Ok(Some(left)) => {
            let left = HeaderValue::from(left - 1);
            request.headers_mut().insert(MAX_FORWARDS, left);
            None
        }
        Err(status) => Some(status.into_response()),
    }
}

/// Closes the connection as well: a client may have sent octets for the tunnel already, and these
/// are no requests.
fn refuse_tunnel() -> Response<Body> {
    (StatusCode::NOT_IMPLEMENTED, [(CONNECTION, "close")]).into_response()
}

/// Returns the number in `Max-Forwards`, or `None` if the request may make any number of hops.
fn hops_left(headers: &HeaderMap) -> Result<Option<u64>, StatusCode> {
    let mut lines = headers.get_all(MAX_FORWARDS).iter();
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    match (first.to_str().ok().filter(is_number), lines.next()) {
        // A number that is too large is a limit that no request reaches.
        (Some(digits), None) => Ok(Some(digits.parse().unwrap_or(u64::MAX))),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// Responds in place of the origin.
fn respond_last<B>(request: &Request<B>) -> Response<Body> {
    if *request.method() == Method::TRACE {
        ([(CONTENT_TYPE, "message/http")], reflect(request)).into_response()
    } else {
        ([(ALLOW, METHODS)], ()).into_response()
    }
}

/// Writes the request as it came, without the fields that hold secrets (RFC 9110, 9.3.8).
fn reflect<B>(request: &Request<B>) -> Vec<u8> {
    let (method, uri, version) = (request.method(), request.uri(), request.version());
    let mut text = format!("{method} {uri} {version:?}\r\n").into_bytes();
    for (name, value) in request.headers() {
        if [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            continue;
        }
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}
