//! Changes the headers as a proxy must: fields of one connection end here, and the origin is told
//! which client asked for which host.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::header::{
    CONNECTION, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, MAX_FORWARDS, VIA,
};
use http::{Request, Version};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The fields of one connection (RFC 9110, 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Prepares the headers of a request for the connection to the origin.
pub(crate) fn forward<B>(request: &mut Request<B>) {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip().to_string());
    let host = asked_host(request);
    let received = request.version();
    let headers = request.headers_mut();
    remove_hop_by_hop(headers);
    add_via(headers, received);

    // Responses are stored by the host of the request, so the origin must not learn of another host
    // from the client.
    for name in [FORWARDED, X_FORWARDED_HOST] {
        headers.remove(name);
    }
    if let Some(host) = host {
        headers.insert(X_FORWARDED_HOST, host);
    }
    headers.insert(
        HeaderName::from_static("x-forwarded-proto"),
        HeaderValue::from_static("http"),
    );
    let name = HeaderName::from_static("x-forwarded-for");
    let before = headers
        .get_all(&name)
        .iter()
        .filter_map(|value| value.to_str().ok().map(str::to_owned));
    let all = before.chain(peer).collect::<Vec<_>>().join(", ");
    if let Ok(value) = HeaderValue::try_from(all) {
        headers.insert(name, value);
    }
}

/// Returns the host of a request. An absolute URI wins over `Host` (RFC 9112, 3.2.2).
fn asked_host<B>(request: &Request<B>) -> Option<HeaderValue> {
    match request.uri().authority() {
        Some(authority) => HeaderValue::try_from(authority.as_str()).ok(),
        None => request.headers().get(HOST).cloned(),
    }
}

/// Adds this proxy to the way of a message that came in the version `received` (RFC 9110, 7.6.3).
/// The entries of the proxies before stay.
pub(crate) fn add_via(headers: &mut HeaderMap, received: Version) {
    let entry = match received {
        Version::HTTP_10 => "1.0 isr-proxy",
        _ => "1.1 isr-proxy",
    };
    headers.append(VIA, HeaderValue::from_static(entry));
}

/// Removes the fields that belong to one connection.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in named(headers) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Returns the fields that `Connection` names, except those that always go to the next hop: without
/// them the origin would not learn of the host, and a chain of proxies could have no end.
fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| ![HOST, MAX_FORWARDS, VIA].contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_connection_ends_here() {
        let mut request = Request::get("/")
            .header("host", "example.com")
            .header("connection", "close, X-Mine, Max-Forwards")
            .header("x-mine", "1")
            .header("te", "trailers")
            .header("upgrade", "websocket")
            .header("accept", "*/*")
            .header("max-forwards", "3")
            .body(())
            .unwrap();

        forward(&mut request);

        let mut names = request
            .headers()
            .keys()
            .map(HeaderName::as_str)
            .collect::<Vec<_>>();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "accept",
                "host",
                "max-forwards",
                "via",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-forwarded-proto"
            ]
        );
    }

    #[test]
    fn the_peer_is_added_behind_the_proxies_before() {
        let mut request = Request::get("/")
            .header("x-forwarded-for", "192.0.2.1")
            .body(())
            .unwrap();
        let peer = SocketAddr::from(([192, 0, 2, 2], 1234));
        request.extensions_mut().insert(ConnectInfo(peer));

        forward(&mut request);

        assert_eq!(request.headers()["x-forwarded-for"], "192.0.2.1, 192.0.2.2");
    }

    /// Responses are stored by the host of the request, so no other part of a request may decide
    /// which host the origin sees.
    #[test]
    fn the_origin_is_told_of_the_host_that_was_asked_and_of_no_other() {
        for (uri, lines, expected) in [
            (
                "/",
                &[("host", "a.example"), ("x-forwarded-host", "evil.example")][..],
                Some("a.example"),
            ),
            (
                "/",
                &[("host", "a.example"), ("connection", "host")],
                Some("a.example"),
            ),
            (
                "/",
                &[("host", "a.example"), ("connection", "x-forwarded-host")],
                Some("a.example"),
            ),
            (
                "http://a.example/",
                &[("host", "evil.example")],
                Some("a.example"),
            ),
            ("http://a.example/", &[], Some("a.example")),
            (
                "/",
                &[
                    ("x-forwarded-host", "evil.example"),
                    ("forwarded", "host=evil.example"),
                ],
                None,
            ),
        ] {
            let request = lines
                .iter()
                .fold(Request::get(uri), |request, (name, value)| {
                    request.header(*name, *value)
                });
            let mut request = request.body(()).unwrap();

            forward(&mut request);

            let told = request
                .headers()
                .get("x-forwarded-host")
                .map(|host| host.to_str().unwrap());
            assert_eq!(told, expected, "{uri} {lines:?}");
            let kept = lines.iter().any(|(name, _)| *name == "host");
            assert_eq!(
                request.headers().contains_key(HOST),
                kept,
                "{uri} {lines:?}"
            );
            assert!(!request.headers().contains_key("forwarded"));
        }
    }
}
