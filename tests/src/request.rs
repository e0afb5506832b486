//! Makes requests with any body type that a page can be rendered with.

use bytes::Bytes;
use http::{Method, Request};
use isr_layer::body::RenderBody;

/// Makes a GET without headers and body.
pub fn get<B: RenderBody>(path: &str) -> Request<B> {
    request(Method::GET, path, &[])
}

/// Makes a HEAD without headers and body.
pub fn head<B: RenderBody>(path: &str) -> Request<B> {
    request(Method::HEAD, path, &[])
}

/// Makes a request with these headers and without a body.
pub fn request<B: RenderBody>(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<B> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(B::from_bytes(Bytes::new()))
        .expect("tests ask for targets and headers that exist")
}
