//! Requests, for any body a page can be rendered with.

use bytes::Bytes;
use http::{Method, Request};
use isr_layer::body::RenderBody;

/// A GET without anything else.
pub fn get<B: RenderBody>(path: &str) -> Request<B> {
    request(Method::GET, path, &[])
}

/// A HEAD without anything else.
pub fn head<B: RenderBody>(path: &str) -> Request<B> {
    request(Method::HEAD, path, &[])
}

/// A request without a body, with these headers.
pub fn request<B: RenderBody>(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<B> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(B::from_bytes(Bytes::new()))
        .expect("tests ask for targets and headers that exist")
}
